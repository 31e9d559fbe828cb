"""Attacks by the poster, who may insert: each copies a posted cycle and forges one thing."""

from tests.ledger.attack import CHECK, FOREIGN_KEY, UNIQUE, Attack, as_replica
from tests.ledger.attacks_on_rights import COLUMNS
from tests.ledger.forgery import HEADER, JOURNALS, LINES, POSTINGS, forged, more, shift

ONE_CENT_MORE = ("p.amount_minor", more("p.amount_minor", "p.leg = 1 AND p.currency = 'USD'"))
ALL_BUT_ONE_LEG = POSTINGS + " AND p.leg > 1"
BETWEEN_MEMBERS = shift("p.amount_minor", "p.account_id = 'M01/HOUSE/USD'", "p.account_id = 'M02/HOUSE/USD'")
FROM_THE_FEES = shift("p.amount_minor", "p.account_id = 'CCP/fees/USD'", "p.account_id = 'M02/HOUSE/USD'")
REHASHED = """
INSERT INTO ledger.journal (id, cycle_seq, currency, n_legs, payload_sha256)
SELECT 'third/' || j.currency, 3, j.currency, j.n_legs,
       (SELECT sha256(string_agg(ledger.leg_bytes(p.leg, p.account_id, {amount}), '' ORDER BY p.leg))
        FROM ledger.posting p WHERE p.journal_id = j.id)
FROM ledger.journal j WHERE j.cycle_seq = 2"""
TWO_MORE_LEGS = """
INSERT INTO ledger.account VALUES ('M98/HOUSE/USD', 'M98', 'HOUSE', 'USD'), ('M99/HOUSE/USD', 'M99', 'HOUSE', 'USD');
INSERT INTO ledger.posting
SELECT id, 98, 'M98/HOUSE/USD', 'USD', 1 FROM ledger.journal WHERE cycle_seq = 2 AND currency = 'USD' UNION ALL
SELECT id, 99, 'M99/HOUSE/USD', 'USD', -1 FROM ledger.journal WHERE cycle_seq = 2 AND currency = 'USD'"""
SAME_ACCOUNT_AGAIN = """
INSERT INTO ledger.posting SELECT journal_id, leg + 100, account_id, currency, 1 FROM ledger.posting WHERE leg = 1"""

JOURNAL = [
    Attack("adds a leg", SAME_ACCOUNT_AGAIN, UNIQUE),
    Attack("adds two legs that balance", TWO_MORE_LEGS, "NV003"),
    Attack("leaves a leg out", forged(postings=ALL_BUT_ONE_LEG), "NV003"),
    Attack("is a cent off", forged(postings=ONE_CENT_MORE), "NV002"),
    Attack("posts legs one by one", forged(postings=f"{POSTINGS} AND p.leg = 1; {ALL_BUT_ONE_LEG}"), "NV003"),
    Attack("leaves a journal empty", forged(postings=""), "NV007"),
    Attack(
        "leaves a journal empty, checked at once",
        "SET CONSTRAINTS ledger.whole_journal IMMEDIATE;" + forged(postings=""),
        "NV004",
    ),
    Attack("leaves the journals out", forged(journals="", postings=""), "NV004"),
    Attack(
        "says it has no journals",
        forged(
            header=("n_journals, n_marks, n_outbox, sha256(", "0, n_marks, n_outbox, sha256("),
            journals="", postings="",
        ),
        "NV007",
    ),
    Attack(
        "moves a cent between members",
        forged(journals=REHASHED.format(amount=BETWEEN_MEMBERS), postings=("p.amount_minor", BETWEEN_MEMBERS)),
        "NV007",
    ),
    Attack(
        "moves a cent out of the fees",
        forged(journals=REHASHED.format(amount=FROM_THE_FEES), postings=("p.amount_minor", FROM_THE_FEES)),
        "NV007",
    ),
    Attack("moves a cent under the old hash", forged(postings=("p.amount_minor", BETWEEN_MEMBERS)), "NV010"),
    Attack(
        "posts dollars to a yuan account",
        forged(postings=("p.account_id,", "replace(p.account_id, 'USD', 'CNY'),")),
        FOREIGN_KEY,
    ),
    Attack(
        "posts yuan in the dollar journal",
        forged(postings=("p.account_id, p.currency,", "replace(p.account_id, 'USD', 'CNY'), 'CNY',")),
        FOREIGN_KEY,
    ),
    Attack("posts a leg of zero", forged(postings=("p.amount_minor", "0")), CHECK),
    Attack("reverses what it does not", forged(journals=("payload_sha256, NULL", "payload_sha256, id")), "NV007"),
    Attack("reuses a journal's id", forged(journals=("'third/' || currency", "id")), UNIQUE),
    Attack(
        "opens an account in another's name",
        "INSERT INTO ledger.account VALUES ('M01/HOUSE/EUR', 'M02', 'HOUSE', 'EUR')",
        CHECK,
    ),
    as_replica("is a cent off", forged(postings=ONE_CENT_MORE), "NV002"),
    as_replica("leaves a leg out", forged(postings=ALL_BUT_ONE_LEG), "NV003"),
    as_replica("leaves a journal empty", forged(postings=""), "NV007"),
    as_replica("posts legs of no journal", POSTINGS, "NV003"),
    as_replica("leaves a gap", forged(header=("seq + 1, seq,", "seq + 2, seq + 1,")), "NV008"),
]  # fmt: skip

