-- What one batch does to the books, in one transaction. Tables of the batch stand in temporary tables `staged_*` of the
-- same shape. Unqualified names are found by search_path, so a rebuild runs the same statements in its own schema.

-- name: positions
-- Waits for a predecessor's open transaction: what it commits decides where its successor begins.
SELECT topic, partition, next, chain_head FROM offsets
WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))
ORDER BY topic, partition
FOR UPDATE

-- name: first_position
INSERT INTO offsets (topic, partition, next) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: advance
-- The first statement of a batch. Touching no row means somebody else went on: nothing else may be written then.
UPDATE offsets SET next = $4, chain_head = $5 WHERE topic = $1 AND partition = $2 AND next = $3

-- name: stage_tables
CREATE TEMPORARY TABLE IF NOT EXISTS staged_ledger (LIKE ledger) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_journal (LIKE journal) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_charges (LIKE charges) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_charge_lines (LIKE charge_lines) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_bills (LIKE bills) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_debits (LIKE debits) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_persons (LIKE persons) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_standing (LIKE standing) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_proposals (LIKE proposals) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_relief_cases (LIKE relief_cases) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_notices (LIKE notices) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_dead_letters (LIKE dead_letters) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS staged_dead_letter_arrivals (LIKE dead_letter_arrivals) ON COMMIT DELETE ROWS

-- name: fold_ledger
INSERT INTO ledger SELECT * FROM staged_ledger ON CONFLICT (partition, position, at) DO NOTHING

-- name: fold_journal
INSERT INTO journal SELECT * FROM staged_journal ON CONFLICT (partition, position, entry, at) DO NOTHING

-- name: fold_charges
-- A thing goes from account to account in merges, and each counts its own seq. A survivor's generation is above those of
-- all it absorbed (schemas/ledger.py), so the row with the highest (generation, seq) stands, in whatever order and
-- batches the partitions' rows come. The same holds for bills, debits, proposals and relief cases.
INSERT INTO charges SELECT DISTINCT ON (charge) * FROM staged_charges
ORDER BY charge, coalesce(generation, 0) DESC, seq DESC
ON CONFLICT (charge) DO UPDATE SET
    account = excluded.account, generation = excluded.generation,
    seq = excluded.seq, at = excluded.at, visit = excluded.visit, institution = excluded.institution,
    scene = excluded.scene, department = excluded.department, event_at = excluded.event_at, pack = excluded.pack,
    status = excluded.status, bill = excluded.bill, total_fen = excluded.total_fen,
    fund_fen = excluded.fund_fen, account_fen = excluded.account_fen, other_fen = excluded.other_fen,
    prepayment_fen = excluded.prepayment_fen, credit_fen = excluded.credit_fen, self_pay_fen = excluded.self_pay_fen,
    returned_fund_fen = excluded.returned_fund_fen, returned_account_fen = excluded.returned_account_fen,
    returned_other_fen = excluded.returned_other_fen, returned_prepayment_fen = excluded.returned_prepayment_fen,
    returned_credit_fen = excluded.returned_credit_fen, returned_self_pay_fen = excluded.returned_self_pay_fen
WHERE (coalesce(excluded.generation, 0), excluded.seq) > (coalesce(charges.generation, 0), charges.seq)

-- name: fold_charge_lines
INSERT INTO charge_lines SELECT * FROM staged_charge_lines ON CONFLICT (account, seq, line) DO NOTHING

-- name: claim_line_keys
-- In key order, so that two projectors claiming the same keys wait for each other and never deadlock.
INSERT INTO line_keys
SELECT DISTINCT ON (institution, line_key) institution, line_key, account, charge, seq
FROM staged_charge_lines WHERE line_key <> '' ORDER BY institution, line_key, at, account, seq
ON CONFLICT (institution, line_key) DO NOTHING

-- name: note_contested_line_keys
-- A later statement than the claim: it sees what another projector committed while the claim waited for it. LATERAL,
-- because without statistics of the staged rows the planner would read the whole of line_keys.
INSERT INTO incidents
SELECT DISTINCT ON (s.institution, s.line_key, s.account)
    'line|' || s.institution || '|' || s.line_key || '|' || s.account, 'LINE_IN_TWO_ACCOUNTS', s.at,
    s.institution, s.line_key, s.account, s.charge, s.seq, k.account, k.charge
