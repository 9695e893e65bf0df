"""The settlement file of a day from UnionPay: a file transfer (txnType 76), answered with the file itself (6.4)."""

from collections.abc import Callable
from datetime import date

import aiohttp

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.bill_file import read_answer
from adapters.unionpay.calls import file_request
from adapters.unionpay.text import TextError, split_pairs
from adapters.unionpay.verification import unbelieved
from hub.clearing.books import Book
from hub.runtime.bill_files import MEMBER_BYTES_MAX
from hub.runtime.form_post import post_form
from hub.runtime.guomi import sm3_hex
from schemas.errors import TransportError
from schemas.reasons import Reason

_DONE, _NOT_THERE = "00", "98"


class UnionPayBills:
    """Settlement files of one merchant."""

    name = "unionpay"

    def __init__(self, access: UnionPayAccess, session: aiohttp.ClientSession, wall: Callable[[], int]) -> None:
        self._access = access
        self._session = session
        self._wall = wall

    async def fetch(self, day: date) -> tuple[Book, str] | None:
        """Return the trades of a day and the SM3 of `fileContent`; None while the file is not there yet (98).

        Raises BillFileError for a file that cannot be read, TransportError when nothing believable answers.
        """
        access = self._access
        request = file_request(access, day, self._wall())
        body = await post_form(self._session, access.file_url, request, access.timeout_seconds, MEMBER_BYTES_MAX)
        try:
            fields = {} if body is None else split_pairs(body.decode("utf-8"))
        except (UnicodeDecodeError, TextError):
            fields = {}
        if not fields or unbelieved(access, fields) or fields.get("respCode") not in (_DONE, _NOT_THERE):
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "UnionPay's file transfer"})
        if fields["respCode"] == _NOT_THERE:
            return None
        content = fields.get("fileContent", "")
        return read_answer(content, access.mer_id, day), sm3_hex(content.encode())
