-- Where to look: the last 20 fills of some accounts ($accounts, empty for all) in a contract, up to a date.
SELECT partition, stream_seq
FROM fill
WHERE contract = $contract AND business_date <= $business_date AND (len($accounts::VARCHAR[]) = 0 OR account IN $accounts)
ORDER BY business_date DESC, partition, stream_seq DESC
LIMIT 20
