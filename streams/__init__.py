"""What reads the commands and the ledger: the account lanes, the projection into PostgreSQL, the stream tables."""
