-- What the gateway and the exchange counted, counted again from the log.
--
-- A row is a breach: rule, contract (empty where none is meant), accounts, places and a sentence. No row: all is well.
-- Checked are the cuts of the cycle's date ($business_date, $kind, $number) that lie before its prices, and the order of cycles.
WITH

asked AS (
    SELECT partition, stream_seq AS until, business_date, kind, number
    FROM cycle
    WHERE business_date = $business_date AND kind = $kind AND number = $number
),
closing AS (  -- the cut of an end of day
    SELECT a.partition, a.until, c.* EXCLUDE (partition)
    FROM asked AS a
    LEFT JOIN cut AS c ON c.partition = a.partition AND c.stream_seq < a.until AND c.business_date = a.business_date
    WHERE a.kind = 'end_of_day'
),

-- CUT-1: the end of day comes behind exactly one cut of its date.
no_cut AS (
    SELECT 'CUT-1' AS rule, '' AS contract, []::VARCHAR[]::VARCHAR[] AS accounts,
        list({'partition': partition, 'stream_seq': stream_seq}) FILTER (stream_seq IS NOT NULL) AS places,
        format('Expected one cut of the date before its prices in partition {}, was {}.', partition, count(stream_seq)) AS message
    FROM closing
    GROUP BY partition
    HAVING count(stream_seq) <> 1
),

-- CUT-1: the fills of the date, as counted by the gateway when it cut.
-- The book is frozen at the cut, so a fill of the date behind it shows here too.
counted AS (
    SELECT c.partition, c.stream_seq, c.fills, c.lots, c.absolute_lots, c.lots_value_minor,
        count(f.stream_seq) AS was_fills, coalesce(sum(f.lots), 0) AS was_lots, coalesce(sum(abs(f.lots)), 0) AS was_absolute_lots,
        coalesce(sum(CASE f.side WHEN 'BUY' THEN f.lots ELSE -f.lots END::HUGEINT * f.value_minor), 0) AS was_lots_value_minor,
        list(f.stream_seq ORDER BY f.stream_seq) FILTER (f.stream_seq > c.stream_seq) AS behind,
        min(f.stream_seq) AS first_seq, max(f.stream_seq) AS last_seq
    FROM closing AS c
    LEFT JOIN fill AS f ON f.partition = c.partition AND f.business_date = c.business_date AND f.stream_seq < c.until
    WHERE c.stream_seq IS NOT NULL
    GROUP BY ALL
),
wrong_sum AS (
    SELECT 'CUT-1' AS rule, '' AS contract,
        []::VARCHAR[] AS accounts,
        list_concat([{'partition': partition, 'stream_seq': stream_seq}],
            CASE WHEN behind IS NULL
                THEN list_transform(list_filter([first_seq, last_seq], lambda s: s IS NOT NULL), lambda s: {'partition': partition, 'stream_seq': s})
                ELSE list_transform(behind, lambda s: {'partition': partition, 'stream_seq': s})
            END) AS places,
        format('Control sums of the cut in partition {}: Expected {} fills, {} lots, {} absolute lots, {} lots x value, was {}, {}, {}, {}.',
            partition, fills, lots, absolute_lots, lots_value_minor, was_fills, was_lots, was_absolute_lots, was_lots_value_minor)
        || coalesce(format(' {} fills of the date lie behind the cut.', len(behind)), '') AS message
    FROM counted
    WHERE (fills, lots, absolute_lots, lots_value_minor) <> (was_fills, was_lots, was_absolute_lots, was_lots_value_minor)
),
accounts_of_sum AS (  -- whose fills they are, to know where to look
    SELECT w.rule, w.contract,
        (SELECT list(DISTINCT f.account ORDER BY f.account) FROM fill AS f
         WHERE f.partition = w.places[1].partition AND f.business_date = $business_date)[:20] AS accounts,
        w.places, w.message
    FROM wrong_sum AS w
),

-- ENT-7: the exchange's session totals are what was accepted and what was refused.
-- Lots of a refused trade may be unreadable, so with refusals the lots are only bounded.
session_total AS (
    SELECT 'ENT-7' AS rule, '' AS contract, []::VARCHAR[] AS accounts,
        list({'partition': s.partition, 'stream_seq': s.stream_seq} ORDER BY s.partition) AS places,
        format('Session of feed {}: Expected {} trades of {} lots, as the exchange closed it, was {} accepted ({} lots) and {} refused ({} lots).',
            s.feed, s.trades, s.lots, s.accepted_trades, s.accepted_lots, s.rejected_trades, s.rejected_lots) AS message
    FROM session AS s JOIN closing AS c ON c.partition = s.partition AND c.stream_seq = s.stream_seq
    WHERE s.trades >= 0
    GROUP BY s.feed, s.trades, s.lots, s.accepted_trades, s.accepted_lots, s.rejected_trades, s.rejected_lots
    HAVING s.trades <> s.accepted_trades + s.rejected_trades
        OR (s.rejected_trades = 0 AND s.lots <> s.accepted_lots)
        OR s.lots < s.accepted_lots
),