FROM staged_charge_lines s CROSS JOIN LATERAL (
    SELECT account, charge FROM line_keys
    WHERE institution = s.institution AND line_key = s.line_key AND account <> s.account OFFSET 0
) k
ORDER BY s.institution, s.line_key, s.account, s.seq
ON CONFLICT (id) DO NOTHING

-- name: fold_bills
INSERT INTO bills SELECT DISTINCT ON (bill) * FROM staged_bills
ORDER BY bill, coalesce(generation, 0) DESC, seq DESC
ON CONFLICT (bill) DO UPDATE SET
    account = excluded.account, generation = excluded.generation,
    seq = excluded.seq, at = excluded.at, visit = excluded.visit, institution = excluded.institution,
    agreement = excluded.agreement, pack = excluded.pack, state = excluded.state, amount_fen = excluded.amount_fen,
    paid_fen = excluded.paid_fen, revision = excluded.revision, closed_at = excluded.closed_at,
    debit_at = excluded.debit_at, due_at = excluded.due_at, overdue = excluded.overdue, frozen = excluded.frozen,
    supplementary = excluded.supplementary, channel = excluded.channel, fee_fen = excluded.fee_fen,
    fee_paid_fen = excluded.fee_paid_fen
WHERE (coalesce(excluded.generation, 0), excluded.seq) > (coalesce(bills.generation, 0), bills.seq)

-- name: fold_debits
INSERT INTO debits SELECT DISTINCT ON (order_no) * FROM staged_debits
ORDER BY order_no, coalesce(generation, 0) DESC, seq DESC
ON CONFLICT (order_no) DO UPDATE SET
    account = excluded.account, generation = excluded.generation,
    attempt = excluded.attempt, seq = excluded.seq, at = excluded.at, bill = excluded.bill, channel = excluded.channel,
    amount_fen = excluded.amount_fen, state = excluded.state, cause = excluded.cause,
    gateway_code = excluded.gateway_code, trade_no = excluded.trade_no, started_at = excluded.started_at,
    next_at = excluded.next_at
WHERE (coalesce(excluded.generation, 0), excluded.seq) > (coalesce(debits.generation, 0), debits.seq)

-- name: fold_persons
INSERT INTO persons SELECT DISTINCT ON (account) * FROM staged_persons ORDER BY account, seq DESC
ON CONFLICT (account) DO UPDATE SET
    seq = excluded.seq, at = excluded.at, kind = excluded.kind, name_masked = excluded.name_masked,
    id_masked = excluded.id_masked, status = excluded.status, insurance_fen = excluded.insurance_fen,
    prepayments = excluded.prepayments, refundable_fen = excluded.refundable_fen, agreement = excluded.agreement,
    pack = excluded.pack, bank = excluded.bank, channel = excluded.channel, limit_fen = excluded.limit_fen,
    used_fen = excluded.used_fen, held_fen = excluded.held_fen, linked_person = excluded.linked_person,
    family = excluded.family
WHERE excluded.seq > persons.seq

-- name: fold_standing
INSERT INTO standing SELECT DISTINCT ON (account) * FROM staged_standing ORDER BY account, seq DESC
ON CONFLICT (account) DO UPDATE SET
    seq = excluded.seq, at = excluded.at, overdue_total = excluded.overdue_total, overdue_in_row =
    excluded.overdue_in_row, cut_percent = excluded.cut_percent, clean_from = excluded.clean_from, on_time =
    excluded.on_time, months_in_row = excluded.months_in_row, blacklisted = excluded.blacklisted, lists =
    excluded.lists, entitlements = excluded.entitlements, deposit_waived = excluded.deposit_waived, dishonesty =
    excluded.dishonesty, insurance_linked = excluded.insurance_linked, insurance_credit =
    excluded.insurance_credit
WHERE excluded.seq > standing.seq

