-- scope: books
-- A reader sees the rows of the institutions and banks its session names (admin.institution_allowed, bank_allowed);
-- the writer, which only copies, sees all. A bank sees the persons it funds, their bills and debits, never a charge.
ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE journal ENABLE ROW LEVEL SECURITY;
ALTER TABLE charges ENABLE ROW LEVEL SECURITY;
ALTER TABLE charge_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE line_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE bills ENABLE ROW LEVEL SECURITY;
ALTER TABLE debits ENABLE ROW LEVEL SECURITY;
ALTER TABLE persons ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letter_arrivals ENABLE ROW LEVEL SECURITY;

CREATE POLICY writing ON ledger TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON journal TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON charges TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON charge_lines TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON line_keys TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON incidents TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON bills TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON debits TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON persons TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON dead_letters TO medcredit_writer USING (true) WITH CHECK (true);
CREATE POLICY writing ON dead_letter_arrivals TO medcredit_writer USING (true) WITH CHECK (true);

-- `(SELECT …)` makes the planner ask once for a query instead of once for a row.
CREATE POLICY reading ON persons FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything())
    OR admin.bank_allowed(bank)
    OR EXISTS (SELECT FROM charges c WHERE c.account = persons.account AND admin.institution_allowed(c.institution)));
CREATE POLICY reading ON charges FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON charge_lines FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON line_keys FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON incidents FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON ledger FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON journal FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON bills FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything())
    OR admin.institution_allowed(institution)
    OR EXISTS (SELECT FROM persons p WHERE p.account = bills.account AND admin.bank_allowed(p.bank)));
CREATE POLICY reading ON debits FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM bills b WHERE b.bill = debits.bill));
CREATE POLICY reading ON dead_letters FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR admin.institution_allowed(institution));
CREATE POLICY reading ON dead_letter_arrivals FOR SELECT TO medcredit_reader USING (
    (SELECT admin.sees_everything()) OR EXISTS (SELECT FROM dead_letters d WHERE d.id = dead_letter_arrivals.id));
