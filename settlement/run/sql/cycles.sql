-- The cycles whose prices stand in every partition ($partitions, or as many as are loaded), in the log's order.
SELECT business_date, kind, number
FROM cycle
WHERE kind <> 'opening'
GROUP BY ALL
HAVING count(*) = coalesce($partitions, (SELECT count(DISTINCT partition) FROM cycle))
ORDER BY min((partition, stream_seq))
