-- The bank's answers that say the same in every partition, in the log's order.
SELECT business_date, number, payment, state, amount_minor, reason, reference, control_id
FROM payment_state
GROUP BY ALL
HAVING count(*) = coalesce($partitions, (SELECT count(DISTINCT partition) FROM cycle))
ORDER BY min((partition, stream_seq))
