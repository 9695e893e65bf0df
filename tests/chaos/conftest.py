"""What the tests of faults share; the full matrix is deselected unless it is asked for (`make chaos`)."""

import os

import pytest
from lanes_world import world

__all__ = ["world"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes an hour: tests marked `matrix` run only under `MEDCREDIT_TEST_CHAOS=full`."""
    if os.environ.get("MEDCREDIT_TEST_CHAOS") == "full":
        return
    long = [item for item in items if item.get_closest_marker("matrix")]
    items[:] = [item for item in items if item not in set(long)]
    config.hook.pytest_deselected(items=long)
