"""Whether a record of `commands` is a command: decodable, and keyed by the account it names."""

import re

import msgspec

from schemas.commands import Command

_ACCOUNT = re.compile(rb"[0-9A-HJKMNP-TV-Z]{26}")
_commands = msgspec.json.Decoder(Command)


def command_of(key: bytes | None, value: bytes | None) -> Command | None:
    """Return the command of a record, or None when it is undecodable or its key is not its account. Never raises."""
    if value is None or key is None or _ACCOUNT.fullmatch(key) is None:
        return None
    try:
        command = _commands.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    return command if command.account.encode() == key else None


def why_unreadable(key: bytes | None, value: bytes | None) -> str:
    """Return, in words, why a lane does not take a record for a command of its own."""
    if key is None or _ACCOUNT.fullmatch(key) is None:
        return "the record's key is no account"
    if command_of(key, value) is None:
        return "no command"
    return "the account lives in another partition: who wrote this chooses partitions by a rule of its own"
