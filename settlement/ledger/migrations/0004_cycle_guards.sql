-- What a cycle must be: in its place when it is inserted, and whole, balanced and durable when it commits.
SET LOCAL ROLE novate_owner;

CREATE FUNCTION ledger.check_order() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head ledger.cycle;
    number_before integer;
BEGIN
    SELECT * INTO head FROM ledger.cycle ORDER BY seq DESC LIMIT 1;
    SELECT coalesce(max(number), 0) INTO number_before
    FROM ledger.cycle WHERE business_date = NEW.business_date AND kind = NEW.kind;
    IF NEW.seq <> coalesce(head.seq, 0) + 1 OR NEW.prev IS DISTINCT FROM head.seq THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected cycle %s after %s, was cycle %s after %s.',
            coalesce(head.seq, 0) + 1, coalesce(head.seq::text, 'none'), NEW.seq, coalesce(NEW.prev::text, 'none'));
    ELSIF NEW.business_date < head.business_date THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected a business date from %s on, was %s. Cycles are posted in the order of the log.',
            head.business_date, NEW.business_date);
    ELSIF NEW.number <> number_before + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected %s cycle number %s of %s, was number %s.',
            NEW.kind, number_before + 1, NEW.business_date, NEW.number);
    ELSIF NEW.kind = 'intraday' AND EXISTS (
        SELECT FROM ledger.cycle WHERE business_date = NEW.business_date AND kind = 'end_of_day') THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected no intraday cycle of %s after its end of day, was number %s.', NEW.business_date, NEW.number);
    ELSIF NEW.generation <> (SELECT max(generation) FROM ledger.meta) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV015', MESSAGE = format(
            'Expected a cycle of the newest generation, was generation %s.', NEW.generation);
    END IF;
    NEW.chain_sha256 := sha256(coalesce(head.chain_sha256::bytea, '') || NEW.sha256::bytea);
    RETURN NEW;
END
$$;

CREATE FUNCTION ledger.check_cycle_counts(cycle ledger.cycle) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    missing record;
BEGIN
    SELECT * INTO missing FROM (VALUES
        ('cycle_price', cycle.n_prices, (SELECT count(*) FROM ledger.cycle_price WHERE cycle_seq = cycle.seq)),
        ('margin_line', cycle.n_lines, (SELECT count(*) FROM ledger.margin_line WHERE cycle_seq = cycle.seq)),
        ('payment', cycle.n_payments, (SELECT count(*) FROM ledger.payment WHERE cycle_seq = cycle.seq)),
        ('journal', cycle.n_journals, (SELECT count(*) FROM ledger.journal WHERE cycle_seq = cycle.seq)),
        ('partition_mark', cycle.n_marks, (SELECT count(*) FROM ledger.partition_mark WHERE cycle_seq = cycle.seq)),
        ('outbox', cycle.n_outbox, (SELECT count(*) FROM ledger.outbox WHERE cycle_seq = cycle.seq))
    ) AS counted (name, expected, was) WHERE expected <> was LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV004', MESSAGE = format(
            'Expected %s rows of cycle %s in ledger.%s at commit, was %s.',
            missing.expected, cycle.seq, missing.name, missing.was);
    END IF;
END
$$;

-- VM-4: per contract the amounts of all accounts sum to 0, and so do their lots. VM-5: at the cycle's own price.
CREATE FUNCTION ledger.check_cycle_lines(cycle ledger.cycle) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    broken record;
BEGIN
    SELECT l.contract, l.currency, sum(l."end") AS lots,
           sum(l.tvar_minor::numeric + l.smtm_minor + l.imtm_minor + l.fmtm_minor + l.cres_minor + l.adj_minor) AS amount
    INTO broken FROM ledger.margin_line l WHERE l.cycle_seq = cycle.seq
    GROUP BY l.contract, l.currency
    HAVING (cycle.kind <> 'correction' AND sum(l."end") <> 0)  -- a correction lists only those whom it pays
        OR sum(l.tvar_minor::numeric + l.smtm_minor + l.imtm_minor + l.fmtm_minor + l.cres_minor + l.adj_minor) <> 0
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV005', MESSAGE = format(
            'Expected the lines of %s in cycle %s to sum to 0 lots and 0 %s over all accounts (VM-4), was %s lots and %s.',
            broken.contract, cycle.seq, broken.currency, broken.lots, broken.amount);
    END IF;
    SELECT l.contract, l.account INTO broken
    FROM ledger.margin_line l LEFT JOIN ledger.cycle_price p ON p.cycle_seq = l.cycle_seq AND p.contract = l.contract
    WHERE l.cycle_seq = cycle.seq
      AND (p.price_nano IS DISTINCT FROM l.price_nano OR p.value_minor IS DISTINCT FROM l.value_minor)
    ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV005', MESSAGE = format(
            'Expected the line of %s in %s of cycle %s to carry that cycle''s price of the contract (VM-5), was another or none.',
            broken.account, broken.contract, cycle.seq);
    END IF;
END
$$;

