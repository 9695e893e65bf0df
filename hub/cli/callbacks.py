"""`medcredit callback`: signed gateway notices for an order of your own, good and hostile, against this hub."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from adapters.alipay import notice as alipay_notice
from adapters.unionpay import notice as unionpay_notice
from hub.cli.forging import CASES, FORM, JSON, Case, Forgery, case_of
from hub.cli.hub_api import TOKEN, URL, HubApi, not_found, quoted
from hub.cli.output import VerbError, answer, language, say
from hub.cli.verbs import verb
from hub.roles.gateways import alipay_access, unionpay_access
from hub.runtime.settings import Settings, read_settings
from hub.runtime.wire import Refusal
from hub.web.answers import BillAnswer, DebitAnswer, Found, Page
from schemas.commands import Struct
from schemas.ids import ID_LENGTH, account_of
from schemas.money import AmountSyntaxError, fen_from_text, yuan_text
from schemas.reasons import Reason, reason_text

callback = typer.Typer(help="Signed gateway notices, good and hostile.", no_args_is_help=True)
Channel = Annotated[Literal["alipay", "unionpay"], typer.Argument(help="alipay or unionpay")]
_SECONDS: Final = 30.0


class CaseRow(Struct, frozen=True, omit_defaults=False):
    """One case: its row of protocols 11 (0 is an honest notice) and the answer the hub owes it."""

    channel: str
    case: str
    row: int
    status: int
    reason: str


class CasesAnswer(Struct, frozen=True, omit_defaults=False):
    """`callback cases`."""

    cases: tuple[CaseRow, ...]


class ForgedAnswer(Struct, frozen=True, omit_defaults=False):
    """`callback forge`: the file, what it is, and the answer the hub owes it."""

    file: str
    case: CaseRow
    order_no: str
    amount_fen: int


class SentAnswer(Struct, frozen=True, omit_defaults=False):
    """`callback send`: what the hub answered to each send."""

    url: str
    statuses: tuple[int, ...]
    body: str
    milliseconds: float


class VerifiedAnswer(Struct, frozen=True, omit_defaults=False):
    """`callback verify`: whether this hub would believe the notice, and why not."""

    believed: bool
    reason: str


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(callback, name="callback")


@verb(callback, "cases")
def cases() -> None:
    """List every case with the exact answer it must get. Example: medcredit callback cases."""
    rows = tuple(_row(each) for each in CASES)
    for each in rows:
        say(f"{each.channel:<9} {each.case:<22} row {each.row or '–':<4} {each.status}  {each.reason}".rstrip())
    answer(CasesAnswer(rows))


@verb(callback, "forge")
def forge(
    channel: Channel,
    case: Annotated[str, typer.Option(help="One of `medcredit callback cases`.")],
    order: Annotated[str, typer.Option(help="Our order number.")],
    file: Annotated[Path, typer.Option("-o", "--output", help="Where the notice is written.")],
    amount: Annotated[str, typer.Option(help="Its amount in yuan; else as the hub's books have it.")] = "",
    keys: Annotated[Path | None, typer.Option(help="The sandbox's keys; else beside MEDCREDIT_SM__RING_FILE.")] = None,
    url: URL = "",
    token: TOKEN = "",
) -> None:
    """Write one notice, signed with the sandbox's key.

    Example: medcredit callback forge alipay --case tampered-amount --order ORDER -o n.form
    """
    wanted = case_of(channel, case)
    if wanted is None:
        raise typer.BadParameter(f"{case} is no case of {channel}: medcredit callback cases")
    if len(order) != ID_LENGTH or account_of(order) is None:
        raise typer.BadParameter("--order is one of our order numbers: 32 characters")
    settings = read_settings()
    debit = None if amount else _debit(HubApi(url, token), order)
    fen = debit.amount_fen if debit else _fen(amount)
    forged = _forgery(settings, channel, keys, order, fen, debit.trade_no if debit else "")
    file.write_bytes(wanted.make(forged))
    say(f"signed with the sandbox's key · {case} · {yuan_text(fen)} · {file}")
    say(f"must get {wanted.status} {wanted.reason}".rstrip() + f"   do: medcredit callback send {file}")
    answer(ForgedAnswer(str(file), _row(wanted), order, fen))


@verb(callback, "send")
def send(
    file: Annotated[Path, typer.Argument(help="A notice as `callback forge` wrote it.")],
    to: Annotated[str, typer.Option(help="Address of the edge; else as MEDCREDIT_EDGE__HTTP says.")] = "",
    times: Annotated[int, typer.Option(min=1, help="Send the same bytes so often.")] = 1,
) -> None:
    """Post a notice as the gateway would; exit 3 when it is refused. Example: medcredit callback send n.form."""
    body = _content(file)
    channel = _channel_of(body)
    address = (to or f"http://{read_settings(profile='demo').edge.http}").rstrip("/") + f"/notify/{channel}/main"
    began = time.perf_counter()
    answers = [_posted(address, body) for _ in range(times)]
    took = (time.perf_counter() - began) * 1000 / times
    text = answers[-1][1].decode("utf-8", "replace")
    for status, _ in answers:
        say(f"POST /notify/{channel}/main → {status} {text}   {took:.0f} ms")
    answer(SentAnswer(address, tuple(status for status, _ in answers), text, round(took, 1)))
    sys.exit(0 if all(status == 200 for status, _ in answers) else 3)


@verb(callback, "verify")
def verify(file: Annotated[Path, typer.Argument(help="The body of a notice.")]) -> None:
    """Say whether this hub believes a notice; exit 3 if not. Example: medcredit callback verify n.form."""
    body, settings = _content(file), read_settings()
    media = JSON if body[:1] == b"{" else FORM
    read = (
        unionpay_notice.read_notice(unionpay_access(settings.gateways.unionpay), body, media)
        if _channel_of(body) == "unionpay"
        else alipay_notice.read_notice(alipay_access(settings.gateways.alipay), body, media)
    )
    reason = read.reason if isinstance(read, Refusal) else None
    say(
        f"{reason}  {reason_text(reason, language())}" if reason else "believed: signed by the gateway for our merchant"
    )
    answer(VerifiedAnswer(reason is None, reason or ""))
    sys.exit(3 if reason else 0)


def _row(case: Case) -> CaseRow:
    return CaseRow(case.channel, case.name, case.row, case.status, case.reason)


def _debit(api: HubApi, order: str) -> DebitAnswer:
    """Return the debit of an order as the books have it; raises VerbError 4 for an order nobody made."""
    bills = [each.id for each in api.get(f"/find/{quoted(order)}", Page[Found]).items if each.kind == "debit"]
    debits = [each for bill in bills for each in api.get(f"/bills/{bill}", BillAnswer).debits if each.order_no == order]
    if not debits:
        raise not_found(order)
    return debits[0]


def _fen(amount: str) -> int:
    try:
        return fen_from_text(amount)
    except AmountSyntaxError:
        raise typer.BadParameter(f"{amount} is no amount: write 8.10") from None


def _forgery(settings: Settings, channel: str, keys: Path | None, order: str, fen: int, trade_no: str) -> Forgery:
    ring = settings.sm.ring_file
    folder = keys or (ring.parent if ring else None)
    if settings.profile == "production" or folder is None or not (folder / "alipay" / "gateway_private.pem").exists():
        text = "Notices are forged with the sandbox's private keys only, and none are here."
        do = "Name their directory with --keys: KEYS under the run directory of the demo."
        raise VerbError(Reason.SETTING_INVALID, text, exit_code=78, do=do)
    gateway = settings.gateways.unionpay if channel == "unionpay" else settings.gateways.alipay
    now = time.time_ns() // 1_000_000
    return Forgery(folder, order, fen, trade_no or f"SANDBOX{now}", gateway.merchant, gateway.seller, now)


def _channel_of(body: bytes) -> Literal["alipay", "unionpay"]:
    return "unionpay" if b"signPubKeyCert=" in body or b"signMethod=" in body else "alipay"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VerbError(Reason.NOT_FOUND, f"{path} cannot be read: {error.strerror}.", exit_code=4) from None


def _posted(address: str, body: bytes) -> tuple[int, bytes]:
    if not address.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{address} is no http address")
    media = JSON if body[:1] == b"{" else FORM
    request = urllib.request.Request(address, body, {"Content-Type": media})  # noqa: S310 - the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - likewise
            return response.status, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError:
        text = reason_text(Reason.DEPENDENCY_UNREACHABLE, language(), {"dependency": f"The edge at {address}"})
        raise VerbError(Reason.DEPENDENCY_UNREACHABLE, text, exit_code=69, retriable=True) from None
