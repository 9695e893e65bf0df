-- scope: books
-- The books: a copy of `ledger` and `dead-letters`, never the authority. Everything here can be filled again from Kafka,
-- so this file names no schema: a rebuild runs it in `books_next`, which then takes the name `books`.
-- Instants are bigint milliseconds since the epoch: `at` and `*_at` city time, `wall_at` and `*_wall_at` wall time.
-- Money is bigint fen. `seq` is the account's ledger sequence that wrote the row last.

-- Where the projector goes on; written in the transaction that writes the rows. `chain_head` is the hash of the last
-- ledger record, so a record left out or taken twice is noticed at the next one.
CREATE TABLE offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    next bigint NOT NULL,
    chain_head text NOT NULL DEFAULT '',
    PRIMARY KEY (topic, partition)
);

-- One row for each ledger record, with the whole record as received (`json` keeps the bytes its hash was made of).
-- `partition` and `position` are its place in Kafka. `source` is `command` or the kind of the timer that fired.
CREATE TABLE ledger (
    partition integer NOT NULL,
    position bigint NOT NULL,
    account text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    wall_at bigint NOT NULL,
    source text NOT NULL,
    source_offset bigint,
    due_at bigint,
    outcome text NOT NULL,
    reason text NOT NULL,
    interface text NOT NULL,
    sender text NOT NULL,
    command_id text NOT NULL,
    reference text NOT NULL,
    institution text NOT NULL,
    pack text NOT NULL,
    duplicate_of bigint NOT NULL,
    reinjects text NOT NULL,
    hash text NOT NULL,
    record json NOT NULL,
    PRIMARY KEY (partition, position, at),
    UNIQUE (account, seq, at)
) PARTITION BY RANGE (at);

-- The double-entry journal: each row debits one ledger account and credits another with the same amount.
CREATE TABLE journal (
    partition integer NOT NULL,
    position bigint NOT NULL,
    entry integer NOT NULL,
    at bigint NOT NULL,
    account text NOT NULL,
    seq bigint NOT NULL,
    institution text NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_fen bigint NOT NULL,
    PRIMARY KEY (partition, position, entry, at)
) PARTITION BY RANGE (at);

-- A charge as it stands: the original split, and what was taken back since.
CREATE TABLE charges (
    charge text PRIMARY KEY,
    account text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    visit text NOT NULL,
    institution text NOT NULL,
    scene text NOT NULL,
    department text NOT NULL,
    event_at bigint NOT NULL,
    pack text NOT NULL,
    status text NOT NULL,
    bill text NOT NULL,
    total_fen bigint NOT NULL,
    fund_fen bigint NOT NULL,
    account_fen bigint NOT NULL,
    other_fen bigint NOT NULL,
    prepayment_fen bigint NOT NULL,
    credit_fen bigint NOT NULL,
    self_pay_fen bigint NOT NULL,
    returned_fund_fen bigint NOT NULL,
    returned_account_fen bigint NOT NULL,
    returned_other_fen bigint NOT NULL,
    returned_prepayment_fen bigint NOT NULL,
    returned_credit_fen bigint NOT NULL,
    returned_self_pay_fen bigint NOT NULL
);

-- The lines of charges, and the credit lines that reduced them; `line` counts within one ledger record.
CREATE TABLE charge_lines (
    account text NOT NULL,
    seq bigint NOT NULL,
    line integer NOT NULL,
    at bigint NOT NULL,
    charge text NOT NULL,
    institution text NOT NULL,
    line_key text NOT NULL,
    kind text NOT NULL,
    amount_fen bigint NOT NULL,
    item_code text NOT NULL,
    item_system text NOT NULL,
    item_name text NOT NULL,
    content_hash text NOT NULL,
    service_at bigint NOT NULL,
    quantity text NOT NULL,
    unit_price text NOT NULL,
    department text NOT NULL,
    order_no text NOT NULL,
    reverses text NOT NULL,
    PRIMARY KEY (account, seq, line)
);

-- Who booked a line key first. No lane can know what another account holds; this unique index can (architecture 5).
CREATE TABLE line_keys (
    institution text NOT NULL,
    line_key text NOT NULL,
    account text NOT NULL,
    charge text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (institution, line_key)
);

-- What contradicts itself in the books and needs a person. `LINE_IN_TWO_ACCOUNTS`: one line key under two accounts.
CREATE TABLE incidents (
    id text PRIMARY KEY,
    kind text NOT NULL,
    at bigint NOT NULL,
    institution text NOT NULL,
    line_key text NOT NULL,
    account text NOT NULL,
    charge text NOT NULL,
    seq bigint NOT NULL,
    first_account text NOT NULL,
    first_charge text NOT NULL
);

CREATE TABLE bills (
    bill text PRIMARY KEY,
    account text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    visit text NOT NULL,
    institution text NOT NULL,
    agreement text NOT NULL,
    pack text NOT NULL,
    state text NOT NULL,
    amount_fen bigint NOT NULL,
    paid_fen bigint NOT NULL,
    revision integer NOT NULL,
    closed_at bigint NOT NULL,
    debit_at bigint NOT NULL,
    due_at bigint NOT NULL,
    overdue boolean NOT NULL,
    frozen boolean NOT NULL,
    supplementary boolean NOT NULL,
    channel text NOT NULL
);

-- An attempt to debit a bill; one order number is one row.
CREATE TABLE debits (
    order_no text NOT NULL,
    attempt integer NOT NULL,
    account text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    bill text NOT NULL,
    channel text NOT NULL,
    amount_fen bigint NOT NULL,
    state text NOT NULL,
    cause text NOT NULL,
    gateway_code text NOT NULL,
    trade_no text NOT NULL,
    started_at bigint NOT NULL,
    next_at bigint NOT NULL,
    PRIMARY KEY (order_no)
);

-- The account as it stands: masks only, no name, no number. `prepayments` is {institution: fen}.
CREATE TABLE persons (
    account text PRIMARY KEY,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    name_masked text NOT NULL,
    id_masked text NOT NULL,
    status text NOT NULL,
    insurance_fen bigint NOT NULL,
    prepayments jsonb NOT NULL,
    refundable_fen bigint NOT NULL,
    agreement text NOT NULL,
    pack text NOT NULL,
    bank text NOT NULL,
    channel text NOT NULL,
    limit_fen bigint NOT NULL,
    used_fen bigint NOT NULL,
    held_fen bigint NOT NULL,
    linked_person text NOT NULL
);

-- A refused or quarantined message, sealed, as it first came; each time it came is an arrival.
CREATE TABLE dead_letters (
    id text PRIMARY KEY,
    at bigint NOT NULL,
    wall_at bigint NOT NULL,
    interface text NOT NULL,
    wire text NOT NULL,
    source text NOT NULL,
    institution text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    parameters jsonb NOT NULL,
    position text NOT NULL,
    receipt_key text NOT NULL,
    raw_sealed text NOT NULL,
    raw_length bigint NOT NULL,
    raw_sm3 text NOT NULL,
    account text NOT NULL,
    command_id text NOT NULL
);

CREATE TABLE dead_letter_arrivals (
    partition integer NOT NULL,
    position bigint NOT NULL,
    id text NOT NULL,
    at bigint NOT NULL,
    wall_at bigint NOT NULL,
    reply_sent text NOT NULL,
    PRIMARY KEY (partition, position)
);

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA :schema TO medcredit_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA :schema TO medcredit_reader;
GRANT USAGE ON SCHEMA :schema TO medcredit_writer, medcredit_reader;
