-- The holidays of each currency's bank that were in force at a cycle's prices: the newest record before them (PAY-2).
-- That all partitions hold the same, control_sums.sql checks.
SELECT b.currency, arg_max(b.holidays, b.stream_seq)
FROM bank_calendar AS b
JOIN cycle AS c ON c.partition = b.partition AND b.stream_seq < c.stream_seq
WHERE c.business_date = $business_date AND c.kind = $kind AND c.number = $number
    AND c.partition = (SELECT min(partition) FROM cycle)
GROUP BY b.currency
ORDER BY b.currency
