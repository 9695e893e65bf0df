"""Who may push scores, what their values mean, and where each hears of repayments (domain 5 and 8, protocols 8).

A source is data in a TOML file, never code; its keys are in the ring under its name as their purpose.
"""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from schemas.errors import ConfigurationError, setting_invalid

ScoreProvider = Literal["egret", "sesame", "bank"]
"""What a pack's tiers and a person's consent name."""
SHIPPED: Final = Path(__file__).parent / "score_sources.toml"
"""Sources of the demo city; none of them takes feedback until a file says where."""


class ScoreSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source with its own way in, keys and sequence; several banks are several sources of one provider."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    """Its part of the address, and the purpose of its keys in the ring."""
    provider: ScoreProvider
    sender: str
    receiver: str = "XM-HUB"
    scale: tuple[int, int] = (0, 1000)
    """The least and the greatest value it may push; another is SCORE_RANGE."""
    feedback_url: str = ""
    """Where it takes what the hub tells it (overdue, withdrawn, rewards); empty: it is told nothing."""

    @property
    def version(self) -> str:
        """The version its messages name."""
        return f"{self.name}-1"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: tuple[ScoreSource, ...]


class ScoreSources:
    """All sources; immutable, so that an answer stays a function of the bytes."""

    def __init__(self, sources: Iterable[ScoreSource]) -> None:
        """Raises ConfigurationError for a name or sender used twice, a scale without values."""
        self._sources = tuple(sources)
        for attribute in ("name", "sender"):
            values = [getattr(source, attribute) for source in self._sources]
            if len(set(values)) != len(values):
                raise _misconfigured(f"two sources have one {attribute}")
        for source in self._sources:
            if not 0 <= source.scale[0] < source.scale[1]:
                raise _misconfigured(f"{source.name}: a scale goes from a lesser to a greater value")

    def __iter__(self) -> Iterator[ScoreSource]:
        return iter(self._sources)


def write_score_sources(path: Path, feedback_base: str) -> None:
    """Write the shipped sources with a place to tell them things, as the sandbox has one for each of them."""
    texts = [
        f'[[source]]\nname = "{each.name}"\nprovider = "{each.provider}"\nsender = "{each.sender}"\n'
        f"scale = [{each.scale[0]}, {each.scale[1]}]\n"
        f'feedback_url = "{feedback_base}/feedback/{each.name}/v1/messages"\n'
        for each in load_score_sources()
    ]
    path.write_text("\n".join(texts), "utf-8")


def load_score_sources(path: Path | None = None) -> ScoreSources:
    """Return the sources of a TOML file, the shipped ones for None. Raises ConfigurationError naming the fault."""
    path = path or SHIPPED
    try:
        return ScoreSources(msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).source)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        raise _misconfigured(f"{path.name}: {fault}") from fault


def _misconfigured(fault: str) -> ConfigurationError:
    return setting_invalid("score sources", fault, "Correct the file and start again.")
