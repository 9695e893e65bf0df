"""Which score decides a line, in any order of pushes, withdrawals and expiries: the pack's first that may be read."""

from domain_world import DAY, XIAMEN, World, signing
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.commands import ObserveScore, RevokeConsent

PACKS = tuple(pack.id for pack in XIAMEN.packs.values() if set(pack.providers) - {"none"})
PROVIDERS = ("egret", "sesame", "bank")
SCORE = st.tuples(st.just("push"), st.sampled_from(PROVIDERS), st.integers(0, 950), st.integers(-3, 3))
REVOKE = st.tuples(st.just("revoke"), st.sampled_from(PROVIDERS), st.just(0), st.just(0))


def observed(provider: str, value: int, at: int, number: int) -> ObserveScore:
    """Return a score under an authorisation of its own, valid for a year."""
    band, cuts = XIAMEN.band(provider, value), XIAMEN.cut_points_hash(provider)
    until, authorisation = at + 365 * DAY, f"{provider}-{number}"
    window = (authorisation, at - DAY, until, ("medical_credit",))
    return ObserveScore(provider, band, cuts, f"S{number}", at, until, number, *window)


def expected_fen(pack_id: str, consents: tuple[str, ...], known: dict[str, int], *, frozen: bool) -> int:
    """Return the line by the page: domain 3, the pack's order; domain 5, no claw-back of the freeze."""
    pack = XIAMEN.packs[pack_id]
    for provider in pack.providers:
        if provider == "none":
            return 0 if frozen else next(t.limit_fen for t in pack.tiers if t.provider == "none")
        if provider not in consents or provider not in known:
            continue
        for tier in pack.tiers:
            if tier.provider == provider and tier.low <= known[provider] <= tier.high:
                return pack.limit_fen(tier, "ICBC")
    return 0


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PACKS), st.sets(st.sampled_from(PROVIDERS)), st.lists(SCORE | REVOKE, min_size=1, max_size=8))
def test_the_first_score_of_the_packs_order_that_may_be_read_gives_the_line(pack, consents, steps):
    """Domain 3 and 5: city score, Sesame, bank; only under consent; newest wins; a withdrawal ends one source."""
    world = World(XIAMEN)
    named = tuple(sorted(consents))
    first = XIAMEN.packs[pack]
    world.city = max(world.city, first.valid_from) if world.city < first.valid_to else first.valid_to - 1
    start, newest, known = world.city, {}, {}
    world.send(replace(signing(pack, at=start), score_consents=named), interface="api")
    if world.ledger[-1].outcome == "REFUSED":  # what the pack asks for besides a score has its own tests
        return
    for number, (what, provider, value, day) in enumerate(steps, start=1):
        before = world.agreement.provider
        if what == "revoke":
            withdrawn = f"{provider}-{newest.get(provider, (0, 0))[1]}"
            world.send(RevokeConsent(provider, start, withdrawn), interface="score")
            known.pop(provider, None)
        else:
            at = start + day * DAY
            decision = world.send(observed(provider, value, at, number), interface="score")
            if provider not in named:
                assert decision.record.reason == "CONSENT"
            elif (at, number) > newest.get(provider, (-1, -1)) or provider not in known:
                newest[provider], known[provider] = (at, number), value
            else:
                assert decision.record.reason == "LATE"
        frozen = before not in ("", "none") and before not in known
        assert world.agreement.limit_fen == expected_fen(pack, named, known, frozen=frozen)
