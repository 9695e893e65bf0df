"""The packs together: which one applies, what a score's band means, and that no pack changed under its id."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, TypedDict

from hub.policies.clauses import Tier
from hub.policies.errors import PackError
from hub.policies.ladders import DEFAULT_LADDERS, Ladders
from hub.policies.loader import LOCK_NAME, PACKS_DIRECTORY, read_pack
from hub.policies.lpr import shipped_lpr
from hub.policies.pack import Pack
from schemas.commands import Instant

_NO_HISTORY: Final[Mapping[str, Sequence[int]]] = MappingProxyType({})
_SCORE_MAX: Final = 1_000_000
_PROVIDERS: Final = ("bank", "egret", "sesame")
"""Those whose scores become bands."""


class _Lock(TypedDict):
    packs: dict[str, str]
    cut_points: dict[str, list[int]]


class Grant(NamedTuple):
    """The line a score gives under a pack, and the tier that says so."""

    limit_fen: int
    tier: Tier


class Policies:
    """All packs, frozen after loading. Deterministic: the same files give the same answers and hashes."""

    def __init__(
        self,
        packs: Sequence[Pack],
        ladders: Ladders = DEFAULT_LADDERS,
        history: Mapping[str, Sequence[int]] = _NO_HISTORY,
    ) -> None:
        self.packs = {pack.id: pack for pack in packs}
        self.ladders = ladders
        self.lpr = shipped_lpr()
        self._order = sorted(packs, key=lambda pack: (-pack.valid_from, pack.id))
        self._cuts = {name: _cut_points(packs, name) for name in _PROVIDERS}
        self._hashes = {name: _cuts_hash(name, cuts) for name, cuts in self._cuts.items()}
        self._known = {key: tuple(cuts) for key, cuts in history.items()}
        self._known.update({self._hashes[name]: self._cuts[name] for name in _PROVIDERS})

    @property
    def institution_funded(self) -> frozenset[str]:
        """Return the packs under which the institution itself lends: nobody advances anything to it."""
        return frozenset(pack.id for pack in self.packs.values() if pack.funding.by == "institution")

    def cut_points(self, provider: str) -> tuple[int, ...]:
        """Return the score values at which any pack's tier or entitlement begins or ends, ascending."""
        return self._cuts.get(provider, ())

    def cut_points_hash(self, provider: str) -> str:
        """Return the name of the list of cut points a band was made with."""
        return self._hashes.get(provider, "")

    def band(self, provider: str, value: int) -> int:
        """Return the number of cut points at or below the value: all that is ever kept of a score."""
        return bisect_right(self.cut_points(provider), value)

    def knows(self, cut_points_hash: str) -> bool:
        """Return True when a band made with this list can be read."""
        return cut_points_hash in self._known

    def grant(self, pack: Pack, provider: str, band: int, cut_points_hash: str, bank: str) -> Grant | None:
        """Return the line of a band under a pack, or None when it gives none.

        A band made with an older list counts as its lowest value: never more than the score itself would give.
        """
        cuts = self._known.get(cut_points_hash)
        if cuts is None or not 0 <= band <= len(cuts):
            return None
        tier = pack.tier_of(provider, cuts[band - 1] if band else 0)
        return None if tier is None else Grant(pack.limit_fen(tier, bank), tier)

    def lowest_of(self, band: int, cut_points_hash: str) -> int:
        """Return the lowest score of a band, 0 for one that cannot be read."""
        cuts = self._known.get(cut_points_hash, ())
        return cuts[band - 1] if 0 < band <= len(cuts) else 0

    def unscored(self, pack: Pack, bank: str) -> Grant | None:
        """Return the line of a person without any score that gives one, or None where such a person has none."""
        tier = pack.unscored
        return None if tier is None else Grant(pack.limit_fen(tier, bank), tier)

    def instead_of(self, pack: str, rules: Pack) -> "Policies":
        """Return these policies with the rules of another pack in a pack's place: its id, institutions and dates stay.

        So agreements and institutions find what they always found, and every band stays readable.
        """
        old = self.packs[pack]
        new = rules._replace(id=old.id, valid_from=old.valid_from, valid_to=old.valid_to, institutions=old.institutions)
        packs = [new if each.id == pack else each for each in self.packs.values()]
        return Policies(packs, self.ladders, self._known)

    def pack_for(self, institution: str, agreement_pack: str, at: Instant) -> Pack | None:
        """Return the pack for (institution, the person's agreement, event time), or None.

        It is the agreement's own where that covers both, else the newest that does.
        """
        own = self.packs.get(agreement_pack)
        if own is not None and own.covers(institution, at):
            return own
        return next((pack for pack in self._order if pack.covers(institution, at)), None)


