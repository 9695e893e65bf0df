-- scope: database
-- Three roles, so that no process holds more rights than its work needs; login users are granted one of them.
-- owner: migrations and rebuilds. writer: the projector and the desk. reader: everything that answers questions.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['medcredit_owner', 'medcredit_writer', 'medcredit_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO medcredit_owner', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO medcredit_writer', current_database());
END $$;

-- The user that migrates may act as each of them (a superuser could anyway).
GRANT medcredit_owner, medcredit_writer, medcredit_reader TO CURRENT_USER;
GRANT USAGE, CREATE ON SCHEMA admin TO medcredit_owner;
GRANT USAGE ON SCHEMA admin TO medcredit_writer, medcredit_reader;
GRANT SELECT ON admin.migrations TO medcredit_owner, medcredit_writer, medcredit_reader;

SET LOCAL ROLE medcredit_owner;

-- Row level security asks these. A session states what it may see in two settings, each `*` or a list with commas;
-- a session that states nothing sees nothing.
CREATE FUNCTION admin.sees_everything() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(current_setting('medcredit.institutions', true) = '*', false)
       AND coalesce(current_setting('medcredit.banks', true) = '*', false)
$$;

CREATE FUNCTION admin.institution_allowed(institution text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        institution = ANY (string_to_array(nullif(current_setting('medcredit.institutions', true), '*'), ',')), false)
$$;

CREATE FUNCTION admin.bank_allowed(bank text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(bank = ANY (string_to_array(nullif(current_setting('medcredit.banks', true), '*'), ',')), false)
$$;

-- The first instant (milliseconds since the epoch) of the city's month that holds `instant`, and of the next one.
CREATE FUNCTION admin.city_month_start(instant bigint, months_on integer) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (extract(epoch FROM (
        date_trunc('month', to_timestamp(instant / 1000.0) AT TIME ZONE 'Asia/Shanghai')
        + make_interval(months => months_on)
    ) AT TIME ZONE 'Asia/Shanghai') * 1000)::bigint
$$;

-- Makes the month's partition of one partitioned table when it is not there. Idempotent; called by the projector, which
-- may not create tables itself. Two callers at once wait for each other.
CREATE FUNCTION admin.ensure_month(books_schema text, parent text, instant bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_at bigint := admin.city_month_start(instant, 0);
    next_at bigint := admin.city_month_start(instant, 1);
    month text := to_char(to_timestamp(first_at / 1000.0) AT TIME ZONE 'Asia/Shanghai', 'YYYYMM');
BEGIN
    IF books_schema NOT IN ('books', 'books_next') OR parent NOT IN ('ledger', 'journal') THEN
        RAISE EXCEPTION 'ensure_month serves ledger and journal of the books only, not %.%', books_schema, parent;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('medcredit ' || books_schema || '.' || parent));
    IF to_regclass(format('%I.%I', books_schema, parent || '_' || month)) IS NOT NULL THEN
        RETURN;  -- without asking for a lock on the parent
    END IF;
    EXECUTE format(
        'CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES FROM (%4$s) TO (%5$s)',
        books_schema, parent || '_' || month, parent, first_at, next_at);
END $$;
REVOKE ALL ON FUNCTION admin.ensure_month(text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION admin.ensure_month(text, text, bigint) TO medcredit_writer;
