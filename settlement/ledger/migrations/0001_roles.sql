-- Roles belong to the whole server, not to one database: another database's migration may have made them already.
-- None of them logs in. A login is granted the one it needs; nobody is granted novate_owner but the one who migrates.
--   novate_owner    owns the tables; under FORCEd row level security it sees no row
--   novate_poster   posts cycles: SELECT and INSERT, nothing else
--   novate_member   reads the rows of the member named by the setting novate.member
--   novate_auditor  reads everything
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['novate_owner', 'novate_poster', 'novate_member', 'novate_auditor'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- it is there: what it may do is granted per database, in 0004
        END;
    END LOOP;
END
$$;

ALTER SCHEMA ledger OWNER TO novate_owner;
REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO novate_poster, novate_member, novate_auditor;
