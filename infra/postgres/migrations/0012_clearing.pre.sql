-- scope: database
-- What the clerk made of closed days. All of it follows from the ledger and from the files that were fetched, so a
-- rebuild of the books leaves it alone; the signed root of a day stands in the ledger too.
CREATE SCHEMA clearing AUTHORIZATION medcredit_owner;
SET LOCAL ROLE medcredit_owner;

-- A city day whose books are whole: every partition's `now` was past its end. `announced` once its records are sent.
CREATE TABLE clearing.day_closes (
    day date PRIMARY KEY,
    root text NOT NULL,
    records bigint NOT NULL,
    credit_fen bigint NOT NULL,
    returned_fen bigint NOT NULL,
    repaid_fen bigint NOT NULL,
    key_id text NOT NULL,
    signature text NOT NULL,
    closed_at bigint NOT NULL,
    announced boolean NOT NULL DEFAULT false
);

-- A partition's part of a closed day: `content` is its leaf in the day's tree.
CREATE TABLE clearing.day_partitions (
    day date NOT NULL,
    partition integer NOT NULL,
    records bigint NOT NULL,
    head text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (day, partition)
);

-- The daily credit ledger 信用日账: sums of one day by person, by institution, by bank.
CREATE TABLE clearing.daily_credit (
    day date NOT NULL,
    scope text NOT NULL CHECK (scope IN ('person', 'institution', 'bank')),
    key text NOT NULL,
    credit_fen bigint NOT NULL,
    returned_fen bigint NOT NULL,
    repaid_fen bigint NOT NULL,
    paid_back_fen bigint NOT NULL,
    given_up_fen bigint NOT NULL,
    fee_fen bigint NOT NULL,
    visits bigint NOT NULL,
    PRIMARY KEY (day, scope, key)
);

-- How the orders of a day ended: `paid`, or the cause of the failure.
CREATE TABLE clearing.daily_debits (
    day date NOT NULL,
    channel text NOT NULL,
    outcome text NOT NULL,
    orders bigint NOT NULL,
    PRIMARY KEY (day, channel, outcome)
);

-- Who funds an agreement, as it was signed.
CREATE TABLE clearing.agreements (
    agreement text PRIMARY KEY,
    bank text NOT NULL,
    pack text NOT NULL
);

-- What one bank owes one institution for a day; `amount_fen` and `file` once the batch is in the ledger.
CREATE TABLE clearing.batches (
    batch text PRIMARY KEY,
    day date NOT NULL,
    institution text NOT NULL,
    bank text NOT NULL,
    items integer NOT NULL,
    credit_fen bigint NOT NULL,
    returned_fen bigint NOT NULL,
    items_sm3 text NOT NULL,
    state text NOT NULL DEFAULT 'made' CHECK (state IN ('made', 'opened', 'confirmed', 'refused')),
    carried_fen bigint NOT NULL DEFAULT 0,
    amount_fen bigint NOT NULL DEFAULT 0,
    carry_fen bigint NOT NULL DEFAULT 0,
    serial text NOT NULL DEFAULT '',
    file text NOT NULL DEFAULT ''
);
CREATE INDEX ON clearing.batches (day DESC, batch);

CREATE TABLE clearing.batch_items (
    batch text NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('credit', 'refund')),
    reference text NOT NULL,
    amount_fen bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (batch, number)
);

-- One row of a book of a day. `book` is `hub:alipay` for ours, `alipay` for the channel's, `HIS@XMZSH`, `bank:ICBC`.
CREATE TABLE clearing.entries (
    day date NOT NULL,
    book text NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    amount_fen bigint NOT NULL,
    at bigint NOT NULL,
    trade_no text NOT NULL,
    PRIMARY KEY (day, book, number)
);
CREATE INDEX ON clearing.entries (key, book);

-- A file that was fetched or handed in: read whole, or refused whole with row and column.
CREATE TABLE clearing.files (
    day date NOT NULL,
    book text NOT NULL,
    state text NOT NULL CHECK (state IN ('read', 'refused')),
    fault text NOT NULL,
    rows integer NOT NULL,
    total_fen bigint NOT NULL,
    sm3 text NOT NULL,
    fetched_wall_at bigint NOT NULL,
    PRIMARY KEY (day, book)
);

-- Two books of a day compared. `differences` is the list of smallest sets; looked at again when a neighbour's file comes.
CREATE TABLE clearing.reconciliations (
    day date NOT NULL,
    theirs text NOT NULL,
    institution text NOT NULL,
    bank text NOT NULL,
    ours_fen bigint NOT NULL,
    theirs_fen bigint NOT NULL,
    matched integer NOT NULL,
    proven boolean NOT NULL,
    complete boolean NOT NULL,
    final boolean NOT NULL,
    differences jsonb NOT NULL,
    made_wall_at bigint NOT NULL,
    PRIMARY KEY (day, theirs)
);

-- An institution sees its batches and its book, a bank its own; persons are the platform's.
ALTER TABLE clearing.daily_credit ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearing.batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearing.batch_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearing.entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE clearing.reconciliations ENABLE ROW LEVEL SECURITY;
CREATE POLICY writing ON clearing.daily_credit TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON clearing.batches TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON clearing.batch_items TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON clearing.entries TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON clearing.reconciliations TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY reading ON clearing.daily_credit FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything())
    OR (scope = 'institution' AND admin.institution_allowed(key)) OR (scope = 'bank' AND admin.bank_allowed(key)));
CREATE POLICY reading ON clearing.batches FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution) OR admin.bank_allowed(bank));
CREATE POLICY reading ON clearing.batch_items FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM clearing.batches b WHERE b.batch = batch_items.batch));
CREATE POLICY reading ON clearing.entries FOR SELECT TO medcredit_reader USING ((SELECT admin.sees_everything()));
CREATE POLICY reading ON clearing.reconciliations FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything())
    OR (institution <> '' AND admin.institution_allowed(institution)) OR (bank <> '' AND admin.bank_allowed(bank)));

GRANT USAGE ON SCHEMA clearing TO medcredit_writer, medcredit_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA clearing TO medcredit_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA clearing TO medcredit_reader;
