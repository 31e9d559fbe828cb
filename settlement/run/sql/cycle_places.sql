-- Where the prices of a cycle stand.
SELECT partition, stream_seq
FROM cycle
WHERE business_date = $business_date AND kind = $kind AND number = $number
ORDER BY partition
