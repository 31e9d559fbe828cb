-- The margin lines of ONE cycle ($business_date, $kind, $number), from the log alone. Read it from top to bottom.
--
-- The second engine: written from the rules, not from the fold's code, so that an error of either shows as a difference.
-- Lots are signed, + long. Amounts are in minor units, + receives, - pays. V is `value_minor`, the value of ONE contract.
-- Only records before the cycle's own prices count, partition by partition, so later records change nothing.
WITH

-- The cycle, and where its prices stand in each partition.
asked AS (
    SELECT partition, stream_seq AS until, business_date, kind, number, effective_date
    FROM cycle
    WHERE business_date = $business_date AND kind = $kind AND number = $number
),

-- FSP-3: a contract's final settlement took all its fills before it; they count in no later cycle.
closed AS (
    SELECT p.partition, p.contract, max(p.stream_seq) AS closed_seq
    FROM price AS p JOIN asked AS a ON p.partition = a.partition AND p.stream_seq < a.until
    WHERE p.kind = 'final'
    GROUP BY ALL
),

-- Contracts of the cycle. The end of day asks for every contract with a fill so far (VM-3); the others only for those priced.
asked_contract AS (
    SELECT partition, contract, max(price_nano) AS price_nano, max(value_minor) AS value_minor
    FROM (
        SELECT a.partition, p.contract, p.price_nano, p.value_minor
        FROM asked AS a JOIN price AS p ON p.partition = a.partition AND p.stream_seq = a.until
        UNION ALL
        SELECT DISTINCT a.partition, f.contract, NULL::BIGINT, NULL::BIGINT
        FROM asked AS a JOIN fill AS f ON f.partition = a.partition AND f.stream_seq < a.until
        WHERE a.kind = 'end_of_day'
    )
    GROUP BY ALL
),

-- Prices before the cycle that a contract was settled at. A price of tier `prior` repeats one; it settles nothing itself (FSP-2).
settled AS (
    SELECT p.*
    FROM price AS p JOIN asked AS a ON p.partition = a.partition AND p.stream_seq < a.until
    WHERE p.kind IN ('opening', 'end_of_day', 'final', 'correction') AND p.tier <> 'prior'
),

-- How far dates were settled before this cycle. An end of day that does not name a contract had nothing of it to settle (VM-5).
settled_through AS (
    SELECT c.partition, max(c.business_date) AS through
    FROM cycle AS c JOIN asked AS a ON c.partition = a.partition AND c.stream_seq < a.until
    WHERE c.kind = 'end_of_day'
    GROUP BY ALL
),

-- Two valuations of the book: `now`, at this cycle's prices, and `paid`, at the last intraday prices of the same date and contract,
-- which is what was paid so far (ITD-1). `after` and `last`: fills of after < business_date <= last are the day's, earlier ones the start.
now_valued AS (
    SELECT c.partition, c.contract, 'now' AS valued, a.until, c.price_nano, c.value_minor, a.effective_date, a.kind,
        CASE a.kind
            WHEN 'final' THEN coalesce(s.through, 0)        -- FSP-3: what a last day that was not settled still owes
            WHEN 'correction' THEN coalesce(s.through, 0)   -- COR-2: the book as it was last settled
            ELSE a.business_date - 1
        END AS after,
        CASE a.kind WHEN 'correction' THEN coalesce(s.through, 0) ELSE a.business_date END AS last
    FROM asked_contract AS c
    JOIN asked AS a ON a.partition = c.partition
    LEFT JOIN settled_through AS s ON s.partition = c.partition
),
paid_valued AS (
    SELECT n.partition, n.contract, 'paid' AS valued, p.stream_seq AS until, p.price_nano, p.value_minor, p.effective_date, p.kind,
        n.after, p.business_date AS last
    FROM now_valued AS n
    JOIN price AS p ON p.partition = n.partition AND p.contract = n.contract AND p.stream_seq < n.until
    WHERE p.kind = 'intraday' AND p.business_date > n.after AND p.business_date <= n.last AND n.kind <> 'correction'
    QUALIFY row_number() OVER (PARTITION BY n.partition, n.contract ORDER BY p.stream_seq DESC) = 1
),

-- VM-2: the prior price of each valuation, the latest by the date that it is of; a correction of that date replaces it (COR-2).
valuation AS (
    SELECT v.*, s.price_nano AS previous_nano, s.value_minor AS previous_value_minor,
        s.effective_date AS previous_date, coalesce(k.closed_seq, -1) AS closed_seq
    FROM (FROM now_valued UNION ALL FROM paid_valued) AS v
    LEFT JOIN settled AS s
        ON s.partition = v.partition AND s.contract = v.contract AND s.stream_seq < v.until
        AND (v.kind = 'correction' OR s.effective_date < v.effective_date OR (s.kind = 'opening' AND s.effective_date = v.effective_date))
    LEFT JOIN closed AS k ON k.partition = v.partition AND k.contract = v.contract
    QUALIFY row_number() OVER (
        PARTITION BY v.partition, v.contract, v.valued ORDER BY s.effective_date DESC NULLS LAST, s.stream_seq DESC
    ) = 1
),

