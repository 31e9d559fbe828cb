-- The bank's answers are entries of the chain (docs/adr/0012): kind bank, no lines and no payments of their own. A confirmation
-- that counts closes the payment's account against the clearing house's cash, CCP/bank (+ paid out, - came in); an answer that
-- does not count (unknown payment, another amount, out of order) stands here with the reason, and moves nothing.
--   NV014 also: an answer that is not what the payment's state says.
SET LOCAL ROLE novate_owner;

ALTER DOMAIN ledger.kind DROP CONSTRAINT kind_check;
ALTER DOMAIN ledger.kind ADD CONSTRAINT kind_check
    CHECK (VALUE IN ('intraday', 'end_of_day', 'final', 'correction', 'bank'));
ALTER TABLE ledger.account DROP CONSTRAINT account_origin_check, DROP CONSTRAINT account_check1;
ALTER TABLE ledger.account
    ADD CONSTRAINT account_origin_check CHECK (origin IN ('HOUSE', 'CLIENT', 'fees', 'bank')),
    ADD CONSTRAINT account_check1 CHECK ((member = 'CCP') = (origin IN ('fees', 'bank')));

CREATE TABLE ledger.bank_answer (
    cycle_seq bigint PRIMARY KEY REFERENCES ledger.cycle (seq),
    payment ledger.word NOT NULL,  -- as it was told: 2026-08-03/end_of_day/1/M01/HOUSE/USD
    member ledger.word NOT NULL CHECK (strpos(member, '/') = 0),
    origin ledger.word NOT NULL CHECK (origin IN ('HOUSE', 'CLIENT')),
    currency ledger.currency NOT NULL,
    state ledger.word NOT NULL CHECK (state IN ('instructed', 'confirmed', 'failed')),
    amount_minor bigint NOT NULL,
    reason text COLLATE "C" NOT NULL CHECK ((state = 'failed') = (reason <> '')),
    reference text COLLATE "C" NOT NULL,
    refused text COLLATE "C" NOT NULL  -- why it moves nothing; empty when it counts
);

-- An entry of the bank has one answer and nothing else; one that counts is the payment's state and is of its amount.
CREATE FUNCTION ledger.check_cycle_bank(cycle ledger.cycle) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer ledger.bank_answer;
BEGIN
    SELECT * INTO answer FROM ledger.bank_answer WHERE cycle_seq = cycle.seq;
    IF FOUND <> (cycle.kind = 'bank')
        OR (cycle.kind = 'bank' AND (cycle.n_prices, cycle.n_lines, cycle.n_payments) <> (0, 0, 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV004', MESSAGE = format(
            'Expected one answer of the bank and no lines in an entry of kind bank, and none elsewhere, was cycle %s of kind %s.',
            cycle.seq, cycle.kind);
    END IF;
    IF cycle.kind = 'bank' AND answer.refused = '' AND NOT EXISTS (
        SELECT FROM ledger.payment_state s
        JOIN ledger.payment p USING (cycle_seq, member, origin, currency)
        JOIN ledger.cycle c ON c.seq = s.cycle_seq
        WHERE (s.member, s.origin, s.currency, s.state, s.control_id)
            = (answer.member, answer.origin, answer.currency, answer.state, cycle.control_id)
          AND p.amount_minor = answer.amount_minor
          AND answer.payment = to_char(c.business_date, 'YYYY-MM-DD') || '/' || c.kind || '/' || c.number || '/'
                || s.member || '/' || s.origin || '/' || s.currency
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV014', MESSAGE = format(
            'Expected the answer of cycle %s to be a state of the payment %s with its amount, was %s with %s.',
            cycle.seq, answer.payment, answer.state, answer.amount_minor);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION ledger.check_cycle_journals(cycle ledger.cycle) RETURNS void
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
        UNION ALL
        SELECT moved.account_id, moved.amount_minor FROM ledger.bank_answer b, LATERAL (VALUES
            (b.member || '/' || b.origin || '/' || b.currency, -b.amount_minor::numeric),
            ('CCP/bank/' || b.currency, b.amount_minor::numeric)
        ) AS moved (account_id, amount_minor)
        WHERE b.cycle_seq = cycle.seq AND b.state = 'confirmed' AND b.refused = ''
    ) owed
    FULL JOIN (
        SELECT p.account_id::text, p.amount_minor FROM ledger.posting p
        JOIN ledger.journal j ON j.id = p.journal_id WHERE j.cycle_seq = cycle.seq
    ) posted USING (account_id)
    WHERE owed.amount_minor IS DISTINCT FROM posted.amount_minor
    ORDER BY account_id COLLATE "C" LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV007', MESSAGE = format(
            'Expected the leg of %s in cycle %s to equal its payment, fees or confirmation, %s, was %s.', broken.account_id, cycle.seq,
            coalesce(broken.expected::text, 'none'), coalesce(broken.was::text, 'none'));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION ledger.check_whole_cycle() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
    PERFORM ledger.check_cycle_bank(NEW);
    PERFORM ledger.check_cycle_journals(NEW);
    PERFORM ledger.check_cycle_marks(NEW);
    RETURN NULL;
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.bank_answer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON ledger.bank_answer
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER nothing_hidden AFTER INSERT ON ledger.bank_answer REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_nothing();
ALTER TABLE ledger.bank_answer ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.bank_answer ENABLE ALWAYS TRIGGER append_only_row;
ALTER TABLE ledger.bank_answer ENABLE ALWAYS TRIGGER nothing_hidden;

ALTER TABLE ledger.bank_answer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON ledger.bank_answer TO novate_poster;
GRANT SELECT ON ledger.bank_answer TO novate_auditor, novate_member;
CREATE POLICY poster ON ledger.bank_answer TO novate_poster USING (true) WITH CHECK (true);
CREATE POLICY auditor ON ledger.bank_answer FOR SELECT TO novate_auditor USING (true);
CREATE POLICY own ON ledger.bank_answer FOR SELECT TO novate_member
    USING (member = current_setting('novate.member', true));

REVOKE EXECUTE ON FUNCTION ledger.check_cycle_bank(ledger.cycle) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.check_cycle_bank(ledger.cycle) TO novate_poster;
