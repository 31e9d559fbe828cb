-- Every correction derived anew, and every original's value and fee recomputed from the terms in force.
--
-- A row is a breach: rule, contract, accounts, places (partition, stream_seq) and a sentence. No row: all is well.
-- Checked are the fills of the cycle's date ($business_date, $kind, $number) that lie before its prices.
WITH

asked AS (
    SELECT partition, stream_seq AS until, business_date
    FROM cycle
    WHERE business_date = $business_date AND kind = $kind AND number = $number
),
known AS (  -- everything before the cycle's prices
    SELECT f.*, CASE f.side WHEN 'BUY' THEN f.lots ELSE -f.lots END AS signed_lots
    FROM fill AS f JOIN asked AS a ON a.partition = f.partition AND f.stream_seq < a.until
),
today AS (
    SELECT * FROM known WHERE business_date = $business_date
),

-- COR-1: a bust repeats exactly the fill that it names, with lots, fee, CRES and ADJ negated.
bust AS (
    SELECT * FROM today WHERE kind = 'bust'
),
bust_pair AS (
    SELECT b.*, o.fill_id AS found, o.partition AS o_partition, o.stream_seq AS o_seq,
        CASE
            WHEN o.fill_id IS NULL THEN format('the fill {} that it names in `corrects`, was none in the log', b.corrects)
            WHEN o.partition <> b.partition OR o.stream_seq >= b.stream_seq THEN format('the fill {} before it in its partition, was elsewhere', b.corrects)
            WHEN (o.trade_id, o.account, o.contract) <> (b.trade_id, b.account, b.contract)
                THEN format('trade {}, account {}, contract {}, was {}, {}, {}', o.trade_id, o.account, o.contract, b.trade_id, b.account, b.contract)
            WHEN (o.side, o.position_effect) <> (b.side, b.position_effect)
                THEN format('side {} {}, was {} {}', o.side, o.position_effect, b.side, b.position_effect)
            WHEN b.lots <> -o.lots THEN format('{} lots, was {}', -o.lots, b.lots)
            WHEN b.price_nano <> o.price_nano THEN format('price {} (1e-9), was {}', o.price_nano, b.price_nano)
            WHEN b.value_minor <> o.value_minor THEN format('value {} minor units, was {}', o.value_minor, b.value_minor)
            WHEN b.fee_minor <> -o.fee_minor THEN format('fee {} minor units, was {}', -o.fee_minor, b.fee_minor)
            WHEN b.cres_minor <> -o.cres_minor THEN format('CRES {} minor units, was {}', -o.cres_minor, b.cres_minor)
            WHEN b.adj_minor <> -o.adj_minor THEN format('ADJ {} minor units, was {}', -o.adj_minor, b.adj_minor)
        END AS expected
    FROM bust AS b LEFT JOIN known AS o ON o.fill_id = b.corrects
),
differing_bust AS (
    SELECT 'COR-1' AS rule, contract, [account] AS accounts,
        list_filter([{'partition': o_partition, 'stream_seq': o_seq}, {'partition': partition, 'stream_seq': stream_seq}], lambda p: p.stream_seq IS NOT NULL) AS places,
        format('The bust {} of trade {} repeats what it reverses: Expected {}.', fill_id, trade_id, expected) AS message
    FROM bust_pair
    WHERE expected IS NOT NULL
),

-- COR-1: of a busted trade every fill that stands is reversed exactly once; a reversal is not reversed itself.
-- A fill that adjusts, averages or gives up also names what it replaces; only one with opposite lots reverses.
busted_trade AS (
    SELECT DISTINCT trade_id, contract FROM bust
),
of_busted AS (
    SELECT k.* FROM known AS k JOIN busted_trade AS t USING (trade_id, contract)
),
reversed AS (
    SELECT o.contract, o.trade_id, o.fill_id, o.account, o.partition, o.stream_seq, o.lots,
        coalesce(sum(r.lots), 0) AS reversed_lots,
        count(r.fill_id) FILTER (r.kind = 'bust') AS busts,
        list({'partition': r.partition, 'stream_seq': r.stream_seq} ORDER BY r.stream_seq) FILTER (r.fill_id IS NOT NULL) AS by_places
    FROM of_busted AS o
    LEFT JOIN of_busted AS r ON r.corrects = o.fill_id AND sign(r.lots) = -sign(o.lots) AND r.account = o.account
    WHERE o.kind <> 'bust' AND o.lots > 0
    GROUP BY ALL
),
not_once AS (
    SELECT 'COR-1' AS rule, contract, [account] AS accounts,
        list_concat([{'partition': partition, 'stream_seq': stream_seq}], coalesce(by_places, [])) AS places,
        format('Each standing fill of a busted trade is reversed exactly once: Expected {} lots of {} reversed, was {} in {} busts.',
            lots, fill_id, -reversed_lots, busts) AS message
    FROM reversed
    WHERE reversed_lots <> -lots OR busts > 1
),

