-- What the ledger's chain is made of: cycles, and the bank's answers, where they stand in every partition, in the log's order.
SELECT business_date, kind, number
FROM (
    SELECT partition, stream_seq, business_date, kind, number FROM cycle WHERE kind <> 'opening'
    UNION ALL
    SELECT partition, stream_seq, business_date, 'bank', number FROM payment_state
)
GROUP BY ALL
HAVING count(*) = coalesce($partitions, (SELECT count(DISTINCT partition) FROM cycle))
ORDER BY min((partition, stream_seq))