_FIRST = "account = 'M01-H' AND contract = 'H100-2026-09'"
_BETWEEN_PAYMENTS = shift("amount_minor", "member = 'M01' AND origin = 'HOUSE'", "member = 'M01' AND origin = 'CLIENT'")
_LOT = ('"end",\n', more('"end"', _FIRST) + ",\n")

CYCLE = [
    Attack("posts a cycle again", forged(header=("business_date + 1", "business_date")), "NV008"),
    Attack("leaves a gap", forged(header=("seq + 1, seq,", "seq + 2, seq + 1,")), "NV008"),
    Attack("forks the chain", forged(header=("seq + 1, seq,", "seq + 1, prev,")), "NV008"),
    Attack("starts a new chain", forged(header=("seq + 1, seq,", "seq + 1, NULL,")), "NV008"),
    Attack("goes back in time", forged(header=("business_date + 1", "business_date - 1")), "NV008"),
    Attack(
        "closes an earlier day",
        forged(header=("business_date + 1, kind, number, effective_date + 1",
                       "business_date - 3, kind, 1, effective_date - 3")),
        "NV008",
    ),
    Attack(
        "corrects on a closed day",
        forged(header=("business_date + 1, kind, number,", "business_date, 'correction', 1,")),
        "NV008",
    ),
    Attack("skips a number", forged(header=("kind, number, effective_date +", "kind, 2, effective_date +")), "NV008"),
    Attack(
        "marks a closed day again",
        forged(header=("business_date + 1, kind, number,", "business_date, 'intraday', 2,")),
        "NV008",
    ),
    Attack("corrects the future", forged(header=("effective_date + 1", "effective_date + 2")), CHECK),
    Attack("posts a header alone", HEADER, "NV004"),
    Attack("posts no lines", forged(lines=""), "NV004"),
    Attack("leaves a line out", forged(lines=LINES + " AND account <> 'M01-H'"), "NV003"),
    Attack(
        "posts lines in two statements",
        forged(lines=f"{LINES} AND account <> 'M01-H'; {LINES} AND account = 'M01-H'"),
        "NV003",
    ),
    Attack("pays one account a cent more", forged(lines=("tvar_minor", more("tvar_minor", _FIRST))), "NV005"),
    Attack("invents a lot", forged(lines=("bought, sold, transferred, expired, " + _LOT[0], more("bought", _FIRST)
                                          + ", sold, transferred, expired, " + _LOT[1])), "NV005"),
    Attack("loses a lot within a line", forged(lines=("bought, sold", more("bought", _FIRST) + ", sold")), CHECK),
    Attack(
        "marks a line at another price",
        forged(lines=("price_nano, value_minor", more("price_nano", _FIRST) + ", value_minor")),
        "NV005",
    ),
    Attack("prices nothing", forged(header=("\n       n_prices", "\n       0"), prices=""), "NV005"),
    Attack("nets house and client", forged(payments=("amount_minor", _BETWEEN_PAYMENTS)), "NV006"),
    Attack(
        "leaves a partition out",
        forged(header=("n_journals, n_marks, n_outbox, sha256(", "n_journals, 3, n_outbox, sha256("),
               marks=("WHERE cycle_seq = 2", "WHERE cycle_seq = 2 AND partition < 3")),
        "NV011",
    ),
    Attack(
        "names a partition that is not",
        forged(marks=("partition,", "CASE WHEN partition = 3 THEN 4 ELSE partition END,")),
        "NV011",
    ),
    Attack("reads a log that was rolled back", forged(marks=("stream_seq + 1", "stream_seq - 1")), "NV011"),
    Attack(
        "reads another log",
        forged(marks=("stream_seq + 1, rolling_sha256", "stream_seq, sha256(rolling_sha256::bytea)")),
        "NV011",
    ),
    Attack(
        "reads one partition no further",
        forged(marks=("stream_seq + 1", "stream_seq + (partition <> 2)::int")),
        "NV011",
    ),
    Attack("leaves a gap in the announcements", forged(outbox=("line,", "line + (line > 1)::int,")), "NV012"),
]  # fmt: skip

