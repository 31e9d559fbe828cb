-- What is read back. Every order is total, so that the same books give the same rows. A NULL filter takes everything.

-- name: cycles
SELECT c.seq, c.business_date, c.kind, c.number,
       before.business_date AS previous_business_date, before.kind AS previous_kind, before.number AS previous_number,
       c.effective_date, c.control_id, c.generation,
       c.n_prices, c.n_lines, c.n_payments, c.n_journals, c.n_marks, c.n_outbox, c.sha256, c.chain_sha256
FROM ledger.cycle c LEFT JOIN ledger.cycle before ON before.seq = c.prev
WHERE (%(business_date)s::date IS NULL OR c.business_date = %(business_date)s)
  AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
  AND (%(number)s::integer IS NULL OR c.number = %(number)s)
ORDER BY c.seq

-- name: head
SELECT c.seq, c.business_date, c.kind, c.number,
       before.business_date AS previous_business_date, before.kind AS previous_kind, before.number AS previous_number,
       c.effective_date, c.control_id, c.generation,
       c.n_prices, c.n_lines, c.n_payments, c.n_journals, c.n_marks, c.n_outbox, c.sha256, c.chain_sha256
FROM ledger.cycle c LEFT JOIN ledger.cycle before ON before.seq = c.prev
ORDER BY c.seq DESC LIMIT 1

-- name: prices
SELECT c.business_date, c.kind, c.number, p.contract, p.price_nano, p.value_minor, p.tier
FROM ledger.cycle_price p JOIN ledger.cycle c ON c.seq = p.cycle_seq
WHERE (%(business_date)s::date IS NULL OR c.business_date = %(business_date)s)
  AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
  AND (%(number)s::integer IS NULL OR c.number = %(number)s)
  AND (%(contract)s::text IS NULL OR p.contract = %(contract)s)
ORDER BY c.seq, p.contract

-- name: lines
SELECT c.business_date, c.kind, c.number, l.account, l.member, l.origin, l.contract, l.currency,
       l.start, l.bought, l.sold, l.transferred, l.expired, l."end", l.start_long, l.start_short, l.end_long, l.end_short,
       l.positions, l.previous_nano, l.previous_value_minor, l.price_nano, l.value_minor,
       l.tvar_minor, l.smtm_minor, l.imtm_minor, l.fmtm_minor, l.cres_minor, l.adj_minor, l.fee_minor
FROM ledger.margin_line l JOIN ledger.cycle c ON c.seq = l.cycle_seq
WHERE (%(business_date)s::date IS NULL OR c.business_date = %(business_date)s)
  AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
  AND (%(number)s::integer IS NULL OR c.number = %(number)s)
  AND (%(member)s::text IS NULL OR l.member = %(member)s)
  AND (%(contract)s::text IS NULL OR l.contract = %(contract)s)
ORDER BY c.seq, l.account, l.contract

-- name: held
-- Of a date that settled a contract finally, its last line counts. A net account is long or short (rule POS-1).
WITH ends AS (
    SELECT DISTINCT ON (c.business_date, l.account, l.contract)
           c.business_date, l.member, l.origin, l.contract,
           CASE l.positions WHEN 'GROSS' THEN l.end_long ELSE greatest(l."end", 0) END AS long,
           CASE l.positions WHEN 'GROSS' THEN l.end_short ELSE greatest(-l."end", 0) END AS short
    FROM ledger.margin_line l JOIN ledger.cycle c ON c.seq = l.cycle_seq
    WHERE c.kind IN ('end_of_day', 'final') AND (%(business_date)s::date IS NULL OR c.business_date <= %(business_date)s)
    ORDER BY c.business_date, l.account, l.contract, c.seq DESC
)
SELECT business_date, member, origin, contract, sum(long)::bigint AS long, sum(short)::bigint AS short
FROM ends GROUP BY business_date, member, origin, contract
ORDER BY business_date, member, origin, contract

-- name: payments
SELECT business_date, kind, number, member, origin, currency, amount_minor, state,
       to_char(value_date, 'YYYYMMDD')::integer AS value_date
FROM ledger.payment_now
WHERE (%(business_date)s::date IS NULL OR business_date = %(business_date)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(number)s::integer IS NULL OR number = %(number)s)
  AND (%(member)s::text IS NULL OR member = %(member)s)
ORDER BY cycle_seq, member, origin, currency

-- name: balances
SELECT account_id, member, origin, currency, amount_minor::bigint FROM ledger.balance
WHERE (%(member)s::text IS NULL OR member = %(member)s)
ORDER BY account_id

-- name: marks
SELECT m.partition, m.stream_seq, m.rolling_sha256 FROM ledger.partition_mark m WHERE m.cycle_seq = %(seq)s ORDER BY 1

-- name: legs
SELECT j.id, c.business_date, c.kind, c.number, j.currency, j.payload_sha256, j.reverses,
       p.leg, p.account_id, p.amount_minor
FROM ledger.journal j JOIN ledger.cycle c ON c.seq = j.cycle_seq LEFT JOIN ledger.posting p ON p.journal_id = j.id
WHERE (%(business_date)s::date IS NULL OR c.business_date = %(business_date)s)
  AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
  AND (%(number)s::integer IS NULL OR c.number = %(number)s)
ORDER BY c.seq, j.id, p.leg

-- name: outbox
SELECT cycle_seq, line, topic, key, value FROM ledger.outbox
WHERE (cycle_seq, line) > (%(cycle_seq)s, %(line)s) ORDER BY cycle_seq, line LIMIT %(limit)s

-- name: outbox_topics
SELECT DISTINCT topic FROM ledger.outbox ORDER BY topic

-- name: outbox_of_cycle
SELECT topic, key, value FROM ledger.outbox WHERE cycle_seq = %(seq)s ORDER BY line

-- name: bank_answers
SELECT c.business_date, c.kind, c.number, b.payment, b.member, b.origin, b.currency, b.state, b.amount_minor, b.reason,
       b.reference, b.refused
FROM ledger.bank_answer b JOIN ledger.cycle c ON c.seq = b.cycle_seq
WHERE (%(business_date)s::date IS NULL OR c.business_date = %(business_date)s)
  AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
  AND (%(number)s::integer IS NULL OR c.number = %(number)s)
  AND (%(member)s::text IS NULL OR b.member = %(member)s)
ORDER BY c.seq

-- name: payment_states
SELECT to_char(c.business_date, 'YYYY-MM-DD') || '/' || c.kind || '/' || c.number || '/' || s.member || '/' || s.origin || '/'
       || s.currency AS payment, s.number, s.state, s.control_id
FROM ledger.payment_state s JOIN ledger.cycle c ON c.seq = s.cycle_seq
ORDER BY c.seq, s.member, s.origin, s.currency, s.number
