"""What `medcredit.view.<name>.v1` carries: the rows of one stream table, and how far each source partition has come.

A row belongs to one partition of `facts` and holds one source offset: the last record whose sums it contains. Whoever
wants a table's figures adds the rows of all partitions (architecture 6). Beside its rows each partition keeps one
progress row, without dimensions: everything up to its offset is in the table.
"""

from typing import Final

import msgspec

from schemas.commands import Instant, Struct

DIMENSIONS: Final[dict[str, tuple[str, ...]]] = {
    "institution_risk": ("institution",),
    "resource_heatmap": ("institution", "department", "city_hour"),
}
"""The tables and what their rows are kept by; `city_hour` is the start of the hour in epoch milliseconds, as text."""


class ViewRow(Struct, frozen=True):
    """The sums of one (source partition, dimensions) up to and including source offset `offset`.

    `now` and `wall_now` are the clocks of the last record added. A progress row has no dimensions and no sums.
    """

    partition: int
    offset: int
    now: Instant
    wall_now: Instant
    dimensions: tuple[str, ...] = ()
    sums: dict[str, int] = {}


def row_key(partition: int, dimensions: tuple[str, ...]) -> bytes:
    """Return the record key of a row; the same row always has the same bytes."""
    return msgspec.json.encode((partition, *dimensions))


def progress_key(partition: int) -> bytes:
    """Return the record key of a partition's progress row."""
    return row_key(partition, ())
