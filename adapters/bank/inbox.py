"""Confirmation files that banks put into a folder, as `bank-ICBC-2026-07-03.txt` (see hub.clearing.settlement_file)."""

import asyncio
from datetime import date
from pathlib import Path

from hub.clearing.settlement_file import Confirmation, LayoutError, read_confirmation
from hub.runtime.bill_files import MEMBER_BYTES_MAX, unreadable
from hub.runtime.guomi import sm3_hex


class BankInbox:
    """The files of one bank in one folder."""

    def __init__(self, bank: str, folder: Path) -> None:
        self.bank = bank
        self._folder = folder

    async def fetch(self, day: date) -> tuple[Confirmation, str] | None:
        """Return the bank's words of a day and the SM3 of its file; None while there is none.

        Raises BillFileError for a file that cannot be read or belongs to another bank or day.
        """
        return await asyncio.to_thread(self._read, day)

    def _read(self, day: date) -> tuple[Confirmation, str] | None:
        path = self._folder / f"bank-{self.bank}-{day.isoformat()}.txt"
        if not path.is_file():
            return None
        content = path.read_bytes()
        if len(content) > MEMBER_BYTES_MAX or not content.isascii():
            raise unreadable(1, "file", "it is not ASCII, or larger than 200 MiB")
        try:
            confirmation = read_confirmation(content.decode("ascii"))
        except LayoutError as error:
            raise unreadable(error.row, error.column, error.fault) from error
        if (confirmation.bank, confirmation.day) != (self.bank, day.isoformat()):
            raise unreadable(1, "header", f"it is of {confirmation.bank} and {confirmation.day}")
        return confirmation, sm3_hex(content)
