-- scope: books
-- What only questions need; built after a deploy, because the projector can work without it.
CREATE INDEX ON ledger (command_id) WHERE command_id <> '';
CREATE INDEX ON ledger (reference) WHERE reference <> '';
CREATE INDEX ON ledger (reinjects) WHERE reinjects <> '';
CREATE INDEX ON journal (account, seq);
CREATE INDEX ON charges (account, event_at DESC);
CREATE INDEX ON charges (institution, event_at DESC);
CREATE INDEX ON charges (visit);
CREATE INDEX ON charge_lines (charge);
CREATE INDEX ON charge_lines (line_key);
CREATE INDEX ON bills (account, closed_at DESC);
CREATE INDEX ON bills (institution, state);
CREATE INDEX ON bills (visit);
CREATE INDEX ON debits (bill);
CREATE INDEX ON debits (state) WHERE state IN ('sent', 'unknown');
CREATE INDEX ON persons (linked_person) WHERE linked_person <> '';
CREATE INDEX ON dead_letters (wall_at DESC);
CREATE INDEX ON dead_letter_arrivals (id);
