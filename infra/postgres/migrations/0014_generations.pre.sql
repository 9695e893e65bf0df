-- scope: books
-- How many accounts had merged into the row's account, so that a survivor's row is told from a retired account's
-- whatever their seq; NULL for none.
ALTER TABLE charges ADD COLUMN generation integer;
ALTER TABLE bills ADD COLUMN generation integer;
ALTER TABLE debits ADD COLUMN generation integer;
ALTER TABLE proposals ADD COLUMN generation integer;
ALTER TABLE relief_cases ADD COLUMN generation integer;