VALUES = [
    Attack("posts lines of the clearing house", forged(lines=("account, member", "account, 'CCP'")), CHECK),
    Attack("posts lines of no origin", forged(lines=("member, origin", "member, 'fees'")), CHECK),
    Attack("posts lines of unknown positions", forged(lines=("positions", "'HALF'")), CHECK),
    Attack("posts a value without its price", forged(lines=("previous_nano", "coalesce(previous_nano, 1)")), CHECK),
    Attack("pays nothing", forged(payments=("amount_minor", "0")), CHECK),
    Attack("pays the clearing house", forged(payments=("member,", "'CCP',")), CHECK),
    Attack("pays on the business date", forged(payments=("value_date + 1", "value_date")), "NV006"),
    Attack("pays on a Saturday", forged(payments=("value_date + 1", "value_date + 4")), "NV006"),
    Attack("pays on no date", forged(payments=("value_date + 1", "NULL::date")), "23502"),
    Attack("pays the fees' origin", forged(payments=("origin,", "'fees',")), CHECK),
    Attack("numbers legs from zero", forged(postings=("p.leg,", "p.leg - 1,")), CHECK),
    Attack("numbers announcements from zero", forged(outbox=("line,", "line - 1,")), CHECK),
    Attack("marks before the beginning", forged(marks=("stream_seq + 1", "-2")), CHECK),
    Attack("marks a partition below zero", forged(marks=("partition,", "partition - 1,")), CHECK),
    Attack("posts a journal of one leg", forged(journals=("currency, n_legs, payload_sha256, NULL",
                                                         "currency, 1, payload_sha256, NULL")), CHECK),
    Attack("opens no partitions", "INSERT INTO ledger.meta VALUES (2, 0, 'other')", CHECK),
    Attack("opens a house account of the clearing house",
           "INSERT INTO ledger.account VALUES ('CCP/HOUSE/USD', 'CCP', 'HOUSE', 'USD')", CHECK),
    Attack("opens an account of no origin", "INSERT INTO ledger.account VALUES ('M1/X/USD', 'M1', 'X', 'USD')", CHECK),
    Attack("opens an account with a slash",
           "INSERT INTO ledger.account VALUES ('M/1/HOUSE/USD', 'M/1', 'HOUSE', 'USD')", CHECK),
    Attack("opens an account in no currency",
           "INSERT INTO ledger.account VALUES ('M1/HOUSE/usd', 'M1', 'HOUSE', 'usd')", CHECK),
    Attack("hashes to half a hash", forged(marks=("rolling_sha256", "substr(rolling_sha256, 1, 16)")), CHECK),
]  # fmt: skip

