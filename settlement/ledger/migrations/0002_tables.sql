-- The tables of the ledger. Everything is append-only; amounts are in minor units of the currency, + receives, - pays.
-- Nothing here comes from a clock or a sequence: the same log posts the same bytes.
SET LOCAL ROLE novate_owner;

-- Names sort by their bytes on every machine, whatever the database's locale.
CREATE DOMAIN ledger.word AS text COLLATE "C" CHECK (octet_length(VALUE) BETWEEN 1 AND 200);
CREATE DOMAIN ledger.currency AS text COLLATE "C" CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE DOMAIN ledger.sha256 AS bytea CHECK (octet_length(VALUE) = 32);
CREATE DOMAIN ledger.kind AS text COLLATE "C" CHECK (VALUE IN ('intraday', 'end_of_day', 'final', 'correction'));

-- One row per generation of the topics: which Kafka cluster and how many partitions its marks are counted in.
CREATE TABLE ledger.meta (
    generation integer PRIMARY KEY CHECK (generation >= 1),
    partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
    cluster_id ledger.word NOT NULL
);

-- A payment account of a member (origin HOUSE or CLIENT), or the clearing house's fee account CCP/fees; one per currency.
-- The id is made of the other columns, so two rows of one id cannot differ.
CREATE TABLE ledger.account (
    id ledger.word PRIMARY KEY,
    member ledger.word NOT NULL CHECK (strpos(member, '/') = 0),
    origin ledger.word NOT NULL CHECK (origin IN ('HOUSE', 'CLIENT', 'fees')),
    currency ledger.currency NOT NULL,
    UNIQUE (id, currency),
    CHECK (id = member || '/' || origin || '/' || currency),
    CHECK ((member = 'CCP') = (origin = 'fees'))
);

-- A posted cycle. seq has no gaps and prev names the cycle before, once, so none can be posted out of order or twice.
-- The counts say how many rows the cycle has in each table: rows arrive in one statement and none can be added.
CREATE TABLE ledger.cycle (
    seq bigint PRIMARY KEY CHECK (seq >= 1),
    prev bigint UNIQUE REFERENCES ledger.cycle (seq),
    business_date date NOT NULL,
    kind ledger.kind NOT NULL,
    number integer NOT NULL CHECK (number >= 1),
    effective_date date NOT NULL,
    control_id ledger.word NOT NULL,
    generation integer NOT NULL REFERENCES ledger.meta (generation),
    n_prices integer NOT NULL CHECK (n_prices >= 0),
    n_lines integer NOT NULL CHECK (n_lines >= 0),
    n_payments integer NOT NULL CHECK (n_payments >= 0),
    n_journals integer NOT NULL CHECK (n_journals >= 0),
    n_marks integer NOT NULL CHECK (n_marks >= 1),
    n_outbox integer NOT NULL CHECK (n_outbox >= 0),
    sha256 ledger.sha256 NOT NULL,        -- of the posted content (settlement/ledger/content.py)
    chain_sha256 ledger.sha256 NOT NULL,  -- sha256(chain_sha256 of prev || sha256), set by the database
    UNIQUE (business_date, kind, number),
    CHECK (prev IS NOT DISTINCT FROM NULLIF(seq - 1, 0)),
    CHECK (effective_date <= business_date)
);

-- How far each partition's log had been read when the cycle was computed: a log behind these marks was rolled back.
CREATE TABLE ledger.partition_mark (
    cycle_seq bigint NOT NULL REFERENCES ledger.cycle (seq),
    partition integer NOT NULL CHECK (partition >= 0),
    stream_seq bigint NOT NULL CHECK (stream_seq >= -1),
    rolling_sha256 ledger.sha256 NOT NULL,
    PRIMARY KEY (cycle_seq, partition)
);

CREATE TABLE ledger.cycle_price (
    cycle_seq bigint NOT NULL REFERENCES ledger.cycle (seq),
    contract ledger.word NOT NULL,
    price_nano bigint NOT NULL,   -- 1e-9 of the currency unit per unit of the contract
    value_minor bigint NOT NULL,  -- V(price): the value of ONE contract
    tier ledger.word NOT NULL,    -- where the price came from: vwap, last-in-quote, previous, override ...
    PRIMARY KEY (cycle_seq, contract)
);

