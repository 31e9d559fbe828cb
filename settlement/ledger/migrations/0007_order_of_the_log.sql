-- Cycles are posted in the order of the log, which is not the order of their dates: while a date is cut and waits for its
-- prices, the next one is open, and an intraday cycle, a correction or a final of it (of other contracts) may stand in
-- the log before the end of day of the first. What is true of every log, and refused (NV008) otherwise:
--   the chain has no gap and no fork, and the numbers within date and kind run from 1 without gaps;
--   dates close in their order: each end of day is of a later date than the one posted before it;
--   every other cycle is booked on the date that is open: never before one that was, never on one that is closed.
-- Each cycle's prices stand in every partition, so its marks are ahead of the cycle before in every one (NV011).
SET LOCAL ROLE novate_owner;

CREATE OR REPLACE FUNCTION ledger.check_order() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head ledger.cycle;
    number_before integer;
    closed date;  -- the last date with an end of day
    reached date;  -- the last date with a cycle
BEGIN
    SELECT * INTO head FROM ledger.cycle ORDER BY seq DESC LIMIT 1;
    SELECT coalesce(max(number), 0) INTO number_before
    FROM ledger.cycle WHERE business_date = NEW.business_date AND kind = NEW.kind;
    SELECT max(business_date) FILTER (WHERE kind = 'end_of_day'), max(business_date) INTO closed, reached
    FROM ledger.cycle;
    IF NEW.seq <> coalesce(head.seq, 0) + 1 OR NEW.prev IS DISTINCT FROM head.seq THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected cycle %s after %s, was cycle %s after %s.',
            coalesce(head.seq, 0) + 1, coalesce(head.seq::text, 'none'), NEW.seq, coalesce(NEW.prev::text, 'none'));
    ELSIF NEW.business_date <= closed THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected a cycle of a date after %s, whose end of day is posted, was %s of %s. '
            'A closed date is corrected by a cycle of the open one.', closed, NEW.kind, NEW.business_date);
    ELSIF NEW.kind <> 'end_of_day' AND NEW.business_date < reached THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected the %s cycle of a date from %s on, which was open already, was %s. '
            'Cycles are posted in the order of the log.', NEW.kind, reached, NEW.business_date);
    ELSIF NEW.number <> number_before + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'NV008', MESSAGE = format(
            'Expected %s cycle number %s of %s, was number %s.',
            NEW.kind, number_before + 1, NEW.business_date, NEW.number);
    ELSIF NEW.generation <> (SELECT max(generation) FROM ledger.meta) THEN
        RAISE EXCEPTION USING ERRCODE = 'NV015', MESSAGE = format(
            'Expected a cycle of the newest generation, was generation %s.', NEW.generation);
    END IF;
    NEW.chain_sha256 := sha256(coalesce(head.chain_sha256::bytea, '') || NEW.sha256::bytea);
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION ledger.check_cycle_marks(cycle ledger.cycle) RETURNS void
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
    WHERE mine.cycle_seq = cycle.seq AND mine.stream_seq <= before.stream_seq
    ORDER BY 1 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'NV011', MESSAGE = format(
            'Expected the mark of partition %s in cycle %s after %s, was %s. '
            'Cycles are posted in the order of the log: was it rolled back?',
            broken.partition, cycle.seq, broken.expected, broken.was);
    END IF;
END
$$;
