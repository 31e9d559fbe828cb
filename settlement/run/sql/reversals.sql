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

-- COR-1, GUP-1, AVG-1: a correction takes back lots of the fill that it names in `corrects` (lots < 0), enters them anew (lots > 0),
-- or moves a cash residual (lots = 0). `o` is the fill that it names.
correcting AS (
    SELECT * FROM today WHERE kind IN ('bust', 'adjust', 'give_up', 'average')
),
pair AS (
    SELECT c.*, o.fill_id AS found, o.partition AS o_partition, o.stream_seq AS o_seq, o.trade_id AS o_trade, o.contract AS o_contract,
        o.account AS o_account, o.side AS o_side, o.position_effect AS o_effect, o.lots AS o_lots, o.price_nano AS o_price, o.value_minor AS o_value,
        o.fee_minor AS o_fee, o.cres_minor AS o_cres, c.lots > 0 AS anew, c.kind = 'give_up' AND c.lots > 0 AS taken, c.lots = 0 AS is_cash
    FROM correcting AS c LEFT JOIN known AS o ON o.fill_id = c.corrects
),

-- AVG-1: the price of an average, from the trades that its control took together; rounded half-up to the tick only when they differ.
tick AS (  -- in force where the fill stands
    SELECT p.fill_id, arg_max(t.tick_nano, t.version) AS tick_nano
    FROM pair AS p
    JOIN listing AS t
        ON t.partition = p.partition AND t.contract = p.contract AND t.stream_seq < p.stream_seq AND t.effective_date <= p.business_date
    WHERE p.kind = 'average'
    GROUP BY p.fill_id
),
averaged AS (
    SELECT p.control_id, p.account, p.contract, sum(-p.lots) AS lots, sum(-p.lots::HUGEINT * p.o_price) AS weighted,
        min(p.o_price) AS lowest, max(p.o_price) AS highest, any_value(t.tick_nano) AS tick_nano
    FROM pair AS p JOIN tick AS t USING (fill_id)
    WHERE p.kind = 'average' AND p.lots < 0
    GROUP BY ALL
),
average AS (
    SELECT control_id, account, contract,
        CASE WHEN lowest = highest THEN lowest
            ELSE sign(weighted) * ((2 * abs(weighted) + lots * tick_nano) // (2 * lots * tick_nano)) * tick_nano
        END AS price_nano
    FROM averaged
),
average_value AS (  -- V of that price, as the fills entered anew carry it (VAL-1 is checked below)
    SELECT control_id, account, contract, min(value_minor) AS value_minor FROM pair WHERE kind = 'average' AND anew GROUP BY ALL
),
taken_back AS (
    SELECT control_id, corrects, -lots AS lots FROM correcting WHERE kind = 'average' AND lots < 0
),

told AS (
    SELECT p.*, CASE
        WHEN p.found IS NULL THEN format('the fill {} that it names in `corrects`, was none in the log', p.corrects)
        WHEN NOT p.taken AND (p.o_partition <> p.partition OR p.o_seq >= p.stream_seq)
            THEN format('the fill {} before it in its partition, was elsewhere', p.corrects)
        WHEN (p.o_trade, p.o_contract, p.o_side) <> (p.trade_id, p.contract, p.side)
            THEN format('trade {}, contract {}, side {}, was {}, {}, {}', p.o_trade, p.o_contract, p.o_side, p.trade_id, p.contract, p.side)
        WHEN NOT p.taken AND p.o_account <> p.account THEN format('account {}, was {}', p.o_account, p.account)
        WHEN NOT p.taken AND NOT p.is_cash AND p.o_effect <> p.position_effect THEN format('{}, was {}', p.o_effect, p.position_effect)
        WHEN abs(p.lots) > p.o_lots THEN format('at most {} lots, was {}', p.o_lots, abs(p.lots))
        WHEN (NOT p.anew OR p.taken) AND NOT p.is_cash AND p.price_nano <> p.o_price THEN format('price {} (1e-9), was {}', p.o_price, p.price_nano)
        WHEN (NOT p.anew OR p.taken) AND NOT p.is_cash AND p.value_minor <> p.o_value THEN format('value {} minor units, was {}', p.o_value, p.value_minor)
        WHEN p.kind = 'average' AND p.anew AND p.price_nano <> a.price_nano THEN format('the average {} (1e-9), was {}', a.price_nano, p.price_nano)
        WHEN p.fee_minor::HUGEINT * p.o_lots <> p.o_fee::HUGEINT * p.lots
            THEN format('fee {} minor units, was {}', CASE WHEN p.o_lots = 0 THEN 0 ELSE p.o_fee::HUGEINT * p.lots // p.o_lots END, p.fee_minor)
        WHEN NOT p.is_cash AND p.cres_minor <> 0 THEN format('no CRES on lots, was {}', p.cres_minor)
        WHEN p.is_cash AND p.kind <> 'average' AND p.cres_minor <> -p.o_cres THEN format('CRES {} minor units, was {}', -p.o_cres, p.cres_minor)
        WHEN p.is_cash AND p.kind = 'average'
            AND p.cres_minor <> b.lots::HUGEINT * (v.value_minor - p.o_value) * CASE p.side WHEN 'BUY' THEN 1 ELSE -1 END
            THEN format('CRES {} minor units, was {}', b.lots::HUGEINT * (v.value_minor - p.o_value) * CASE p.side WHEN 'BUY' THEN 1 ELSE -1 END, p.cres_minor)
        WHEN p.adj_minor <> 0 THEN format('no ADJ, was {}', p.adj_minor)
    END AS expected
    FROM pair AS p
    LEFT JOIN average AS a USING (control_id, account, contract)
    LEFT JOIN average_value AS v USING (control_id, account, contract)
    LEFT JOIN taken_back AS b ON b.control_id = p.control_id AND b.corrects = p.corrects
),
differing AS (
    SELECT 'COR-1' AS rule, contract, [account] AS accounts,
        list_filter([{'partition': o_partition, 'stream_seq': o_seq}, {'partition': partition, 'stream_seq': stream_seq}], lambda p: p.stream_seq IS NOT NULL) AS places,
        format('The {} {} of trade {} repeats what it reverses: Expected {}.', kind, fill_id, trade_id, expected) AS message
    FROM told
    WHERE expected IS NOT NULL
),

-- COR-1, GUP-1: what a control takes back of a fill it enters anew, but for a bust: over all accounts, all takers of a give-up among
-- them, the fill's lots and fees stay what they were.
uneven AS (
    SELECT 'COR-1' AS rule, contract, list(DISTINCT account ORDER BY account) AS accounts,
        list({'partition': partition, 'stream_seq': stream_seq} ORDER BY partition, stream_seq) AS places,
        format('A correction by {} moves lots of trade {} and makes none: Expected 0 of fill {}, was lots {}, fee {}.',
            control_id, trade_id, corrects, sum(signed_lots), sum(fee_minor)) AS message
    FROM correcting
    WHERE kind <> 'bust'
    GROUP BY contract, trade_id, control_id, side, corrects
    HAVING sum(signed_lots) <> 0 OR sum(fee_minor) <> 0
),

-- GUP-2: a taker's part of a requested give-up begins as pending and ends once; what it accepts is what it was asked to take, and
-- by that control it takes nothing else. A claim stands in its taker's partition, beside the fills that it leads to.
part AS (
    SELECT c.*, row_number() OVER steps AS step,
        coalesce(lag((status, trade_id, contract, side, position_effect, lots)) OVER steps, NULL) AS before
    FROM claim AS c JOIN asked AS a ON a.partition = c.partition AND c.stream_seq < a.until
    WINDOW steps AS (PARTITION BY c.claim_id, c.account ORDER BY c.stream_seq)
),
accepted AS (
    SELECT * FROM part WHERE status = 'accepted' AND business_date = $business_date
),
taken AS (
    SELECT control_id, account, trade_id, contract, side, sum(lots) AS lots, min(position_effect) AS lowest, max(position_effect) AS highest
    FROM correcting WHERE kind = 'give_up' AND lots > 0
    GROUP BY ALL
),
answered AS (
    SELECT p.contract, p.account, p.partition, p.stream_seq, CASE
        WHEN (step = 1) <> (status = 'pending') OR step > 2
            THEN format('a part that is pending once and ends once, was {} as step {} of {}', status, step, claim_id)
        WHEN status <> 'pending' AND before <> ('pending', trade_id, contract, side, position_effect, lots)
            THEN format('the part of {} as it was requested, was {}', claim_id, (status, trade_id, contract, side, position_effect, lots))
    END AS expected
    FROM part AS p WHERE business_date = $business_date
    UNION ALL
    SELECT coalesce(a.contract, t.contract), coalesce(a.account, t.account), a.partition, a.stream_seq, CASE
        WHEN a.claim_id IS NULL THEN format('control {} to give lots to who accepted by it, was {} lots to {}', t.control_id, t.lots, t.account)
        WHEN t.lots IS NULL THEN format('{} lots given up by the acceptance {}, was none', a.lots, a.control_id)
        WHEN t.lots <> a.lots THEN format('{} lots given up by the acceptance {}, was {}', a.lots, a.control_id, t.lots)
        WHEN t.lowest <> a.position_effect OR t.highest <> a.position_effect
            THEN format('{} by the acceptance {}, was {}', a.position_effect, a.control_id, t.lowest)
    END
    FROM accepted AS a
    FULL JOIN (SELECT * FROM taken WHERE control_id IN (SELECT control_id FROM accepted)) AS t USING (control_id, account, trade_id, contract, side)
),
unanswered AS (
    SELECT 'GUP-2' AS rule, contract, [account] AS accounts,
        CASE WHEN partition IS NULL THEN [] ELSE [{'partition': partition, 'stream_seq': stream_seq}] END AS places,
        format('A requested give-up is taken as it was asked: Expected {}.', expected) AS message
    FROM answered
    WHERE expected IS NOT NULL
),

-- COR-1: no lots are taken back twice, and of a busted trade all are.
busted_trade AS (
    SELECT DISTINCT trade_id, contract FROM correcting WHERE kind = 'bust'
),
of_busted AS (
    SELECT k.* FROM known AS k JOIN busted_trade AS t USING (trade_id, contract)
),
corrected_trade AS (
    SELECT DISTINCT trade_id, contract FROM correcting
),
reversed AS (
    SELECT o.contract, o.trade_id, o.fill_id, o.account, o.partition, o.stream_seq, o.lots, b.trade_id IS NOT NULL AS busted,
        coalesce(sum(r.lots), 0) AS reversed_lots,
        list({'partition': r.partition, 'stream_seq': r.stream_seq} ORDER BY r.stream_seq) FILTER (r.fill_id IS NOT NULL) AS by_places
    FROM known AS o
    JOIN corrected_trade AS t USING (trade_id, contract)
    LEFT JOIN busted_trade AS b USING (trade_id, contract)
    LEFT JOIN known AS r ON r.corrects = o.fill_id AND r.lots < 0 AND r.account = o.account
    WHERE o.lots > 0
    GROUP BY ALL
),
not_once AS (
    SELECT 'COR-1' AS rule, contract, [account] AS accounts,
        list_concat([{'partition': partition, 'stream_seq': stream_seq}], coalesce(by_places, [])) AS places,
        format('Lots of a trade are taken back once, and all of a busted one: Expected {} {} lots of {} reversed, was {}.',
            CASE WHEN busted THEN 'all' ELSE 'at most' END, lots, fill_id, -reversed_lots) AS message
    FROM reversed
    WHERE -reversed_lots > lots OR (busted AND -reversed_lots <> lots)
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
    WHERE f.kind IN ('trade', 'carry') OR (f.kind IN ('adjust', 'average') AND f.lots > 0)
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
        CASE kind
            WHEN 'carry' THEN 0
            WHEN 'trade' THEN -fee_per_lot::HUGEINT * abs(lots)   -- FEE-1: per side and lot
            ELSE fee_minor                                       -- a correction keeps the fee of what it corrects
        END AS fee
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

FROM differing
UNION ALL FROM uneven
UNION ALL FROM unanswered
UNION ALL FROM not_once
UNION ALL FROM left_over
UNION ALL FROM differing_value
ORDER BY rule, contract, accounts, message
LIMIT 100
