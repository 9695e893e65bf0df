-- What the clerk asks of the books and keeps in its own schema. Everything it writes can be written twice.

-- name: next_day
-- The day after the last closed one, or the day of the first record.
SELECT coalesce(
    (SELECT max(day) + 1 FROM clearing.day_closes),
    (SELECT (to_timestamp(min(at) / 1000.0) AT TIME ZONE 'Asia/Shanghai')::date FROM ledger))

-- name: reached
-- Partitions in which a tick was decided at or after an instant: everything before it is in the books.
SELECT DISTINCT partition FROM ledger WHERE command_id = ANY ($1::text[]) AND at >= $2

-- name: heads
SELECT partition, head FROM clearing.day_partitions WHERE day = $1::date - 1

-- name: records
SELECT partition, record::text AS record FROM ledger WHERE at >= $1 AND at < $2 ORDER BY partition, position

-- name: agreements
SELECT agreement, bank, pack FROM clearing.agreements WHERE agreement = ANY ($1::text[])

-- name: close
-- One clerk closes a day; the other finds it closed.
INSERT INTO clearing.day_closes (day, root, records, credit_fen, returned_fen, repaid_fen, key_id, signature, closed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (day) DO NOTHING RETURNING day

-- name: unannounced
SELECT day, root, records, credit_fen, returned_fen, repaid_fen, key_id, signature FROM clearing.day_closes
WHERE NOT announced ORDER BY day

-- name: batches_of_day
SELECT batch, day, institution, bank, items, credit_fen, returned_fen, items_sm3 FROM clearing.batches
WHERE day = $1 ORDER BY institution, bank

-- name: announced
UPDATE clearing.day_closes SET announced = true WHERE day = $1

-- name: waiting_batches
SELECT batch, day, institution, bank FROM clearing.batches WHERE state = 'made' ORDER BY day, batch LIMIT 500

-- name: outcomes
SELECT command_id, record::text AS record FROM ledger
WHERE command_id = ANY ($1::text[]) AND outcome IN ('POSTED', 'RECORDED')

-- name: batch_items
SELECT kind, reference, amount_fen, at FROM clearing.batch_items WHERE batch = $1 ORDER BY number

-- name: open_batch
UPDATE clearing.batches SET state = 'opened', carried_fen = $2, amount_fen = $3, carry_fen = $4, file = $5
WHERE batch = $1 AND state = 'made'

-- name: settle_batch
UPDATE clearing.batches SET state = $2, serial = $3 WHERE batch = $1 AND state IN ('opened', 'refused')

-- name: days_without_file
-- Closed days whose file of this book was not read yet, oldest first; a refused one is asked for again.
SELECT c.day FROM clearing.day_closes c LEFT JOIN clearing.files f ON f.day = c.day AND f.book = $1 AND f.state = 'read'
WHERE f.day IS NULL AND c.day > $2::date - 35 ORDER BY c.day

-- name: save_file
INSERT INTO clearing.files (day, book, state, fault, rows, total_fen, sm3, fetched_wall_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (day, book) DO UPDATE SET state = excluded.state, fault = excluded.fault, rows = excluded.rows,
    total_fen = excluded.total_fen, sm3 = excluded.sm3, fetched_wall_at = excluded.fetched_wall_at

-- name: drop_entries
DELETE FROM clearing.entries WHERE day = $1 AND book = $2

-- name: entries
SELECT day, kind, key, amount_fen, at, trade_no FROM clearing.entries
WHERE book = $1 AND day BETWEEN $2::date - 1 AND $2::date + 1 ORDER BY day, number

-- name: file_is_read
SELECT 1 FROM clearing.files WHERE day = $1 AND book = $2 AND state = 'read'

-- name: stated_total
-- The total of a file that names no rows; a list on which nothing stands states nothing.
SELECT total_fen FROM clearing.files WHERE day = $1 AND book = $2 AND state = 'read' AND rows = 0 AND total_fen <> 0

-- name: is_closed
SELECT 1 FROM clearing.day_closes WHERE day = $1

-- name: known_orders
-- Orders of ours among these numbers, whatever became of them.
SELECT order_no, amount_fen, started_at FROM debits WHERE order_no = ANY ($1::text[])

-- name: institution_lines
SELECT CASE kind WHEN 'credit' THEN 'credit' ELSE 'charge' END AS kind, line_key, amount_fen, at FROM charge_lines
WHERE institution = $1 AND at >= $2 AND at < $3 AND kind IN ('charge', 'credit') AND line_key <> ''
ORDER BY at, account, seq, line

-- name: bank_batches
SELECT batch, institution, amount_fen, day FROM clearing.batches WHERE bank = $1 AND day = $2 AND state <> 'made'

-- name: save_reconciliation
INSERT INTO clearing.reconciliations (day, theirs, institution, bank, ours_fen, theirs_fen, matched, proven, complete,
    final, differences, made_wall_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (day, theirs) DO UPDATE SET ours_fen = excluded.ours_fen, theirs_fen = excluded.theirs_fen,
    matched = excluded.matched, proven = excluded.proven, complete = excluded.complete, final = excluded.final,
    differences = excluded.differences, made_wall_at = excluded.made_wall_at

-- name: insert_day_partitions
INSERT INTO clearing.day_partitions VALUES ($1, $2, $3, $4, $5)

-- name: insert_daily_credit
INSERT INTO clearing.daily_credit VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: insert_daily_debits
INSERT INTO clearing.daily_debits VALUES ($1, $2, $3, $4)

-- name: insert_agreements
INSERT INTO clearing.agreements VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: insert_entries
INSERT INTO clearing.entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: insert_batches
INSERT INTO clearing.batches (batch, day, institution, bank, items, credit_fen, returned_fen, items_sm3)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: insert_batch_items
INSERT INTO clearing.batch_items VALUES ($1, $2, $3, $4, $5, $6)
