-- Where an answer of the bank stands.
SELECT partition, stream_seq
FROM payment_state
WHERE business_date = $business_date AND 'bank' = $kind AND number = $number
ORDER BY partition
