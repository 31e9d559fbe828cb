-- What the poster runs: each section of a cycle is one statement, because the guards count whole statements.

-- name: lock
SELECT pg_advisory_xact_lock(%(lock)s)

-- name: newest_generation
SELECT generation, partitions, cluster_id FROM ledger.meta ORDER BY generation DESC LIMIT 1

-- name: open_generation
INSERT INTO ledger.meta (generation, partitions, cluster_id) VALUES (%(generation)s, %(partitions)s, %(cluster_id)s)

-- name: cycle
INSERT INTO ledger.cycle (seq, prev, business_date, kind, number, effective_date, control_id, generation,
                          n_prices, n_lines, n_payments, n_journals, n_marks, n_outbox, sha256)
VALUES (%(seq)s, %(prev)s, %(business_date)s, %(kind)s, %(number)s, %(effective_date)s, %(control_id)s, %(generation)s,
        %(n_prices)s, %(n_lines)s, %(n_payments)s, %(n_journals)s, %(n_marks)s, %(n_outbox)s, %(sha256)s)

-- name: missing_accounts
SELECT id, member, origin, currency
FROM unnest(%(id)s::text[], %(member)s::text[], %(origin)s::text[], %(currency)s::text[]) AS a (id, member, origin, currency)
WHERE NOT EXISTS (SELECT FROM ledger.account WHERE account.id = a.id)

-- name: accounts
INSERT INTO ledger.account (id, member, origin, currency)
SELECT * FROM unnest(%(id)s::text[], %(member)s::text[], %(origin)s::text[], %(currency)s::text[])

-- name: prices
INSERT INTO ledger.cycle_price (cycle_seq, contract, price_nano, value_minor, tier)
SELECT %(seq)s, * FROM unnest(%(contract)s::text[], %(price_nano)s::bigint[], %(value_minor)s::bigint[], %(tier)s::text[])

-- name: lines
INSERT INTO ledger.margin_line (
    cycle_seq, account, member, origin, contract, currency,
    start, bought, sold, transferred, expired, "end", start_long, start_short, end_long, end_short, positions,
    previous_nano, previous_value_minor, price_nano, value_minor,
    tvar_minor, smtm_minor, imtm_minor, fmtm_minor, cres_minor, adj_minor, fee_minor)
SELECT %(seq)s, * FROM unnest(
    %(account)s::text[], %(member)s::text[], %(origin)s::text[], %(contract)s::text[], %(currency)s::text[],
    %(start)s::bigint[], %(bought)s::bigint[], %(sold)s::bigint[], %(transferred)s::bigint[], %(expired)s::bigint[],
    %(end)s::bigint[], %(start_long)s::bigint[], %(start_short)s::bigint[], %(end_long)s::bigint[], %(end_short)s::bigint[],
    %(positions)s::text[], %(previous_nano)s::bigint[], %(previous_value_minor)s::bigint[],
    %(price_nano)s::bigint[], %(value_minor)s::bigint[], %(tvar_minor)s::bigint[], %(smtm_minor)s::bigint[],
    %(imtm_minor)s::bigint[], %(fmtm_minor)s::bigint[], %(cres_minor)s::bigint[], %(adj_minor)s::bigint[],
    %(fee_minor)s::bigint[])

-- name: payments
INSERT INTO ledger.payment (cycle_seq, member, origin, currency, amount_minor, value_date)
SELECT %(seq)s, member, origin, currency, amount_minor, to_date(value_date::text, 'YYYYMMDD')
FROM unnest(%(member)s::text[], %(origin)s::text[], %(currency)s::text[], %(amount_minor)s::bigint[], %(value_date)s::integer[])
    AS paid (member, origin, currency, amount_minor, value_date)

-- name: journals
INSERT INTO ledger.journal (cycle_seq, id, currency, n_legs, payload_sha256)
SELECT %(seq)s, * FROM unnest(%(id)s::text[], %(currency)s::text[], %(n_legs)s::integer[], %(payload_sha256)s::bytea[])

-- name: postings
INSERT INTO ledger.posting (journal_id, leg, account_id, currency, amount_minor)
SELECT * FROM unnest(%(journal_id)s::text[], %(leg)s::integer[], %(account_id)s::text[], %(currency)s::text[],
                     %(amount_minor)s::bigint[])

-- name: marks
INSERT INTO ledger.partition_mark (cycle_seq, partition, stream_seq, rolling_sha256)
SELECT %(seq)s, * FROM unnest(%(partition)s::integer[], %(stream_seq)s::bigint[], %(rolling_sha256)s::bytea[])

-- name: outbox
INSERT INTO ledger.outbox (cycle_seq, line, topic, key, value)
SELECT %(seq)s, * FROM unnest(%(line)s::integer[], %(topic)s::text[], %(key)s::text[], %(value)s::bytea[])

-- name: bank_answer
INSERT INTO ledger.bank_answer (cycle_seq, payment, member, origin, currency, state, amount_minor, reason, reference, refused)
VALUES (%(seq)s, %(payment)s, %(member)s, %(origin)s, %(currency)s, %(state)s, %(amount_minor)s, %(reason)s,
        %(reference)s, %(refused)s)

-- name: next_payment_state
INSERT INTO ledger.payment_state (cycle_seq, member, origin, currency, number, state, control_id)
SELECT c.seq, %(member)s::text, %(origin)s::text, %(currency)s::text, (
    SELECT count(*) + 1 FROM ledger.payment_state s
    WHERE (s.cycle_seq, s.member, s.origin, s.currency) = (c.seq, %(member)s::text, %(origin)s::text, %(currency)s::text)
), %(state)s, %(control_id)s
FROM ledger.cycle c
WHERE c.business_date = %(business_date)s AND c.kind = %(kind)s AND c.number = %(number)s
