-- A payment's state is an answer of the bank in the chain, one each: none can be written beside it.
--   NV014 also: a state without an answer that counts.
SET LOCAL ROLE novate_owner;

ALTER TABLE ledger.payment_state ADD CONSTRAINT payment_state_of_one_answer UNIQUE (control_id);

CREATE FUNCTION ledger.check_state_is_answered() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.bank_answer b
        JOIN ledger.cycle entry ON entry.seq = b.cycle_seq
        JOIN ledger.cycle c ON c.seq = NEW.cycle_seq
        WHERE b.refused = '' AND (entry.control_id, b.state) = (NEW.control_id, NEW.state)
          AND b.payment = to_char(c.business_date, 'YYYY-MM-DD') || '/' || c.kind || '/' || c.number || '/'
                || NEW.member || '/' || NEW.origin || '/' || NEW.currency
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV014', MESSAGE = format(
            'Expected an answer of the bank behind state %s of the payment %s/%s/%s of cycle %s, was none of the control %s.',
            NEW.state, NEW.member, NEW.origin, NEW.currency, NEW.cycle_seq, NEW.control_id);
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER answered AFTER INSERT ON ledger.payment_state DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.check_state_is_answered();
ALTER TABLE ledger.payment_state ENABLE ALWAYS TRIGGER answered;
