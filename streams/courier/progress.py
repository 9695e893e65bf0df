"""How far the errands of a partition are done, while several are under way at once."""


class Tenure:
    """One partition for as long as the group gives it to this process; `over` once it was taken away.

    Errands begin in offset order and end in any; what may be committed is the oldest unfinished one.
    """

    def __init__(self) -> None:
        self.over = False
        self.committed: int | None = None
        """The offset committed last."""
        self._under_way: dict[int, None] = {}  # in offset order, because dictionaries keep the order of insertion
        self._seen: int | None = None

    @property
    def safe(self) -> int | None:
        """The offset up to which everything is done; None before the first errand."""
        return next(iter(self._under_way), self._seen)

    def began(self, offset: int) -> None:
        """Note an errand taken from the partition."""
        self._under_way[offset] = None
        self._seen = offset + 1

    def done(self, offset: int) -> None:
        """Note an errand whose result is durable. Idempotent."""
        self._under_way.pop(offset, None)