-- PAY-1: one payment per member, origin and currency, the sum of its lines; the fees of client accounts are paid by the house.
CREATE FUNCTION ledger.check_cycle_payments(cycle ledger.cycle) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    broken record;
BEGIN
    SELECT member, origin, currency, owed.amount_minor AS expected, paid.amount_minor AS was INTO broken
    FROM (
        SELECT part.member, part.origin, part.currency, sum(part.amount_minor) AS amount_minor
        FROM (
            SELECT l.member, l.origin, l.currency,
                   l.tvar_minor::numeric + l.smtm_minor + l.imtm_minor + l.fmtm_minor + l.cres_minor + l.adj_minor
            FROM ledger.margin_line l WHERE l.cycle_seq = cycle.seq
            UNION ALL
            SELECT l.member, 'HOUSE', l.currency, l.fee_minor FROM ledger.margin_line l WHERE l.cycle_seq = cycle.seq
        ) AS part (member, origin, currency, amount_minor)
        GROUP BY 1, 2, 3 HAVING sum(part.amount_minor) <> 0
    ) owed
    FULL JOIN (SELECT p.* FROM ledger.payment p WHERE p.cycle_seq = cycle.seq) paid USING (member, origin, currency)
    WHERE owed.amount_minor IS DISTINCT FROM paid.amount_minor
    ORDER BY 1, 2, 3 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV006', MESSAGE = format(
            'Expected the payment of %s/%s/%s in cycle %s to be the sum of its lines (PAY-1), %s, was %s.',
            broken.member, broken.origin, broken.currency, cycle.seq,
            coalesce(broken.expected::text, 'none'), coalesce(broken.was::text, 'none'));
    END IF;
END
$$;

-- The journals of a cycle are its payments, and what the fee account collects (FEE-1).
CREATE FUNCTION ledger.check_cycle_journals(cycle ledger.cycle) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    broken record;
BEGIN
    SELECT account_id, owed.amount_minor AS expected, posted.amount_minor AS was INTO broken
    FROM (
        SELECT p.member || '/' || p.origin || '/' || p.currency AS account_id, p.amount_minor::numeric AS amount_minor
        FROM ledger.payment p WHERE p.cycle_seq = cycle.seq
        UNION ALL
        SELECT 'CCP/fees/' || l.currency, -sum(l.fee_minor) FROM ledger.margin_line l WHERE l.cycle_seq = cycle.seq
        GROUP BY l.currency HAVING sum(l.fee_minor) <> 0
    ) owed
    FULL JOIN (
        SELECT p.account_id::text, p.amount_minor FROM ledger.posting p
        JOIN ledger.journal j ON j.id = p.journal_id WHERE j.cycle_seq = cycle.seq
    ) posted USING (account_id)
    WHERE owed.amount_minor IS DISTINCT FROM posted.amount_minor
    ORDER BY account_id COLLATE "C" LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV007', MESSAGE = format(
            'Expected the leg of %s in cycle %s to equal its payment or fees, %s, was %s.', broken.account_id, cycle.seq,
            coalesce(broken.expected::text, 'none'), coalesce(broken.was::text, 'none'));
    END IF;
END
$$;

-- The marks name every partition of the generation once, and none lies behind the cycle before.
CREATE FUNCTION ledger.check_cycle_marks(cycle ledger.cycle) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p integer := (SELECT partitions FROM ledger.meta WHERE generation = cycle.generation);
    broken record;
BEGIN
    IF cycle.n_marks <> p OR p IS DISTINCT FROM (
        SELECT max(partition) + 1 FROM ledger.partition_mark WHERE cycle_seq = cycle.seq) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV011', MESSAGE = format(
            'Expected the marks of partitions 0..%s in cycle %s, was %s marks.', p - 1, cycle.seq, cycle.n_marks);
    END IF;
    SELECT mine.partition, before.stream_seq AS expected, mine.stream_seq AS was INTO broken
    FROM ledger.partition_mark mine
    JOIN ledger.partition_mark before ON before.cycle_seq = cycle.prev AND before.partition = mine.partition
    JOIN ledger.cycle c ON c.seq = before.cycle_seq AND c.generation = cycle.generation
    WHERE mine.cycle_seq = cycle.seq AND (mine.stream_seq < before.stream_seq
        OR (mine.stream_seq = before.stream_seq AND mine.rolling_sha256 <> before.rolling_sha256))
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV011', MESSAGE = format(
            'Expected the mark of partition %s in cycle %s at or after %s, with the same hash where it is the same, was %s. '
            'Was the log rolled back?', broken.partition, cycle.seq, broken.expected, broken.was);
    END IF;
END
$$;

CREATE FUNCTION ledger.check_whole_cycle() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        RAISE EXCEPTION USING ERRCODE = 'NV013', MESSAGE = format(
            'Expected synchronous_commit on, remote_write or remote_apply to post cycle %s, was %s: an acknowledged cycle '
            'could be lost. Change the setting of the server or the role.',
            NEW.seq, current_setting('synchronous_commit'));
    END IF;
    PERFORM ledger.check_cycle_counts(NEW);
    PERFORM ledger.check_cycle_lines(NEW);
    PERFORM ledger.check_cycle_payments(NEW);
    PERFORM ledger.check_cycle_journals(NEW);
    PERFORM ledger.check_cycle_marks(NEW);
    RETURN NULL;
END
$$;
