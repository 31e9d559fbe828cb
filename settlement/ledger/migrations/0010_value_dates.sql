-- A payment is due on a banking day of its currency (PAY-2). Which day that is follows from the log and is compared by the audit;
-- what is true of every calendar is refused here (NV006) otherwise: never before the business date, after it but for an
-- intraday cycle, and never on a weekend. Cycles posted without value dates cannot be given any: their content is hashed.
SET LOCAL ROLE novate_owner;

DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger.payment) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV006', MESSAGE =
            'Expected a ledger without payments, was one whose payments have no value dates. Post the log into a new database.';
    END IF;
END
$$;
ALTER TABLE ledger.payment ADD COLUMN value_date date NOT NULL;

CREATE FUNCTION ledger.check_value_date() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cycle ledger.cycle;
BEGIN
    SELECT * INTO cycle FROM ledger.cycle WHERE seq = NEW.cycle_seq;
    IF NEW.value_date < cycle.business_date + (cycle.kind <> 'intraday')::integer
        OR extract(isodow FROM NEW.value_date) > 5 THEN
        RAISE EXCEPTION USING ERRCODE = 'NV006', MESSAGE = format(
            'Expected the payment of %s/%s/%s in cycle %s, %s of %s, to be due on a banking day from it on (PAY-2), was %s.',
            NEW.member, NEW.origin, NEW.currency, NEW.cycle_seq, cycle.kind, cycle.business_date, NEW.value_date);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER value_date BEFORE INSERT ON ledger.payment FOR EACH ROW EXECUTE FUNCTION ledger.check_value_date();
ALTER TABLE ledger.payment ENABLE ALWAYS TRIGGER value_date;
REVOKE EXECUTE ON FUNCTION ledger.check_value_date() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.check_value_date() TO novate_poster;

CREATE OR REPLACE VIEW ledger.payment_now WITH (security_invoker = true) AS
    SELECT c.business_date, c.kind, c.number, p.cycle_seq, p.member, p.origin, p.currency, p.amount_minor,
           coalesce(last.state, 'calculated') AS state, p.value_date
    FROM ledger.payment p JOIN ledger.cycle c ON c.seq = p.cycle_seq
    LEFT JOIN LATERAL (
        SELECT s.state FROM ledger.payment_state s
        WHERE (s.cycle_seq, s.member, s.origin, s.currency) = (p.cycle_seq, p.member, p.origin, p.currency)
        ORDER BY s.number DESC LIMIT 1
    ) last ON true;
