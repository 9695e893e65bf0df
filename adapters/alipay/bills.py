"""The bill of a day from Alipay: asked for its address, fetched within its 30 seconds, read (protocols 5.4)."""

from collections.abc import Callable
from datetime import date

import aiohttp

from adapters.alipay.access import AlipayAccess
from adapters.alipay.answers import believed_content
from adapters.alipay.bill_file import read_package
from adapters.alipay.calls import signed_request
from hub.clearing.books import Book
from hub.runtime.bill_files import MEMBER_BYTES_MAX
from hub.runtime.form_post import fetch, post_form
from hub.runtime.guomi import sm3_hex
from schemas.errors import TransportError
from schemas.reasons import Reason

METHOD = "alipay.data.dataservice.bill.downloadurl.query"


class AlipayBills:
    """Bills of one merchant."""

    name = "alipay"

    def __init__(self, access: AlipayAccess, session: aiohttp.ClientSession, wall: Callable[[], int]) -> None:
        self._access = access
        self._session = session
        self._wall = wall

    async def fetch(self, day: date) -> tuple[Book, str] | None:
        """Return the trades of a day and the SM3 of the ZIP; None while the bill is not there yet.

        Raises BillFileError for a file that cannot be read, TransportError when nothing believable answers.
        """
        content = {"bill_type": "trade", "bill_date": day.isoformat()}
        request = signed_request(self._access, METHOD, content, self._wall())
        body = await post_form(self._session, self._access.gateway_url, request, self._access.timeout_seconds)
        answer = None if body is None else believed_content(self._access, METHOD, body)
        if answer is None:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "Alipay"})
        address = answer.get("bill_download_url", "")
        if not isinstance(address, str) or not address.startswith(("http://", "https://")):
            return None
        archive = await fetch(self._session, address, self._access.timeout_seconds, MEMBER_BYTES_MAX)
        if archive is None:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "The bill's address"})
        return read_package(archive), sm3_hex(archive)
