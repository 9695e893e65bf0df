-- scope: books
-- Family links and holds of a person, as the newest record has them; NULL for who never had any.
ALTER TABLE persons ADD COLUMN family jsonb;