LATER = [
    Attack("adds a line", LINES.replace("cycle_seq + 1, account", "cycle_seq, account || 'x'"), "NV003"),
    Attack("adds a payment", "INSERT INTO ledger.payment VALUES (2, 'M99', 'HOUSE', 'USD', 1, '2026-08-04')", "NV003"),
    Attack("adds a price", "INSERT INTO ledger.cycle_price VALUES (2, 'B200-2026-09', 1, 1, 'vwap')", "NV003"),
    Attack("adds a mark", "INSERT INTO ledger.partition_mark VALUES (2, 9, 1, sha256(''))", "NV003"),
    Attack(
        "adds a journal",
        "INSERT INTO ledger.journal VALUES ('2/EUR', 2, 'EUR', 2, sha256(''), NULL)",
        "NV003",
    ),
    Attack("adds another journal of a currency", JOURNALS.replace("cycle_seq + 1", "cycle_seq"), UNIQUE),
    Attack("adds an announcement", "INSERT INTO ledger.outbox VALUES (2, 4, 'settlements', 'x', '')", "NV003"),
    Attack("skips a generation", "INSERT INTO ledger.meta VALUES (3, 4, 'other')", "NV015"),
    Attack(
        "opens a generation again", "INSERT INTO ledger.meta VALUES (1, 8, 'other') ON CONFLICT DO NOTHING", "NV015"
    ),
    Attack(
        "instructs without an answer of the bank",
        "INSERT INTO ledger.payment_state SELECT cycle_seq, member, origin, currency, 1, 'instructed', 'C1' "
        "FROM ledger.payment WHERE cycle_seq = 2 LIMIT 1",
        "NV014",
    ),
    Attack(
        "confirms what was not instructed",
        "INSERT INTO ledger.payment_state SELECT cycle_seq, member, origin, currency, 1, 'confirmed', 'C1' "
        "FROM ledger.payment WHERE cycle_seq = 2",
        "NV014",
    ),
]

_HIDDEN_LEGS = """
INSERT INTO ledger.posting SELECT journal_id, leg, account_id, currency, 1 FROM ledger.posting ON CONFLICT DO NOTHING"""
_HIDDEN_PAYMENTS = """
INSERT INTO ledger.payment SELECT cycle_seq, member, origin, currency, 1, value_date FROM ledger.payment
ON CONFLICT DO NOTHING"""
_SEEN_FIRST = {"cycle": "NV008", "meta": "NV015", "payment_state": "NV014"}  # their order is checked row by row
_SWALLOWED = f"DO $$ BEGIN {POSTINGS.replace(*ONE_CENT_MORE)}; EXCEPTION WHEN OTHERS THEN NULL; END $$"
_FALSE_TABLE = "CREATE TEMP TABLE posting (LIKE ledger.posting); SET search_path = pg_temp;"
_FALSE_SUM = """
CREATE AGGREGATE pg_temp.sum(bigint) (SFUNC = int8larger, STYPE = bigint); SET search_path = pg_temp, pg_catalog;"""
_LATE_LEGS = POSTINGS.replace("p.leg, p.account_id", "p.leg + 100, 'M99/HOUSE/' || p.currency")
_M99 = "INSERT INTO ledger.account VALUES ('M99/HOUSE/USD', 'M99', 'HOUSE', 'USD');"

HIDING = [
    *(
        Attack(
            f"inserts what {table} has",
            f"INSERT INTO ledger.{table} SELECT * FROM ledger.{table} ON CONFLICT DO NOTHING",
            _SEEN_FIRST.get(table, "NV009"),
        )
        for table in COLUMNS
    ),
    Attack("hides other legs on conflict", _HIDDEN_LEGS, "NV009"),
    Attack("hides other payments on conflict", _HIDDEN_PAYMENTS, "NV009"),
    Attack(
        "hides another cycle on conflict",
        HEADER.replace("seq + 1, seq,", "seq, prev,") + " ON CONFLICT DO NOTHING",
        "NV008",
    ),
    Attack("swallows the refusal of the legs", forged(postings=_SWALLOWED), "NV007"),
    Attack("puts a table before the ledger's", _FALSE_TABLE + forged(postings=ONE_CENT_MORE), "NV002"),
    Attack("puts a function before Postgres's", _FALSE_SUM + forged(postings=ONE_CENT_MORE), "NV002"),
    Attack("defers the balance", "SET CONSTRAINTS ledger.balanced DEFERRED;" + forged(postings=ONE_CENT_MORE), "42704"),
    Attack("checks too early", HEADER + "; SET CONSTRAINTS ALL IMMEDIATE", "NV004"),
    Attack(
        "adds a leg after an early check",
        f"{_M99} {forged()}; SET CONSTRAINTS ALL IMMEDIATE; {_LATE_LEGS} AND p.leg = 1 AND p.currency = 'USD'",
        "NV003",
    ),
    Attack("does not wait for the disk", "SET synchronous_commit = off;" + forged(), "NV013"),
    Attack("does not wait for the standby", "SET synchronous_commit = local;" + forged(), "NV013"),
]