-- Every fill that counts, and what it does. A reversal keeps its side and has negative lots, so it needs no rule of its own.
moved AS (
    SELECT v.valued, f.partition, f.account, f.contract,
        CASE WHEN f.business_date <= v.last THEN f.lots ELSE 0 END AS lots, f.value_minor, f.fee_minor, f.cres_minor, f.adj_minor,
        f.kind = 'carry' OR f.business_date <= v.after OR v.kind = 'correction' AS is_start,   -- a carried book counts as start on its own date
        f.kind NOT IN ('carry', 'transfer', 'close_out', 'cash', 'correction') AS is_trade,
        f.kind = 'transfer' AS is_transfer,
        f.kind = 'cash' AS is_cash,                                   -- no lots and no price needed
        f.side = 'BUY' AS is_buy,
        CASE WHEN f.business_date > v.last THEN 0 WHEN f.side = 'BUY' THEN f.lots ELSE -f.lots END AS signed_lots,
        (f.side = 'BUY') = (f.position_effect = 'OPEN') AS is_long  -- ACC-1: BUY OPEN and SELL CLOSE move the long side
    FROM fill AS f
    JOIN valuation AS v ON v.partition = f.partition AND v.contract = f.contract
    WHERE f.stream_seq < v.until
        AND (f.business_date <= v.last OR (v.kind = 'correction' AND f.kind = 'transfer'))  -- COR-2: later transfers, without their lots
        AND (f.stream_seq > v.closed_seq OR f.kind = 'cash')  -- a cash adjustment waits for its end of day
        AND f.kind <> 'correction'  -- COR-2: the gateway's own account of a corrected price; derived anew below, so never read here
),

-- The book of each account and contract. `cost`: sum of side x lots x V(own price) over the day's fills that moved lots.
summed AS (
    SELECT valued, partition, account, contract,
        count(*) FILTER (NOT is_start) AS fills,
        count(*) FILTER (NOT is_start AND NOT is_cash) AS moves,
        coalesce(sum(signed_lots) FILTER (is_start), 0) AS start,
        coalesce(sum(lots) FILTER (NOT is_start AND is_trade AND is_buy), 0) AS bought,
        coalesce(sum(lots) FILTER (NOT is_start AND is_trade AND NOT is_buy), 0) AS sold,
        coalesce(sum(signed_lots) FILTER (NOT is_start AND is_transfer), 0) AS transferred,
        sum(signed_lots) AS held,
        coalesce(sum(signed_lots::HUGEINT * value_minor) FILTER (NOT is_start AND (is_trade OR is_transfer)), 0) AS cost,
        coalesce(sum(signed_lots) FILTER (is_start AND is_long), 0) AS start_long,
        coalesce(sum(-signed_lots) FILTER (is_start AND NOT is_long), 0) AS start_short,
        coalesce(sum(signed_lots) FILTER (is_long), 0) AS held_long,
        coalesce(sum(-signed_lots) FILTER (NOT is_long), 0) AS held_short,
        coalesce(sum(cres_minor) FILTER (NOT is_start), 0) AS cres,
        coalesce(sum(adj_minor) FILTER (NOT is_start), 0) AS adj,
        coalesce(sum(fee_minor) FILTER (NOT is_start), 0) AS fee
    FROM moved
    GROUP BY ALL
),

-- VM-1 and VM-2, and their sum with CRES: the mark of the book.
-- A price that is missing leaves a null amount where lots need it: never zero by default (VM-5).
marked AS (
    SELECT b.*, v.kind, v.effective_date, v.previous_date, v.previous_nano, v.previous_value_minor,
        v.price_nano, v.value_minor,
        CASE WHEN b.bought = 0 AND b.sold = 0 AND b.transferred = 0 AND b.cost = 0 THEN 0::HUGEINT
            ELSE (b.bought - b.sold + b.transferred) * v.value_minor - b.cost
        END AS tvar,                                                     -- VM-1
        CASE b.start WHEN 0 THEN 0::HUGEINT
            ELSE b.start * (v.value_minor::HUGEINT - v.previous_value_minor)
        END AS smtm                                                      -- VM-2
    FROM summed AS b
    JOIN valuation AS v ON v.partition = b.partition AND v.contract = b.contract AND v.valued = b.valued
),
paid AS (
    SELECT partition, account, contract, tvar + smtm + cres AS mark FROM marked WHERE valued = 'paid'
),

