-- What must hold of the lines of one cycle ($business_date, $kind, $number), which margin_lines.sql left in `line`.
--
-- A row is a breach: rule, contract, accounts, places and a sentence. No row: the books balance.
-- Places that are null are looked up afterwards (places.sql): the last fills of those accounts in that contract.
WITH

asked AS (
    SELECT partition, stream_seq AS until, business_date, kind, number
    FROM cycle
    WHERE business_date = $business_date AND kind = $kind AND number = $number
),
lines AS (
    SELECT * FROM line WHERE business_date = $business_date AND kind = $kind AND number = $number
),
today AS (
    SELECT f.*, CASE f.side WHEN 'BUY' THEN f.lots ELSE -f.lots END AS signed_lots
    FROM fill AS f JOIN asked AS a ON a.partition = f.partition AND f.stream_seq < a.until AND f.business_date = a.business_date
),

-- VM-4, trade by trade: what one side gets the other one gives. This names the culprits.
trade_sum AS (
    SELECT contract, trade_id, sum(signed_lots) AS lots, sum(signed_lots::HUGEINT * value_minor) AS lots_value,
        sum(cres_minor) AS cres, sum(adj_minor) AS adj
    FROM today
    GROUP BY contract, trade_id
    HAVING lots <> 0 OR adj <> 0 OR lots_value <> cres  -- an average's CRES is what its rounding moved
),
unbalanced_trade AS (
    SELECT 'VM-4' AS rule, contract,
        list(DISTINCT f.account ORDER BY f.account)[:20] AS accounts,
        list({'partition': f.partition, 'stream_seq': f.stream_seq} ORDER BY f.partition, f.stream_seq)[:20] AS places,
        format('Trade {}: Expected its fills of the date to sum to 0, was lots {}, lots x value less CRES {}, ADJ {}.',
            trade_id, t.lots, t.lots_value - t.cres, t.adj) AS message
    FROM trade_sum AS t JOIN today AS f USING (contract, trade_id)
    GROUP BY contract, trade_id, t.lots, t.lots_value, t.cres, t.adj
),

-- VM-4: what is paid is collected, and every long lot has a short one.
unbalanced AS (
    SELECT 'VM-4' AS rule, contract, list(account ORDER BY account)[:20] AS accounts, NULL AS places,
        format('Expected the amounts of all accounts to sum to 0, was {} minor units; long lots less short ones 0, was {} from {}.',
            sum(tvar_minor + smtm_minor + imtm_minor + fmtm_minor + cres_minor + adj_minor), sum("end"), sum(start)) AS message
    FROM lines
    GROUP BY contract
    HAVING sum(tvar_minor + smtm_minor + imtm_minor + fmtm_minor + cres_minor + adj_minor) <> 0
        OR ($kind <> 'correction' AND (sum("end") <> 0 OR sum(start) <> 0))  -- a correction lists only those whom it pays
),

-- The book moves by what is shown, and nothing else.
unexplained AS (
    SELECT 'VM-3' AS rule, contract, [account] AS accounts, NULL AS places,
        format('Expected start {} + bought {} - sold {} + transferred {} - expired {} to be the end, was {}.',
            start, bought, sold, transferred, expired, "end") AS message
    FROM lines
    WHERE start + bought - sold + transferred - expired <> "end"
),

-- CUT-1: the start is what the last end of day left, and what was carried in since.
-- Counted from what lay before that day's prices, so that a fill that came too late for it shows here.
last_day AS (
    SELECT a.partition, a.until, max_by(c.business_date, c.stream_seq) AS date, max(c.stream_seq) AS day_until
    FROM asked AS a JOIN cycle AS c ON c.partition = a.partition AND c.stream_seq < a.until
    WHERE c.kind = 'end_of_day' AND a.kind IN ('end_of_day', 'intraday')
    GROUP BY ALL
),
too_late AS (
    SELECT 'CUT-1' AS rule, f.contract, list(DISTINCT f.account ORDER BY f.account)[:20] AS accounts,
        list({'partition': f.partition, 'stream_seq': f.stream_seq} ORDER BY f.partition, f.stream_seq)[:20] AS places,
        format('Expected the start of the day to be the end of {}, was {} fills of closed dates more.', d.date, count(*)) AS message
    FROM last_day AS d
    JOIN fill AS f ON f.partition = d.partition AND f.business_date <= d.date AND f.stream_seq >= d.day_until AND f.stream_seq < d.until
    GROUP BY f.contract, d.date
),
ended AS (
    SELECT l.partition, l.account, l.contract, l.start, coalesce(y."end", 0) AS last_end,
        (SELECT coalesce(sum(CASE f.side WHEN 'BUY' THEN f.lots ELSE -f.lots END), 0) FROM fill AS f
         WHERE f.kind = 'carry' AND f.partition = l.partition AND f.account = l.account AND f.contract = l.contract
             AND f.stream_seq > d.day_until AND f.stream_seq < d.until) AS carried
    FROM lines AS l
    JOIN last_day AS d ON d.partition = l.partition
    LEFT JOIN line AS y ON y.business_date = d.date AND y.kind = 'end_of_day'
        AND y.partition = l.partition AND y.account = l.account AND y.contract = l.contract
    WHERE NOT EXISTS (FROM price AS p WHERE p.kind = 'final' AND p.partition = l.partition AND p.contract = l.contract
        AND p.stream_seq > d.day_until AND p.stream_seq < d.until)
),
not_yesterdays_end AS (
    SELECT 'CUT-1' AS rule, contract, [account] AS accounts, NULL AS places,
        format('Expected the start to be yesterday''s end {} and {} carried in, was {}.', last_end, carried, start) AS message
    FROM ended
    WHERE start <> last_end + carried
),