-- name: fold_proposals
INSERT INTO proposals SELECT DISTINCT ON (proposal) * FROM staged_proposals
ORDER BY proposal, coalesce(generation, 0) DESC, seq DESC
ON CONFLICT (proposal) DO UPDATE SET
    account = excluded.account, generation = excluded.generation,
    seq = excluded.seq, at = excluded.at, action = excluded.action, subject = excluded.subject, author =
    excluded.author, reason = excluded.reason, proposed_at = excluded.proposed_at, until = excluded.until,
    needed = excluded.needed, confirmed_by = excluded.confirmed_by, state = excluded.state, ended_by =
    excluded.ended_by
WHERE (coalesce(excluded.generation, 0), excluded.seq) > (coalesce(proposals.generation, 0), proposals.seq)

-- name: fold_relief_cases
INSERT INTO relief_cases SELECT DISTINCT ON (relief_case) * FROM staged_relief_cases
ORDER BY relief_case, coalesce(generation, 0) DESC, seq DESC
ON CONFLICT (relief_case) DO UPDATE SET
    account = excluded.account, generation = excluded.generation,
    seq = excluded.seq, at = excluded.at, bill = excluded.bill, kind = excluded.kind, state = excluded.state,
    asked_fen = excluded.asked_fen, paid_fen = excluded.paid_fen, author = excluded.author, reason =
    excluded.reason, opened_at = excluded.opened_at, approved_by = excluded.approved_by
WHERE (coalesce(excluded.generation, 0), excluded.seq) > (coalesce(relief_cases.generation, 0), relief_cases.seq)

-- name: fold_notices
INSERT INTO notices SELECT * FROM staged_notices ON CONFLICT (account, seq, entry) DO NOTHING

-- name: fold_dead_letters
-- The first arrival stands; in id order for the same reason as the line keys.
INSERT INTO dead_letters SELECT DISTINCT ON (id) * FROM staged_dead_letters ORDER BY id, wall_at
ON CONFLICT (id) DO NOTHING

-- name: fold_dead_letter_arrivals
INSERT INTO dead_letter_arrivals SELECT * FROM staged_dead_letter_arrivals
ON CONFLICT (partition, position) DO NOTHING

-- name: ensure_month
SELECT admin.ensure_month(current_schema(), $1, $2)

-- name: sums
-- What two sets of books must agree on to be equal; one row.
SELECT
    (SELECT count(*) FROM ledger) AS records,
    (SELECT coalesce(sum(hashtextextended(hash, 0)::numeric), 0)::text FROM ledger) AS record_hashes,
    (SELECT count(*) FROM journal) AS postings,
    (SELECT coalesce(sum(amount_fen), 0)::bigint FROM journal) AS posted_fen,
    (SELECT coalesce(sum(hashtextextended(charges::text, 0)::numeric), 0)::text FROM charges) AS charges,
    (SELECT coalesce(sum(hashtextextended(charge_lines::text, 0)::numeric), 0)::text FROM charge_lines) AS charge_lines,
    (SELECT coalesce(sum(hashtextextended(bills::text, 0)::numeric), 0)::text FROM bills) AS bills,
    (SELECT coalesce(sum(hashtextextended(debits::text, 0)::numeric), 0)::text FROM debits) AS debits,
    (SELECT coalesce(sum(hashtextextended(persons::text, 0)::numeric), 0)::text FROM persons) AS persons,
    (SELECT coalesce(sum(hashtextextended(standing::text, 0)::numeric), 0)::text FROM standing) AS standing,
    (SELECT coalesce(sum(hashtextextended(proposals::text, 0)::numeric), 0)::text FROM proposals) AS proposals,
    (SELECT coalesce(sum(hashtextextended(relief_cases::text, 0)::numeric), 0)::text FROM relief_cases) AS relief_cases,
    (SELECT coalesce(sum(hashtextextended(notices::text, 0)::numeric), 0)::text FROM notices) AS notices,
    (SELECT coalesce(sum(hashtextextended(id, 0)::numeric), 0)::text FROM dead_letters) AS dead_letters,
    (SELECT count(*) FROM dead_letter_arrivals) AS dead_letter_arrivals
