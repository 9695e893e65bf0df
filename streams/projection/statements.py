"""The SQL of `statements.sql` by name."""

import re
from importlib import resources
from typing import Final

_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def _load() -> dict[str, str]:
    text = (resources.files("streams.projection") / "statements.sql").read_text("utf-8")
    return {name: statement.strip() for name, statement in _NAMED.findall(text)}


SQL: Final = _load()
"""Statement text by the name in its `-- name:` line."""
