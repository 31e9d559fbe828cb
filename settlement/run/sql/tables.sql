-- The log of `fills`, as tables: one row a record, keyed by its place (partition, stream_seq). Integers only.
CREATE TABLE fill (
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    business_date INTEGER NOT NULL, trade_date INTEGER NOT NULL,
    kind VARCHAR NOT NULL, fill_id VARCHAR NOT NULL, trade_id VARCHAR NOT NULL,
    account VARCHAR NOT NULL, contract VARCHAR NOT NULL, side VARCHAR NOT NULL, position_effect VARCHAR NOT NULL,
    lots BIGINT NOT NULL, price_nano BIGINT NOT NULL, value_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL, cres_minor BIGINT NOT NULL, adj_minor BIGINT NOT NULL,
    trade_type VARCHAR NOT NULL, executed_at_us BIGINT NOT NULL, feed VARCHAR NOT NULL, source_seq BIGINT NOT NULL,
    corrects VARCHAR NOT NULL, control_id VARCHAR NOT NULL
);

CREATE TABLE account (
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    account VARCHAR NOT NULL, member VARCHAR NOT NULL, origin VARCHAR NOT NULL, positions VARCHAR NOT NULL
);

CREATE TABLE listing (
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    contract VARCHAR NOT NULL, version INTEGER NOT NULL, effective_date INTEGER NOT NULL,
    currency VARCHAR NOT NULL, currency_decimals INTEGER NOT NULL,
    size_nano BIGINT NOT NULL, tick_nano BIGINT NOT NULL, rounding VARCHAR NOT NULL, fee_minor BIGINT NOT NULL
);

CREATE TABLE cut (
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    business_date INTEGER NOT NULL, next_date INTEGER NOT NULL,
    fills BIGINT NOT NULL, lots BIGINT NOT NULL, absolute_lots BIGINT NOT NULL, lots_value_minor BIGINT NOT NULL
);

CREATE TABLE session (  -- of a cut
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL, business_date INTEGER NOT NULL, feed VARCHAR NOT NULL,
    trades BIGINT NOT NULL, lots BIGINT NOT NULL, accepted_trades BIGINT NOT NULL, accepted_lots BIGINT NOT NULL,
    rejected_trades BIGINT NOT NULL, rejected_lots BIGINT NOT NULL
);

CREATE TABLE open_break (  -- of a cut
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL, business_date INTEGER NOT NULL,
    feed VARCHAR NOT NULL, source_seq BIGINT NOT NULL, trade_id VARCHAR NOT NULL
);

CREATE TABLE waiver (
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    business_date INTEGER NOT NULL, feed VARCHAR NOT NULL, break_seq BIGINT NOT NULL,
    requested_by VARCHAR NOT NULL, approved_by VARCHAR NOT NULL
);

CREATE TABLE claim (  -- a taker's part of a requested give-up: pending, then accepted, refused, withdrawn or lapsed
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL, business_date INTEGER NOT NULL,
    claim_id VARCHAR NOT NULL, trade_id VARCHAR NOT NULL, contract VARCHAR NOT NULL, account VARCHAR NOT NULL,
    side VARCHAR NOT NULL, position_effect VARCHAR NOT NULL, lots BIGINT NOT NULL, status VARCHAR NOT NULL,
    control_id VARCHAR NOT NULL
);

CREATE TABLE payment_state (  -- what the bank said of a payment, in every partition
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL, business_date INTEGER NOT NULL, number INTEGER NOT NULL,
    payment VARCHAR NOT NULL, state VARCHAR NOT NULL, amount_minor BIGINT NOT NULL, reason VARCHAR NOT NULL,
    reference VARCHAR NOT NULL, control_id VARCHAR NOT NULL
);

CREATE TABLE bank_calendar (  -- all holidays of a currency's bank from here on, in every partition
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL, currency VARCHAR NOT NULL, holidays INTEGER[] NOT NULL
);

CREATE TABLE cycle (  -- a `prices` record; kind opening brings a book forward and asks for no lines
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    business_date INTEGER NOT NULL, kind VARCHAR NOT NULL, number INTEGER NOT NULL, effective_date INTEGER NOT NULL,
    control_id VARCHAR NOT NULL
);

CREATE TABLE price (  -- of a cycle
    partition INTEGER NOT NULL, stream_seq BIGINT NOT NULL,
    business_date INTEGER NOT NULL, kind VARCHAR NOT NULL, number INTEGER NOT NULL, effective_date INTEGER NOT NULL,
    contract VARCHAR NOT NULL, price_nano BIGINT NOT NULL, value_minor BIGINT NOT NULL, tier VARCHAR NOT NULL
);

-- What margin_lines.sql computed, by cycle; a null where a price or an account's opening is missing (invariants.sql).
CREATE TABLE line (
    business_date INTEGER NOT NULL, kind VARCHAR NOT NULL, number INTEGER NOT NULL, partition INTEGER NOT NULL, line INTEGER NOT NULL,
    account VARCHAR NOT NULL, contract VARCHAR NOT NULL,
    start HUGEINT NOT NULL, bought HUGEINT NOT NULL, sold HUGEINT NOT NULL, transferred HUGEINT NOT NULL,
    expired HUGEINT NOT NULL, "end" HUGEINT NOT NULL,
    start_long HUGEINT NOT NULL, start_short HUGEINT NOT NULL, end_long HUGEINT NOT NULL, end_short HUGEINT NOT NULL,
    previous_nano BIGINT, previous_value_minor BIGINT, price_nano BIGINT, value_minor BIGINT,
    tvar_minor HUGEINT, smtm_minor HUGEINT, imtm_minor HUGEINT, fmtm_minor HUGEINT,
    cres_minor HUGEINT NOT NULL, adj_minor HUGEINT NOT NULL, fee_minor HUGEINT NOT NULL,
    needs_price BOOLEAN NOT NULL  -- a position or a fill that is more than cash (VM-5)
);