-- ENT-7: what the gateway says it accepted is in the log: one buyer and one seller for every trade.
accepted AS (
    SELECT f.feed, f.side, count(*) AS trades, sum(f.lots) AS lots
    FROM fill AS f JOIN closing AS c ON c.partition = f.partition AND f.stream_seq < c.stream_seq AND f.business_date = c.business_date
    WHERE f.kind = 'trade' AND f.feed <> ''
    GROUP BY ALL
),
novated AS (
    SELECT 'ENT-7' AS rule, '' AS contract, []::VARCHAR[] AS accounts,
        list({'partition': s.partition, 'stream_seq': s.stream_seq} ORDER BY s.partition) AS places,
        format('Feed {}: Expected {} accepted trades of {} lots to be novated, was {} {} fills of {} lots.',
            s.feed, s.accepted_trades, s.accepted_lots, coalesce(f.trades, 0), d.side, coalesce(f.lots, 0)) AS message
    FROM session AS s
    JOIN closing AS c ON c.partition = s.partition AND c.stream_seq = s.stream_seq
    CROSS JOIN (VALUES ('BUY'), ('SELL')) AS d (side)
    LEFT JOIN accepted AS f ON f.feed = s.feed AND f.side = d.side
    WHERE s.accepted_trades <> coalesce(f.trades, 0) OR s.accepted_lots <> coalesce(f.lots, 0)
    GROUP BY s.feed, s.accepted_trades, s.accepted_lots, f.trades, f.lots, d.side
),

-- ENT-7: a matched trade that was refused was resubmitted since, or waived by two people.
open_breaks AS (
    SELECT 'ENT-7' AS rule, '' AS contract, []::VARCHAR[] AS accounts,
        list({'partition': b.partition, 'stream_seq': b.stream_seq} ORDER BY b.partition) AS places,
        format('Open break: Expected the refused trade {} ({} of feed {}) to be resubmitted, cancelled or waived by two people, was none of these.',
            CASE b.trade_id WHEN '' THEN 'without an id' ELSE b.trade_id END, b.source_seq, b.feed) AS message
    FROM open_break AS b JOIN closing AS c ON c.partition = b.partition AND c.stream_seq = b.stream_seq
    WHERE NOT EXISTS (
            FROM waiver AS w
            WHERE w.feed = b.feed AND w.break_seq = b.source_seq AND w.requested_by <> w.approved_by AND w.approved_by <> '')
        AND NOT EXISTS (
            FROM fill AS f
            WHERE f.kind = 'trade' AND f.feed = b.feed AND f.trade_id = b.trade_id AND b.trade_id <> '' AND f.source_seq > b.source_seq)
    GROUP BY b.feed, b.source_seq, b.trade_id
),

-- The gateway wrote the same cut, the same cycles, prices and bank calendars to every partition.
unequal AS (
    SELECT 'CUT-1' AS rule, '' AS contract, []::VARCHAR[] AS accounts,
        list({'partition': partition, 'stream_seq': until} ORDER BY partition) AS places,
        'Expected the same earlier cycles, prices, bank calendars, sessions and open breaks in every partition, was different.' AS message
    FROM (
        SELECT a.partition, a.until,
            (SELECT list((c.business_date, c.kind, c.number, c.effective_date) ORDER BY c.stream_seq) FROM cycle AS c
             WHERE c.partition = a.partition AND c.stream_seq <= a.until) AS cycles,
            (SELECT list((p.contract, p.price_nano, p.value_minor, p.tier) ORDER BY p.contract) FROM price AS p
             WHERE p.partition = a.partition AND p.stream_seq = a.until) AS prices,
            (SELECT list((b.currency, b.holidays) ORDER BY b.stream_seq) FROM bank_calendar AS b
             WHERE b.partition = a.partition AND b.stream_seq < a.until) AS banks,
            (SELECT list((s.feed, s.trades, s.lots, s.accepted_trades, s.accepted_lots, s.rejected_trades, s.rejected_lots) ORDER BY s.feed)
             FROM session AS s WHERE s.partition = a.partition AND s.business_date = a.business_date AND s.stream_seq < a.until) AS sessions,
            (SELECT list((b.feed, b.source_seq, b.trade_id) ORDER BY b.feed, b.source_seq)
             FROM open_break AS b WHERE b.partition = a.partition AND b.business_date = a.business_date AND b.stream_seq < a.until) AS breaks
        FROM asked AS a
    )
    HAVING count(DISTINCT (cycles, prices, banks, sessions, breaks)) > 1
),

-- ENT-8: cycles are numbered without gaps within date and kind, and dates settle in the order of their cuts.
out_of_order AS (
    SELECT 'ENT-8' AS rule, '' AS contract, []::VARCHAR[] AS accounts,
        list({'partition': partition, 'stream_seq': until} ORDER BY partition) AS places,
        CASE WHEN before.earlier <> number - 1
            THEN format('Expected {} as the next number of its date and kind, was {}.', before.earlier + 1, number)
            ELSE format('Expected {} to be settled first, cut before, was not settled.', before.unsettled)
        END AS message
    FROM asked AS a, LATERAL (
        SELECT
            (SELECT count(*) FROM cycle AS c
             WHERE c.partition = a.partition AND c.stream_seq < a.until AND c.business_date = a.business_date AND c.kind = a.kind) AS earlier,
            (SELECT min(c.business_date) FROM cut AS c
             WHERE c.partition = a.partition AND c.stream_seq < a.until AND c.business_date < a.business_date
                 AND NOT EXISTS (FROM cycle AS e WHERE e.partition = c.partition AND e.kind = 'end_of_day'
                     AND e.business_date = c.business_date AND e.stream_seq < a.until)) AS unsettled
    ) AS before
    WHERE before.earlier <> number - 1 OR (a.kind = 'end_of_day' AND before.unsettled IS NOT NULL)
    GROUP BY number, before.earlier, before.unsettled
)

FROM no_cut
UNION ALL FROM accounts_of_sum
UNION ALL FROM session_total
UNION ALL FROM novated
UNION ALL FROM open_breaks
UNION ALL FROM unequal
UNION ALL FROM out_of_order
ORDER BY rule, message
LIMIT 100
