"""SQL that copies the posted cycle 2 into a third one, part by part: untouched it is posted, forged it must not be."""

HEADER = """
INSERT INTO ledger.cycle (seq, prev, business_date, kind, number, effective_date, control_id, generation,
                          n_prices, n_lines, n_payments, n_journals, n_marks, n_outbox, sha256)
SELECT seq + 1, seq, business_date + 1, kind, number, effective_date + 1, control_id, generation,
       n_prices, n_lines, n_payments, n_journals, n_marks, n_outbox, sha256(sha256::bytea)
FROM ledger.cycle WHERE seq = 2"""
PRICES = """
INSERT INTO ledger.cycle_price
SELECT cycle_seq + 1, contract, price_nano, value_minor, tier FROM ledger.cycle_price WHERE cycle_seq = 2"""
LINES = """
INSERT INTO ledger.margin_line
SELECT cycle_seq + 1, account, member, origin, contract, currency, start, bought, sold, transferred, expired, "end",
       start_long, start_short, end_long, end_short, positions, previous_nano, previous_value_minor,
       price_nano, value_minor, tvar_minor, smtm_minor, imtm_minor, fmtm_minor, cres_minor, adj_minor, fee_minor
FROM ledger.margin_line WHERE cycle_seq = 2"""
PAYMENTS = """
INSERT INTO ledger.payment
SELECT cycle_seq + 1, member, origin, currency, amount_minor, value_date + 1 FROM ledger.payment WHERE cycle_seq = 2"""
JOURNALS = """
INSERT INTO ledger.journal (id, cycle_seq, currency, n_legs, payload_sha256, reverses)
SELECT 'third/' || currency, cycle_seq + 1, currency, n_legs, payload_sha256, NULL
FROM ledger.journal WHERE cycle_seq = 2"""
POSTINGS = """
INSERT INTO ledger.posting
SELECT 'third/' || p.currency, p.leg, p.account_id, p.currency, p.amount_minor
FROM ledger.posting p JOIN ledger.journal j ON j.id = p.journal_id WHERE j.cycle_seq = 2"""
MARKS = """
INSERT INTO ledger.partition_mark
SELECT cycle_seq + 1, partition, stream_seq + 1, rolling_sha256 FROM ledger.partition_mark WHERE cycle_seq = 2"""
OUTBOX = """
INSERT INTO ledger.outbox SELECT cycle_seq + 1, line, topic, key, value FROM ledger.outbox WHERE cycle_seq = 2"""

NEGATED_AMOUNTS = "-tvar_minor, -smtm_minor, -imtm_minor, -fmtm_minor, -cres_minor, -adj_minor, -fee_minor"

PARTS = {
    "header": HEADER, "prices": PRICES, "lines": LINES, "payments": PAYMENTS,
    "journals": JOURNALS, "postings": POSTINGS, "marks": MARKS, "outbox": OUTBOX,
}  # fmt: skip


def forged(**parts: str | tuple[str, str]) -> str:
    """Return the third cycle with parts replaced: by other SQL ("" leaves one out), or by (old, new) within it."""
    statements = []
    for name, sql in PARTS.items():
        other = parts.get(name, sql)
        if isinstance(other, tuple):
            old, new = other
            assert old in sql, f"{old} is not in the {name}"
            other = sql.replace(old, new)
        statements.append(other)
    return ";".join(statement for statement in statements if statement)


def more(amount: str, condition: str) -> str:
    """Return an amount that is one unit higher where a condition holds."""
    return f"{amount} + CASE WHEN {condition} THEN 1 ELSE 0 END"


def shift(amount: str, gives: str, takes: str) -> str:
    """Return an amount with one minor unit moved from where one condition holds to where the other does."""
    return f"{amount} + CASE WHEN {gives} THEN -1 WHEN {takes} THEN 1 ELSE 0 END"
