"""`medcredit hl7`: the integrator's path: lint a file, send it, read its answer, begin with a source of one's own."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import structs

from adapters.hl7.batches import is_batch
from adapters.hl7.client import Acknowledgement, MllpClient, MllpError, read_acknowledgement
from adapters.hl7.explain import acknowledgement_text, lint_text
from adapters.hl7.lint import lint as lint_bytes
from adapters.hl7.profile import SHIPPED, load_profiles
from adapters.hl7.translation import PRODUCTION, SANDBOX, Setting
from hub.cli.hl7_answers import AckAnswer, LintAnswer, LintedMessage, SendAnswer, SentFile, SourceAnswer
from hub.cli.hl7_source import write_source
from hub.cli.output import VerbError, answer, language, say
from hub.cli.verbs import verb
from hub.runtime.clock import open_clock
from hub.runtime.settings import Settings, read_settings
from schemas.city_time import city_date
from schemas.errors import ConfigurationError
from schemas.reasons import Reason

hl7 = typer.Typer(help="HL7 v2 for integrators: lint, send, ack, source add.", no_args_is_help=True)
source = typer.Typer(help="Sources: hospital systems that send HL7.", no_args_is_help=True)
Files = Annotated[list[Path], typer.Argument(help="Files, or directories of files; frame bytes are tolerated.")]
_PATIENCE_SECONDS: Final = 30.0


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    hl7.add_typer(source, name="source")
    app.add_typer(hl7, name="hl7")


@verb(hl7, "lint")
def lint(
    files: Files,
    sender: Annotated[str, typer.Option("--source", help="Refuse messages of another sender than this.")] = "",
) -> None:
    """Say what the hub would answer; stores nothing; exit 1 on errors. Example: medcredit hl7 lint dft.hl7."""
    setting, now = _setting(sender), _city(_settings())
    found = []
    for path in _expanded(files):
        for report in lint_bytes(_content(path), setting, now):
            lines = tuple(lint_text(report, language()))
            say(f"{path}")
            for line in lines:
                say(f"  {line}")
            found.append(LintedMessage(str(path), structs.asdict(report), report.clean, lines))
    clean = all(each.clean for each in found)
    answer(LintAnswer(clean, tuple(found)))
    sys.exit(0 if clean else 1)


@verb(hl7, "send")
def send(
    files: Files,
    to: Annotated[str, typer.Option(help="host:port of the listener, or sandbox for this machine's.")] = "sandbox",
) -> None:
    """Send files over MLLP, in order, and explain each answer. Example: medcredit hl7 send dft.hl7 --to sandbox."""
    host, port = _address(to)
    sent = asyncio.run(_sent(_expanded(files), host, port))
    for each in sent:
        said = ", ".join(f"{ack.code} {ack.milliseconds:.0f} ms" for ack in each.answers) or "no answer wanted"
        say(f"{each.file}   {said} · MSA-2 {each.control_id or '–'}")
        for ack in each.answers:
            for line in ack.lines:
                say(f"  {line}")
    accepted = all(each.accepted for each in sent)
    answer(SendAnswer(accepted, sent))
    busy = any("HUB_BUSY" in ack.reasons for each in sent for ack in each.answers)
    sys.exit(0 if accepted else 69 if busy else 3)


@verb(hl7, "ack")
def ack(file: Annotated[Path, typer.Argument(help="An acknowledgement as it was received.")]) -> None:
    """Explain an acknowledgement field by field. Example: medcredit hl7 ack reply.hl7."""
    payload = _unframed(_content(file))
    try:
        lines = tuple(acknowledgement_text(payload, language()))
    except ValueError as no_ack:
        raise VerbError(
            Reason.TYPE_UNSUPPORTED, f"{file}: {no_ack}.", exit_code=1, do="medcredit hl7 lint FILE"
        ) from None
    read = read_acknowledgement(payload)
    for line in lines:
        say(line)
    if read is not None:
        answer(AckAnswer(read.code, read.control_id, read.reasons, read.locations, read.resend, lines))


@verb(source, "add")
def add(
    name: Annotated[str, typer.Argument(help="The sender as MSH-3.1@MSH-4.1: HIS@XMNEW.")],
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where to write; else a directory of its name.")
    ] = None,
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Processing ids T and D too: what the demo accepts.")
    ] = False,
) -> None:
    """Write a profile to complete and 12 sample messages. Example: medcredit hl7 source add HIS@XMNEW --dir xmnew."""
    settings = _settings()
    try:
        written = write_source(name, directory or Path(name.lower().replace("@", "-")), city_date(_city(settings)))
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None
    mllp, http = str(settings.edge.mllp), f"http://{settings.edge.http}/fhir/R4"
    state = "kept as it was" if written.kept else "the standard layout; correct what differs"
    say(f"profile    {written.profile}   {state}")
    count, folder = len(written.samples), written.samples[0].parent
    say(f"samples    {count} messages in {folder}: 7 good, 5 refused, each for one reason")
    say(f"addresses  MLLP {mllp} · FHIR {http}{' · processing id T' if sandbox else ''}")
    do = _where_profiles_go(settings, written.profile)
    say(f"do: {do}, and start the edge again; then")
    say(f"do: medcredit hl7 send {written.samples[1]} --to {mllp}")
    files = tuple(str(path) for path in written.samples)
    answer(SourceAnswer(name, str(written.profile), files, mllp, http, do))


def _where_profiles_go(settings: Settings, profile: Path) -> str:
    if settings.institutions_dir:
        return f"copy {profile} to {settings.institutions_dir}"
    return f"set MEDCREDIT_INSTITUTIONS_DIR={profile.parent.resolve()}"


def _settings() -> Settings:
    """Return the settings, those of a demo where this machine has none: linting needs no hub."""
    try:
        return read_settings()
    except ConfigurationError:
        return read_settings(profile="demo")


def _city(settings: Settings) -> int:
    return open_clock(settings).city()


def _setting(sender: str) -> Setting:
    settings = _settings()
    return Setting(
        profiles=load_profiles(settings.institutions_dir or SHIPPED),
        city_key=settings.city_key_bytes,
        processing_ids=PRODUCTION if settings.profile == "production" else SANDBOX,
        allowed_sources=frozenset({sender}) if sender else None,
    )


def _expanded(paths: list[Path]) -> list[Path]:
    """Return the files, with directories replaced by their files in order of name."""
    found = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return [path for path in found if not path.name.startswith(".") and not path.name.endswith(".yaml")]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VerbError(Reason.NOT_FOUND, f"{path} cannot be read: {error.strerror}.", exit_code=4) from None


def _unframed(content: bytes) -> bytes:
    payload = content.removeprefix(b"\x0b")
    return payload[: payload.rindex(b"\x1c")] if b"\x1c" in payload else payload


def _address(to: str) -> tuple[str, int]:
    if to == "sandbox":
        mllp = _settings().edge.mllp
        return mllp.host, mllp.port
    host, separator, port = to.rpartition(":")
    if not separator or not port.isdigit():
        raise typer.BadParameter(f"{to} is no host:port")
    return host, int(port)


async def _sent(paths: list[Path], host: str, port: int) -> tuple[SentFile, ...]:
    try:
        async with await MllpClient.connect(host, port) as client:
            return tuple([await _exchanged(client, path) for path in paths])
    except MllpError as lost:
        do = "Start the edge, or correct --to; the same bytes may be sent again."
        raise VerbError(Reason.DEPENDENCY_UNREACHABLE, str(lost), exit_code=69, do=do, retriable=True) from None


async def _exchanged(client: MllpClient, path: Path) -> SentFile:
    payload, began = _unframed(_content(path)), time.perf_counter()
    if is_batch(payload):
        return await _exchanged_batch(client, path, payload)
    answers = await client.exchange(payload, timeout_seconds=_PATIENCE_SECONDS)
    return _sent_file(path, answers, (time.perf_counter() - began) * 1000)


async def _exchanged_batch(client: MllpClient, path: Path, payload: bytes) -> SentFile:
    """Send a batch; its answer is one frame of acknowledgements that names no message of ours."""
    began, before = time.perf_counter(), len(client.unmatched)
    await client.exchange(payload, expected=0)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while len(client.unmatched) == before:  # noqa: ASYNC110 - the client keeps what it cannot match
            await asyncio.sleep(0.01)
    parts = [b"MSH" + part for part in client.unmatched[-1].split(b"\rMSH")[1:]]
    read = [each for each in map(read_acknowledgement, parts) if each is not None]
    return _sent_file(path, read, (time.perf_counter() - began) * 1000)


def _sent_file(path: Path, answers: list[Acknowledgement], milliseconds: float) -> SentFile:
    told = tuple(
        AckAnswer(
            each.code,
            each.control_id,
            each.reasons,
            each.locations,
            each.resend,
            tuple(acknowledgement_text(each.raw, language())),
            round(milliseconds, 1),
        )
        for each in answers
    )
    accepted = all(each.code in ("AA", "CA") for each in told)
    return SentFile(str(path), told[0].control_id if told else "", accepted, told)
