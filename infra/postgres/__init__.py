"""A real PostgreSQL on a machine without one: see `server`. The numbered migrations live beside it."""

from infra.postgres.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
