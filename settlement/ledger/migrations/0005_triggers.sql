-- The guards, on their tables, always.
SET LOCAL ROLE novate_owner;

CREATE TRIGGER generation_order BEFORE INSERT ON ledger.meta
    FOR EACH ROW EXECUTE FUNCTION ledger.check_generation();
CREATE TRIGGER cycle_order BEFORE INSERT ON ledger.cycle
    FOR EACH ROW EXECUTE FUNCTION ledger.check_order();
CREATE TRIGGER payment_state_order BEFORE INSERT ON ledger.payment_state
    FOR EACH ROW EXECUTE FUNCTION ledger.check_payment_state();

CREATE TRIGGER counted AFTER INSERT ON ledger.cycle_price REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_count('n_prices');
CREATE TRIGGER counted AFTER INSERT ON ledger.margin_line REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_count('n_lines');
CREATE TRIGGER counted AFTER INSERT ON ledger.payment REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_count('n_payments');
CREATE TRIGGER counted AFTER INSERT ON ledger.journal REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_count('n_journals');
CREATE TRIGGER counted AFTER INSERT ON ledger.partition_mark REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_count('n_marks');
CREATE TRIGGER counted AFTER INSERT ON ledger.outbox REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_count('n_outbox');
CREATE TRIGGER without_gaps AFTER INSERT ON ledger.outbox REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_outbox();
CREATE TRIGGER balanced AFTER INSERT ON ledger.posting REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_postings();

CREATE CONSTRAINT TRIGGER whole_journal AFTER INSERT ON ledger.journal DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.check_whole_journal();
CREATE CONSTRAINT TRIGGER whole_cycle AFTER INSERT ON ledger.cycle DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.check_whole_cycle();

DO $$
DECLARE
    name text;
    guard record;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'r' AND relname <> 'migration'
    LOOP
        -- Statement triggers fire even when no row matches; row triggers also where a replica applies single rows.
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name);
        EXECUTE format('CREATE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON ledger.%I
                        FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()', name);
        EXECUTE format('CREATE TRIGGER nothing_hidden AFTER INSERT ON ledger.%I REFERENCING NEW TABLE AS inserted
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_nothing()', name);
    END LOOP;
    FOR guard IN
        SELECT t.tgrelid::regclass AS relation, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'ledger'::regnamespace AND NOT t.tgisinternal
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', guard.relation, guard.tgname);
    END LOOP;
END
$$;
