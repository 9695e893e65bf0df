-- scope: database
-- What people decided and no topic holds; a rebuild of the books leaves it alone.
CREATE SCHEMA desk AUTHORIZATION medcredit_owner;
SET LOCAL ROLE medcredit_owner;

-- A dead letter that will not be sent again, with the reason. Idempotent by id: the first decision stands.
CREATE TABLE desk.dead_letter_drops (
    id text PRIMARY KEY,
    reason text NOT NULL CHECK (reason <> ''),
    dropped_by text NOT NULL,
    dropped_wall_at bigint NOT NULL
);

-- A dead letter sent again: n counts from 1; its command's id is hash(id, n).
CREATE TABLE desk.dead_letter_replays (
    id text NOT NULL,
    n integer NOT NULL CHECK (n > 0),
    command_id text NOT NULL,
    replayed_by text NOT NULL,
    replayed_wall_at bigint NOT NULL,
    PRIMARY KEY (id, n)
);

GRANT USAGE ON SCHEMA desk TO medcredit_writer, medcredit_reader;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA desk TO medcredit_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA desk TO medcredit_reader;
