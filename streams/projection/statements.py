"""The SQL of `statements.sql` by name."""

from typing import Final

from streams.statements import load_statements

SQL: Final = load_statements("streams.projection")
"""Statement text by the name in its `-- name:` line."""
