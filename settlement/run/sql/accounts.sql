-- Every account with its newest terms, its partition and the place where it was first opened.
SELECT account, arg_max(member, stream_seq), arg_max(origin, stream_seq), arg_max(positions, stream_seq), partition, min(stream_seq)
FROM account
GROUP BY account, partition
ORDER BY account
