"""SQL kept in files beside the code that runs it, found by name."""

import re
from importlib import resources
from typing import Final

_NAMED: Final = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def load_statements(package: str) -> dict[str, str]:
    """Return the statements of `statements.sql` in a package by the name in their `-- name:` line."""
    text = (resources.files(package) / "statements.sql").read_text("utf-8")
    return {name: statement.strip() for name, statement in _NAMED.findall(text)}