def load_policies(extra: Path | None = None, ladders: Ladders = DEFAULT_LADDERS) -> Policies:
    """Return the shipped packs and those of an extra directory, each directory checked against its own hash lock.

    Raises PackError: an inconsistent pack, a file changed under an id that is locked, a pack or a list of cut points
    missing from the lock, an id in both directories.
    """
    places = (PACKS_DIRECTORY,) if extra is None else (PACKS_DIRECTORY, extra)
    return load_directories(places, ladders)


def load_directories(places: Sequence[Path], ladders: Ladders = DEFAULT_LADDERS) -> Policies:
    """Return the packs of these directories together; the last one's lock must know their cut points."""
    history: dict[str, Sequence[int]] = {}
    found = [_packs_in(place) for place in places]
    for place, packs in zip(places, found, strict=True):
        lock = _read_lock(place / LOCK_NAME)
        history |= lock["cut_points"]
        for pack in packs:
            _check_lock(pack, lock["packs"])
    policies = Policies(_together(found), ladders, history)
    for provider in _PROVIDERS:
        if policies.cut_points_hash(provider) not in history:
            raise PackError("PACK_NOT_LOCKED", places[-1].name, "packs.lock", f"{provider}: these cut points are new")
    return policies


def write_lock(*places: Path) -> Path:
    """Add the packs of the last directory, and the cut points of all, to its lock; return the lock's path.

    A locked id keeps its hash for ever, and a list of cut points stays known.
    """
    where = places or (PACKS_DIRECTORY,)
    path = where[-1] / LOCK_NAME
    lock, found = _read_lock(path), [_packs_in(place) for place in where]
    for pack in found[-1]:
        if pack.id in lock["packs"]:
            _check_lock(pack, lock["packs"])
        lock["packs"][pack.id] = pack.hash
    policies = Policies(_together(found))
    for provider in _PROVIDERS:
        lock["cut_points"][policies.cut_points_hash(provider)] = list(policies.cut_points(provider))
    path.write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n", "utf-8")
    return path


def _packs_in(place: Path) -> list[Pack]:
    packs = [read_pack(path) for path in sorted(place.glob("*.toml"))]
    if not packs:
        raise PackError("PACK_UNREADABLE", place.name, "directory", "there is no pack in it")
    return packs


def _together(found: Sequence[Sequence[Pack]]) -> list[Pack]:
    """Return the packs of all directories; an id belongs to one of them."""
    packs: dict[str, Pack] = {}
    for pack in (pack for each in found for pack in each):
        if pack.id in packs:
            raise PackError("PACK_DUPLICATE", pack.id, "id", "another directory has a pack of this id")
        packs[pack.id] = pack
    return list(packs.values())


def _read_lock(path: Path) -> _Lock:
    if not path.exists():
        return {"packs": {}, "cut_points": {}}
    lock: _Lock = json.loads(path.read_text("utf-8"))
    return lock


def _check_lock(pack: Pack, locked: Mapping[str, str]) -> None:
    expected = locked.get(pack.id)
    if expected is None:
        raise PackError("PACK_NOT_LOCKED", pack.id, "file", "packs.lock does not name it")
    if expected != pack.hash:
        text = "the file changed; an id has one content for ever, so give the changed pack a new id"
        raise PackError("PACK_CHANGED", pack.id, "file", text)


def _cut_points(packs: Sequence[Pack], provider: str) -> tuple[int, ...]:
    tiers = [tier for pack in packs for tier in pack.tiers if tier.provider == provider]
    edges = {tier.low for tier in tiers} | {tier.high + 1 for tier in tiers}
    if provider == "egret":
        edges |= {privilege.min_score for pack in packs for privilege in pack.privileges}
        edges |= {pack.deposit.min_score for pack in packs}
    return tuple(sorted(edge for edge in edges if 0 < edge <= _SCORE_MAX))


def _cuts_hash(provider: str, cuts: Sequence[int]) -> str:
    text = f"{provider}:{','.join(map(str, cuts))}"
    return hashlib.new("sm3", text.encode()).hexdigest()[:16]