-- VM-5: a price for every contract with a position or a fill, and a prior one for every position brought forward.
missing_price AS (
    SELECT 'VM-5' AS rule, contract, list(account ORDER BY account)[:20] AS accounts, NULL AS places,
        CASE WHEN bool_or(price_nano IS NULL)
            THEN format('Expected a settlement price of {}, was none. Give the date a complete set of prices.', contract)
            ELSE format('Expected a prior settlement price of {}, since a position is brought forward, was none.', contract)
        END AS message
    FROM lines
    WHERE needs_price AND (price_nano IS NULL OR (previous_nano IS NULL AND start <> 0))
    GROUP BY contract
),

-- VAL-1: V of the cycle's prices by the terms in force.
priced AS (
    SELECT p.*, t.version, t.rounding, ('1' || repeat('0', 18 - coalesce(t.currency_decimals, 0)))::HUGEINT AS one,
        abs(p.price_nano::HUGEINT * t.size_nano) AS worth
    FROM asked AS a
    JOIN price AS p ON p.partition = a.partition AND p.stream_seq = a.until
    LEFT JOIN listing AS t ON t.partition = p.partition AND t.contract = p.contract
        AND t.stream_seq < p.stream_seq AND t.effective_date <= p.effective_date
    QUALIFY row_number() OVER (PARTITION BY p.partition, p.contract ORDER BY t.version DESC) = 1
),
wrong_value AS (
    SELECT 'VAL-1' AS rule, contract, []::VARCHAR[] AS accounts,
        list({'partition': partition, 'stream_seq': stream_seq} ORDER BY partition) AS places,
        format('Expected V of the settlement price {} (1e-9) of {} to be {} minor units, was {}.', price_nano, contract, v, value_minor) AS message
    FROM (
        SELECT *, sign(price_nano) * (worth // one + CASE rounding
            WHEN 'half-up' THEN CASE WHEN 2 * (worth % one) >= one THEN 1 ELSE 0 END
            WHEN 'half-even' THEN CASE
                WHEN 2 * (worth % one) > one OR (2 * (worth % one) = one AND (worth // one) % 2 = 1) THEN 1 ELSE 0 END
            WHEN 'down' THEN 0
        END) AS v
        FROM priced
    )
    WHERE v IS DISTINCT FROM value_minor
    GROUP BY contract, price_nano, value_minor, v
),

-- ITD-1: what was paid intraday is taken back at the end of the day; of a contract that closed since, in its final line.
not_taken_back AS (
    SELECT 'ITD-1' AS rule, l.contract, [l.account] AS accounts, NULL AS places,
        format('Expected the IMTM of the date to sum to 0, was {} minor units.', sum(l.imtm_minor)) AS message
    FROM line AS l
    WHERE l.business_date = $business_date AND $kind = 'end_of_day' AND l.kind IN ('intraday', 'end_of_day')
        AND l.contract NOT IN (
            SELECT p.contract FROM price AS p JOIN asked AS a ON a.partition = p.partition AND p.stream_seq < a.until WHERE p.kind = 'final')
    GROUP BY l.contract, l.account
    HAVING sum(l.imtm_minor) <> 0
),

-- ACC-1: every account was opened, in its own partition, and its sides are never negative.
account_breach AS (
    SELECT 'ACC-1' AS rule, l.contract, [l.account] AS accounts, NULL AS places,
        CASE WHEN o.account IS NULL
            THEN format('Expected account {} to be opened before its fills in partition {}, was not.', l.account, l.partition)
            ELSE format('Expected the sides of {} to be zero or more, was long {}, short {}.', l.account, l.end_long, l.end_short)
        END AS message
    FROM lines AS l
    LEFT JOIN (SELECT DISTINCT partition, account FROM account) AS o ON o.partition = l.partition AND o.account = l.account
    WHERE o.account IS NULL OR l.end_long < 0 OR l.end_short < 0
)

FROM unbalanced_trade
UNION ALL FROM unbalanced
UNION ALL FROM unexplained
UNION ALL FROM too_late
UNION ALL FROM not_yesterdays_end
UNION ALL FROM missing_price
UNION ALL FROM wrong_value
UNION ALL FROM not_taken_back
UNION ALL FROM account_breach
ORDER BY rule, contract, accounts, message
LIMIT 100
