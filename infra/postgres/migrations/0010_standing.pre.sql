-- scope: books
-- How persons repay and what that earned or cost them, what two people decide about them, relief, and what they were told.

-- The person's standing as of the record that wrote it last. `lists` is [{colour, reason, author, confirmed_by, at, until}],
-- `entitlements` the codes of the pack's privileges.
CREATE TABLE standing (
    account text PRIMARY KEY,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    overdue_total integer NOT NULL,
    overdue_in_row integer NOT NULL,
    cut_percent integer NOT NULL,
    clean_from bigint NOT NULL,
    on_time integer NOT NULL,
    months_in_row integer NOT NULL,
    blacklisted boolean NOT NULL,
    lists jsonb NOT NULL,
    entitlements jsonb NOT NULL,
    deposit_waived boolean NOT NULL,
    dishonesty boolean NOT NULL,
    insurance_linked boolean NOT NULL,
    insurance_credit text NOT NULL
);
CREATE INDEX ON standing (at DESC, account) WHERE lists <> '[]' OR blacklisted;

-- What one person proposed and others decide; `subject` is a list's colour or a bill.
CREATE TABLE proposals (
    proposal text PRIMARY KEY,
    account text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    proposed_at bigint NOT NULL,
    until bigint NOT NULL,
    needed integer NOT NULL,
    confirmed_by jsonb NOT NULL,
    state text NOT NULL,
    ended_by text NOT NULL
);
CREATE INDEX ON proposals (account, proposed_at DESC);

CREATE TABLE relief_cases (
    relief_case text PRIMARY KEY,
    account text NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    bill text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    asked_fen bigint NOT NULL,
    paid_fen bigint NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    opened_at bigint NOT NULL,
    approved_by jsonb NOT NULL
);
CREATE INDEX ON relief_cases (account, opened_at DESC);

-- What a person was reminded of, and what the score's source was to be told: `reminder`, `overdue`, `overdue_withdrawn`,
-- `reward`. `days` counts from the end of the bill's term. `entry` counts within one ledger record.
CREATE TABLE notices (
    account text NOT NULL,
    seq bigint NOT NULL,
    entry integer NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    bill text NOT NULL,
    days integer NOT NULL,
    owed_fen bigint NOT NULL,
    provider text NOT NULL,
    points integer NOT NULL,
    message text NOT NULL,
    withdraws text NOT NULL,
    PRIMARY KEY (account, seq, entry)
);

GRANT SELECT, INSERT, UPDATE ON standing, proposals, relief_cases, notices TO medcredit_writer;
GRANT SELECT ON standing, proposals, relief_cases, notices TO medcredit_reader;

-- Who may see the person may see these (0003): its bank, and institutions that have a charge of it.
ALTER TABLE standing ENABLE ROW LEVEL SECURITY;
ALTER TABLE proposals ENABLE ROW LEVEL SECURITY;
ALTER TABLE relief_cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
CREATE POLICY writing ON standing TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON proposals TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON relief_cases TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON notices TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY reading ON standing FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM persons p WHERE p.account = standing.account));
CREATE POLICY reading ON proposals FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM persons p WHERE p.account = proposals.account));
CREATE POLICY reading ON relief_cases FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM persons p WHERE p.account = relief_cases.account));
CREATE POLICY reading ON notices FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM persons p WHERE p.account = notices.account));