-- COR-2: transfers of closed dates that took the corrected price by default: the giver is owed its change, the receiver owes it.
repriced AS (
    SELECT f.partition, f.account, f.contract, sum(-CASE f.side WHEN 'BUY' THEN f.lots ELSE -f.lots END * (n.value_minor - o.value_minor)::HUGEINT) AS adj
    FROM fill AS f
    JOIN now_valued AS n ON n.partition = f.partition AND n.contract = f.contract AND n.kind = 'correction' AND f.stream_seq < n.until
    JOIN asked AS a ON a.partition = n.partition
    JOIN (  -- what that date was settled at until now
        SELECT s.partition, s.contract, s.effective_date, arg_max(s.value_minor, s.stream_seq) AS value_minor
        FROM settled AS s WHERE s.kind IN ('end_of_day', 'correction') GROUP BY ALL
    ) AS o ON o.partition = f.partition AND o.contract = f.contract AND o.effective_date = n.effective_date
    WHERE f.kind = 'transfer' AND f.trade_type = 'prior' AND f.trade_date = n.effective_date AND f.business_date <> a.business_date
    GROUP BY ALL
),

-- ACC-1: whether the account keeps long and short apart; net accounts show no sides.
with_account AS (
    SELECT m.*, coalesce(o.positions, 'NET') = 'GROSS' AS gross,
        CASE WHEN m.effective_date = m.previous_date THEN m.smtm ELSE 0 END + coalesce(r.adj, 0) AS corrected
    FROM marked AS m
    LEFT JOIN repriced AS r ON r.partition = m.partition AND r.account = m.account AND r.contract = m.contract
    LEFT JOIN (
        SELECT o.partition, o.account, arg_max(o.positions, o.stream_seq) AS positions
        FROM account AS o JOIN asked AS a ON a.partition = o.partition AND o.stream_seq < a.until
        GROUP BY ALL
    ) AS o ON o.partition = m.partition AND o.account = m.account
    WHERE m.valued = 'now'
),

-- VM-3: a line for every account and contract with a position or a fill of the date, even when it is zero.
-- COR-2: a correction pays those who held the book at the last settled date, and the transfers of closed dates; others have no line.
lined AS (
    SELECT *
    FROM with_account
    WHERE CASE kind
        WHEN 'correction' THEN corrected <> 0
        ELSE fills > 0 OR start <> 0 OR (gross AND (start_long <> 0 OR start_short <> 0))
    END
)

SELECT a.business_date, a.kind, a.number, l.partition,
    row_number() OVER (PARTITION BY l.partition ORDER BY l.account, l.contract) - 1 AS line,
    l.account, l.contract,
    l.start, l.bought, l.sold, l.transferred,
    CASE a.kind WHEN 'final' THEN l.held ELSE 0 END AS expired,          -- FSP-3
    CASE a.kind WHEN 'final' THEN 0 ELSE l.held END AS "end",
    CASE WHEN l.gross THEN l.start_long ELSE 0 END AS start_long,
    CASE WHEN l.gross THEN l.start_short ELSE 0 END AS start_short,
    CASE WHEN l.gross AND a.kind <> 'final' THEN l.held_long ELSE 0 END AS end_long,
    CASE WHEN l.gross AND a.kind <> 'final' THEN l.held_short ELSE 0 END AS end_short,
    CASE WHEN l.price_nano IS NOT NULL THEN l.previous_nano END AS previous_nano,  -- a line of cash alone has no prices
    CASE WHEN l.price_nano IS NOT NULL THEN l.previous_value_minor END AS previous_value_minor,
    l.price_nano, l.value_minor,
    CASE WHEN a.kind IN ('end_of_day', 'final') THEN l.tvar ELSE 0 END AS tvar_minor,
    CASE a.kind WHEN 'end_of_day' THEN l.smtm ELSE 0 END AS smtm_minor,
    CASE a.kind                                                          -- ITD-1
        WHEN 'intraday' THEN l.tvar + l.smtm + l.cres - coalesce(p.mark, 0)
        WHEN 'correction' THEN 0
        ELSE -coalesce(p.mark, 0)
    END AS imtm_minor,
    CASE a.kind WHEN 'final' THEN l.smtm ELSE 0 END AS fmtm_minor,       -- FSP-3
    CASE WHEN a.kind IN ('end_of_day', 'final') THEN l.cres ELSE 0 END AS cres_minor,
    CASE a.kind                                                          -- COR-2
        WHEN 'correction' THEN l.corrected
        WHEN 'end_of_day' THEN l.adj
        ELSE 0
    END AS adj_minor,
    CASE WHEN a.kind IN ('end_of_day', 'final') THEN l.fee ELSE 0 END AS fee_minor,
    l.moves > 0 OR l.start <> 0 OR (l.gross AND l.start_long <> 0) AS needs_price  -- VM-5
FROM lined AS l
JOIN asked AS a ON a.partition = l.partition
LEFT JOIN paid AS p ON p.partition = l.partition AND p.account = l.account AND p.contract = l.contract
ORDER BY l.account, l.contract
