-- What the tables refuse, whoever asks. Every guard is ENABLE ALWAYS: session_replication_role does not switch it off.
--   NV001 append-only        NV002 legs do not balance     NV003 wrong number of rows or legs   NV004 empty or incomplete
--   NV005 lines (VM-4, VM-5) NV006 payments (PAY-1, FEE-1) NV007 journal against payments       NV008 out of order
--   NV009 nothing inserted   NV010 hash differs            NV011 partition marks                NV012 outbox lines
--   NV013 not durable        NV014 payment state           NV015 generation
-- Every function pins its search_path, and names its tables in full: no temporary table or function can stand in for them.
SET LOCAL ROLE novate_owner;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'NV001', MESSAGE = format(
        'Expected ledger.%s to be append-only, was an attempt to %s it. Post a correcting cycle instead.',
        TG_TABLE_NAME, TG_OP);
END
$$;

-- ON CONFLICT DO NOTHING would hide that something else is posted already.
CREATE FUNCTION ledger.refuse_nothing() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM inserted) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV009', MESSAGE = format(
            'Expected an insert into ledger.%s to add rows, was none. Read what is posted and compare it.', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
$$;

-- The rows of a cycle arrive in one statement, as many as its header says. TG_ARGV[0] is the header's column.
CREATE FUNCTION ledger.check_count() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    touched bigint;
    expected integer;
    was bigint;
BEGIN
    FOR touched IN SELECT DISTINCT cycle_seq FROM inserted LOOP
        EXECUTE format('SELECT %I FROM ledger.cycle WHERE seq = $1', TG_ARGV[0]) INTO expected USING touched;
        EXECUTE format('SELECT count(*) FROM ledger.%I WHERE cycle_seq = $1', TG_TABLE_NAME) INTO was USING touched;
        IF was IS DISTINCT FROM expected THEN
            RAISE EXCEPTION USING ERRCODE = 'NV003', MESSAGE = format(
                'Expected %s rows of cycle %s in ledger.%s, was %s. Insert all of them in one statement.',
                coalesce(expected::text, 'no'), touched, TG_TABLE_NAME, was);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE FUNCTION ledger.check_outbox() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gap record;
BEGIN
    SELECT o.cycle_seq, count(*) AS n, max(o.line) AS last INTO gap
    FROM ledger.outbox o WHERE o.cycle_seq IN (SELECT cycle_seq FROM inserted)
    GROUP BY o.cycle_seq HAVING max(o.line) <> count(*) ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV012', MESSAGE = format(
            'Expected the outbox lines 1..%s of cycle %s, was line %s. Number them without gaps.',
            gap.n, gap.cycle_seq, gap.last);
    END IF;
    RETURN NULL;
END
$$;

-- What settlement/ledger/journal.py hashes: per leg its number, the account's name with its length, the amount.
CREATE FUNCTION ledger.leg_bytes(leg integer, account_id text, amount_minor bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT int4send(leg) || int4send(octet_length(account_id)) || convert_to(account_id, 'UTF8') || int8send(amount_minor)
$$;

CREATE FUNCTION ledger.check_journal(id text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    header record;
    legs record;
BEGIN
    SELECT j.n_legs, j.currency, j.payload_sha256, j.reverses INTO header FROM ledger.journal j WHERE j.id = check_journal.id;
    SELECT count(*) AS n, coalesce(sum(p.amount_minor), 0) AS total,
           sha256(coalesce(string_agg(ledger.leg_bytes(p.leg, p.account_id, p.amount_minor), '' ORDER BY p.leg), ''))
               AS payload_sha256
    INTO legs FROM ledger.posting p WHERE p.journal_id = check_journal.id;
    IF legs.n IS DISTINCT FROM header.n_legs THEN
        RAISE EXCEPTION USING ERRCODE = CASE WHEN legs.n = 0 THEN 'NV004' ELSE 'NV003' END, MESSAGE = format(
            'Expected %s legs in journal %s, was %s. Insert all of its legs in one statement.',
            coalesce(header.n_legs::text, 'no'), check_journal.id, legs.n);
    ELSIF legs.total <> 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'NV002', MESSAGE = format(
            'Expected the legs of journal %s to sum to 0 %s, was %s.', check_journal.id, header.currency, legs.total);
    ELSIF legs.payload_sha256 <> header.payload_sha256 THEN
        RAISE EXCEPTION USING ERRCODE = 'NV010', MESSAGE = format(
            'Expected the legs of journal %s to hash to %s, was %s.',
            check_journal.id, encode(header.payload_sha256, 'hex'), encode(legs.payload_sha256, 'hex'));
    END IF;
    IF header.reverses IS NOT NULL AND EXISTS (
        SELECT FROM (SELECT * FROM ledger.posting WHERE journal_id = check_journal.id) mine
        FULL JOIN (SELECT * FROM ledger.posting WHERE journal_id = header.reverses) theirs USING (account_id)
        WHERE mine.amount_minor + theirs.amount_minor IS DISTINCT FROM 0
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV007', MESSAGE = format(
            'Expected journal %s to be the exact reverse of %s, was not.', check_journal.id, header.reverses);
    END IF;
END
$$;

CREATE FUNCTION ledger.check_postings() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.check_journal(touched.journal_id) FROM (SELECT DISTINCT journal_id FROM inserted ORDER BY 1) touched;
    RETURN NULL;
END
$$;

CREATE FUNCTION ledger.check_whole_journal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.check_journal(NEW.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION ledger.check_payment_state() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
BEGIN
    SELECT s.number, s.state INTO last FROM ledger.payment_state s
    WHERE (s.cycle_seq, s.member, s.origin, s.currency) = (NEW.cycle_seq, NEW.member, NEW.origin, NEW.currency)
    ORDER BY s.number DESC LIMIT 1;
    IF NEW.number <> coalesce(last.number, 0) + 1 OR NOT (CASE coalesce(last.state, 'calculated')
        WHEN 'calculated' THEN NEW.state = 'instructed'
        WHEN 'instructed' THEN NEW.state IN ('confirmed', 'failed')
        WHEN 'failed' THEN NEW.state = 'instructed'
        ELSE false  -- confirmed is final
    END) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV014', MESSAGE = format(
            'Expected state %s after %s of the payment %s/%s/%s of cycle %s, was %s as state %s.',
            coalesce(last.number, 0) + 1, coalesce(last.state, 'calculated'),
            NEW.member, NEW.origin, NEW.currency, NEW.cycle_seq, NEW.state, NEW.number);
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION ledger.check_generation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest integer := (SELECT coalesce(max(generation), 0) FROM ledger.meta);
BEGIN
    IF NEW.generation <> newest + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'NV015', MESSAGE = format(
            'Expected generation %s, was %s. Generations are opened one after the other.', newest + 1, NEW.generation);
    END IF;
    RETURN NEW;
END
$$;
