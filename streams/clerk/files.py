"""Where the other side's books come from: each source gives one book of one day, or says that it is not there yet."""

from datetime import date
from typing import Protocol

from hub.clearing.books import Book
from hub.clearing.settlement_file import Confirmation


class BookSource(Protocol):
    """A channel's bill file, or an institution's list. `name` is the book's: `alipay`, `HIS@XMZSH`."""

    name: str

    async def fetch(self, day: date) -> tuple[Book, str] | None:
        """Return the book of a day with the SM3 of its file, or None when there is none yet.

        Raises BillFileError for a file that cannot be read, TransportError when the other side does not answer.
        """
        ...


class ConfirmationSource(Protocol):
    """A bank's confirmation files."""

    bank: str

    async def fetch(self, day: date) -> tuple[Confirmation, str] | None:
        """Return the bank's words of a day, or None when there are none yet; raises as `BookSource`."""
        ...