-- COR-1: afterwards nothing of the trade is left with anybody.
left_over AS (
    SELECT 'COR-1' AS rule, contract, [account] AS accounts,
        list({'partition': partition, 'stream_seq': stream_seq} ORDER BY stream_seq) AS places,
        format('A busted trade sums to 0 for every account: Expected 0 of trade {}, was lots {}, value {}, CRES {}, fee {}.',
            trade_id, sum(signed_lots), sum(signed_lots::HUGEINT * value_minor), sum(cres_minor), sum(fee_minor)) AS message
    FROM of_busted
    GROUP BY contract, trade_id, account
    HAVING sum(signed_lots) <> 0 OR sum(signed_lots::HUGEINT * value_minor) <> 0 OR sum(cres_minor) <> 0 OR sum(fee_minor) <> 0
),

-- The terms in force, at a place and date: the newest version listed before it and effective by it.
-- A version is superseded from `next_seq` on for dates from `next_date` on.
terms AS (
    SELECT *,
        lead(stream_seq) OVER versions AS next_seq,
        lead(effective_date) OVER versions AS next_date
    FROM listing
    WINDOW versions AS (PARTITION BY partition, contract ORDER BY version)
),
original AS (
    SELECT f.*, t.version, t.rounding, t.fee_minor AS fee_per_lot,
        ('1' || repeat('0', 18 - coalesce(t.currency_decimals, 0)))::HUGEINT AS one,  -- 1e-9 of price x 1e-9 of size, in a minor unit
        abs(f.price_nano::HUGEINT * t.size_nano) AS worth
    FROM today AS f
    LEFT JOIN terms AS t
        ON t.partition = f.partition AND t.contract = f.contract
        AND t.stream_seq < f.stream_seq AND t.effective_date <= f.business_date
        AND NOT coalesce(t.next_seq < f.stream_seq AND t.next_date <= f.business_date, FALSE)
    WHERE f.kind IN ('trade', 'carry')
),

-- VAL-1: V(p) = price x size rounded once, by the contract's mode, away from the sign.
valued AS (
    SELECT *,
        sign(price_nano) * (worth // one + CASE rounding
            WHEN 'half-up' THEN CASE WHEN 2 * (worth % one) >= one THEN 1 ELSE 0 END
            WHEN 'half-even' THEN CASE
                WHEN 2 * (worth % one) > one OR (2 * (worth % one) = one AND (worth // one) % 2 = 1) THEN 1 ELSE 0 END
            WHEN 'down' THEN 0
        END) AS v,
        CASE kind WHEN 'carry' THEN 0 ELSE -fee_per_lot::HUGEINT * abs(lots) END AS fee  -- FEE-1: per side and lot
    FROM original
),
differing_value AS (
    SELECT CASE WHEN version IS NULL OR v IS DISTINCT FROM value_minor THEN 'VAL-1' ELSE 'FEE-1' END AS rule, contract, [account] AS accounts,
        [{'partition': partition, 'stream_seq': stream_seq}] AS places,
        CASE
            WHEN version IS NULL THEN format('Expected terms of {} in force before fill {}, was none.', contract, fill_id)
            WHEN v IS DISTINCT FROM value_minor THEN format('Expected V({} (1e-9)) of fill {} to be {} minor units, was {}.', price_nano, fill_id, v, value_minor)
            ELSE format('Expected the fee of fill {} to be {} minor units ({} lots), was {}.', fill_id, fee, lots, fee_minor)
        END AS message
    FROM valued
    WHERE version IS NULL OR v IS DISTINCT FROM value_minor OR fee <> fee_minor
)

FROM differing_bust
UNION ALL FROM not_once
UNION ALL FROM left_over
UNION ALL FROM differing_value
ORDER BY rule, contract, accounts, message
LIMIT 100
