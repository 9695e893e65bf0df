"""What the API reads from PostgreSQL: the books as the projector copied them, never computed from messages again."""
