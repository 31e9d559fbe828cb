-- Who may do what. Row level security is forced, so not even the owner sees a row through it.
-- A member's SQL could set novate.member itself: members never get a session of their own, the platform sets the name,
-- for one transaction, with set_config('novate.member', ..., true).
SET LOCAL ROLE novate_owner;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'r' AND relname <> 'migration'
    LOOP
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT ON ledger.%I TO novate_poster', name);
        EXECUTE format('GRANT SELECT ON ledger.%I TO novate_auditor', name);
        EXECUTE format('CREATE POLICY poster ON ledger.%I TO novate_poster USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY auditor ON ledger.%I FOR SELECT TO novate_auditor USING (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['account', 'margin_line', 'payment', 'payment_state'] LOOP
        EXECUTE format('CREATE POLICY own ON ledger.%I FOR SELECT TO novate_member
                        USING (member = current_setting(''novate.member'', true))', name);
    END LOOP;
END
$$;

CREATE POLICY public_facts ON ledger.cycle FOR SELECT TO novate_member USING (true);
CREATE POLICY public_facts ON ledger.cycle_price FOR SELECT TO novate_member USING (true);
CREATE POLICY own ON ledger.posting FOR SELECT TO novate_member
    USING (EXISTS (SELECT FROM ledger.account a WHERE a.id = posting.account_id));
CREATE POLICY own ON ledger.journal FOR SELECT TO novate_member
    USING (EXISTS (SELECT FROM ledger.posting p WHERE p.journal_id = journal.id));
GRANT SELECT ON ledger.account, ledger.cycle, ledger.cycle_price, ledger.margin_line, ledger.payment, ledger.payment_state,
    ledger.journal, ledger.posting TO novate_member;

-- Views read with the rights of who asks: without security_invoker they would show every member's rows to each.
CREATE VIEW ledger.balance WITH (security_invoker = true) AS
    SELECT a.id AS account_id, a.member, a.origin, a.currency, coalesce(sum(p.amount_minor), 0) AS amount_minor
    FROM ledger.account a LEFT JOIN ledger.posting p ON p.account_id = a.id
    GROUP BY a.id;
CREATE VIEW ledger.payment_now WITH (security_invoker = true) AS
    SELECT c.business_date, c.kind, c.number, p.cycle_seq, p.member, p.origin, p.currency, p.amount_minor,
           coalesce(last.state, 'calculated') AS state
    FROM ledger.payment p JOIN ledger.cycle c ON c.seq = p.cycle_seq
    LEFT JOIN LATERAL (
        SELECT s.state FROM ledger.payment_state s
        WHERE (s.cycle_seq, s.member, s.origin, s.currency) = (p.cycle_seq, p.member, p.origin, p.currency)
        ORDER BY s.number DESC LIMIT 1
    ) last ON true;
GRANT SELECT ON ledger.balance, ledger.payment_now TO novate_poster, novate_member, novate_auditor;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO novate_poster;
