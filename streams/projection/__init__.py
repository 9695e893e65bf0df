"""The projection of `ledger` and `dead-letters` into PostgreSQL: copies, never computes (architecture 7)."""
