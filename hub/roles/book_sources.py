"""Where the clerk's books of the other side come from, by the settings: gateways over the wire, files by folder."""

import re

import aiohttp

from adapters.alipay.bills import AlipayBills
from adapters.bank.inbox import BankInbox
from adapters.his.bill_list import HisInbox
from adapters.unionpay.bills import UnionPayBills
from hub.roles.gateways import alipay_access, unionpay_access
from hub.runtime.clock import Clock
from hub.runtime.settings import Settings
from streams.clerk.files import BookSource, ConfirmationSource

_HIS = re.compile(r"his-([A-Za-z0-9]{1,32})-\d{4}-\d{2}-\d{2}\.csv")
_BANK = re.compile(r"bank-([A-Za-z0-9]{1,16})-\d{4}-\d{2}-\d{2}\.txt")


def channel_sources(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> list[BookSource]:
    """Return the bill files of every gateway that is configured."""
    found: list[BookSource] = []
    if settings.gateways.alipay.endpoint:
        found.append(AlipayBills(alipay_access(settings.gateways.alipay), session, clock.wall))
    if settings.gateways.unionpay.endpoint:
        found.append(UnionPayBills(unionpay_access(settings.gateways.unionpay), session, clock.wall))
    return found


class Inbox:
    """The folder into which institutions and banks put their files; a new name in it is a new source."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.clerk.inbox

    def books(self) -> list[BookSource]:
        """Return one source for each institution that ever left a list."""
        folder = self._folder
        return [] if folder is None else [HisInbox(name, folder) for name in self._names(_HIS)]

    def banks(self) -> list[ConfirmationSource]:
        """Return one source for each bank that ever left a confirmation."""
        folder = self._folder
        return [] if folder is None else [BankInbox(name, folder) for name in self._names(_BANK)]

    def _names(self, pattern: re.Pattern[str]) -> list[str]:
        if self._folder is None or not self._folder.is_dir():
            return []
        found = (pattern.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted({match[1] for match in found if match})
