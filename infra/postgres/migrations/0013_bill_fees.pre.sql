-- scope: books
-- Penalty and interest of a bill, less what was waived, and what of it was collected (domain 10).
ALTER TABLE bills ADD COLUMN fee_fen bigint NOT NULL DEFAULT 0;
ALTER TABLE bills ADD COLUMN fee_paid_fen bigint NOT NULL DEFAULT 0;