-- The detail behind every payment: lots are signed and net, amounts in minor units.
CREATE TABLE ledger.margin_line (
    cycle_seq bigint NOT NULL REFERENCES ledger.cycle (seq),
    account ledger.word NOT NULL,
    member ledger.word NOT NULL CHECK (member <> 'CCP'),
    origin ledger.word NOT NULL CHECK (origin IN ('HOUSE', 'CLIENT')),
    contract ledger.word NOT NULL,
    currency ledger.currency NOT NULL,
    start bigint NOT NULL,
    bought bigint NOT NULL,
    sold bigint NOT NULL,
    transferred bigint NOT NULL,
    expired bigint NOT NULL,
    "end" bigint NOT NULL,
    start_long bigint NOT NULL,
    start_short bigint NOT NULL,
    end_long bigint NOT NULL,
    end_short bigint NOT NULL,
    positions ledger.word NOT NULL CHECK (positions IN ('NET', 'GROSS')),
    previous_nano bigint,
    previous_value_minor bigint,
    price_nano bigint,   -- null in a line that only a cash adjustment made
    value_minor bigint,
    tvar_minor bigint NOT NULL,
    smtm_minor bigint NOT NULL,
    imtm_minor bigint NOT NULL,
    fmtm_minor bigint NOT NULL,
    cres_minor bigint NOT NULL,
    adj_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    PRIMARY KEY (cycle_seq, account, contract),
    CHECK (start + bought - sold + transferred - expired = "end"),
    CHECK ((previous_nano IS NULL) = (previous_value_minor IS NULL)),
    CHECK ((price_nano IS NULL) = (value_minor IS NULL)),
    -- VM-5: without a price there are no lots and no amounts but ADJ.
    CHECK (price_nano IS NOT NULL OR (
        (start, bought, sold, transferred, start_long, start_short, end_long, end_short) = (0, 0, 0, 0, 0, 0, 0, 0)
        AND (tvar_minor, smtm_minor, imtm_minor, fmtm_minor, cres_minor, fee_minor) = (0, 0, 0, 0, 0, 0)
    ))
);
CREATE INDEX margin_line_by_member ON ledger.margin_line (member, cycle_seq);

-- What a member's house or clients pay or receive in one currency (PAY-1), as calculated by the cycle.
CREATE TABLE ledger.payment (
    cycle_seq bigint NOT NULL REFERENCES ledger.cycle (seq),
    member ledger.word NOT NULL CHECK (member <> 'CCP'),
    origin ledger.word NOT NULL CHECK (origin IN ('HOUSE', 'CLIENT')),
    currency ledger.currency NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (cycle_seq, member, origin, currency)
);
CREATE INDEX payment_by_member ON ledger.payment (member, cycle_seq);

-- What became of a payment after it was calculated: instructed, then confirmed or failed by the bank.
CREATE TABLE ledger.payment_state (
    cycle_seq bigint NOT NULL,
    member ledger.word NOT NULL,
    origin ledger.word NOT NULL,
    currency ledger.currency NOT NULL,
    number integer NOT NULL CHECK (number >= 1),
    state ledger.word NOT NULL CHECK (state IN ('instructed', 'confirmed', 'failed')),
    control_id ledger.word NOT NULL,
    PRIMARY KEY (cycle_seq, member, origin, currency, number),
    FOREIGN KEY (cycle_seq, member, origin, currency) REFERENCES ledger.payment
);

-- One journal per cycle and currency with something to pay. The id is the cycle and the currency: "2026-08-03/end_of_day/1/USD".
CREATE TABLE ledger.journal (
    id ledger.word PRIMARY KEY,
    cycle_seq bigint NOT NULL REFERENCES ledger.cycle (seq),
    currency ledger.currency NOT NULL,
    n_legs integer NOT NULL CHECK (n_legs BETWEEN 2 AND 100000),
    payload_sha256 ledger.sha256 NOT NULL,  -- of the legs; the database computes it again (settlement/ledger/journal.py)
    reverses ledger.word UNIQUE REFERENCES ledger.journal (id),
    UNIQUE (id, currency),
    UNIQUE (cycle_seq, currency)
);

CREATE TABLE ledger.posting (
    journal_id ledger.word NOT NULL REFERENCES ledger.journal (id),
    leg integer NOT NULL CHECK (leg >= 1),
    account_id ledger.word NOT NULL,
    currency ledger.currency NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (journal_id, leg),
    UNIQUE (journal_id, account_id),
    FOREIGN KEY (account_id, currency) REFERENCES ledger.account (id, currency),
    FOREIGN KEY (journal_id, currency) REFERENCES ledger.journal (id, currency)
);
CREATE INDEX posting_by_account ON ledger.posting (account_id);

-- What is announced on Kafka, in the transaction that posts it: line 1..n of each cycle, published in this order.
CREATE TABLE ledger.outbox (
    cycle_seq bigint NOT NULL REFERENCES ledger.cycle (seq),
    line integer NOT NULL CHECK (line >= 1),
    topic ledger.word NOT NULL,
    key ledger.word NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (cycle_seq, line)
);
