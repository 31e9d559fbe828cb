-- How many fills lie before the prices of a cycle, by partition.
SELECT c.partition, count(f.stream_seq)
FROM (FROM cycle WHERE business_date = $business_date AND kind = $kind AND number = $number) AS c
LEFT JOIN fill AS f ON f.partition = c.partition AND f.stream_seq < c.stream_seq
GROUP BY c.partition
