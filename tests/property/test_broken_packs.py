"""Random packs that are broken in one way: each is refused, and the clause that was broken is the one named."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.policies import PackError
from hub.policies.errors import REMEDIES
from hub.policies.loader import PACKS_DIRECTORY, faults_in, read_pack

PACKS = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(PACKS_DIRECTORY.glob("*.toml"))}
Break = Callable[[dict[str, Any], Random], tuple[str, str]]
"""Changes a pack; returns code and clause that must be named."""


def clauses_of(pack: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return (place, table) of every clause."""
    found = [(name, table) for name, table in pack.items() if isinstance(table, dict) and name != "sources"]
    for name, tables in pack.items():
        if isinstance(tables, list) and tables and isinstance(tables[0], dict):
            found += [(f"{name}[{place}]", table) for place, table in enumerate(tables)]
    return found


def uncite(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Take source, paragraph or rule away."""
    place, table = random.choice(clauses_of(pack))
    del table[random.choice(["source", "paragraph", "rule"])]
    return "PACK_UNCITED", place


def cite_the_unknown(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Cite a source that the pack does not name."""
    place, table = random.choice(clauses_of(pack))
    table["source"] = "hearsay-2026"
    return "PACK_SOURCE_UNKNOWN", f"{place}.source"


def misspell(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Add a key that nothing reads."""
    place, table = random.choice(clauses_of(pack))
    table["limmit_fen"] = random.randrange(10_000)
    return "PACK_KEY_UNKNOWN", f"{place}.limmit_fen"


def go_negative(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Turn a number negative where none may be."""
    numbers = [
        (place, table, key)
        for place, table in clauses_of(pack)
        for key, value in table.items()
        if isinstance(value, int) and not isinstance(value, bool)
    ]
    place, table, key = random.choice(numbers)
    table[key] = -random.randrange(1, 10_000)
    return "PACK_NEGATIVE", f"{place}.{key}"


def become_a_word(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Write a word where a number belongs."""
    place, table, key = random.choice(
        [(p, t, k) for p, t in clauses_of(pack) for k, v in t.items() if isinstance(v, int) and not isinstance(v, bool)]
    )
    table[key] = "many"
    return "PACK_CLAUSE", f"{place}.{key}"


def overlap_tiers(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Add a tier that meets another of its provider."""
    other = random.randrange(len(pack["tiers"]))
    tier = dict(pack["tiers"][other])
    pack["tiers"].append(tier)
    return "PACK_TIERS_OVERLAP", f"tiers[{len(pack['tiers']) - 1}]"


def leave_a_gap(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Add a tier far above a closed one of its provider, which nothing between them covers."""
    pack["tiers"] = [tier | {"max": 500_000} if "max" not in tier else tier for tier in pack["tiers"]]
    tier = dict(random.choice(pack["tiers"]))
    tier |= {"min": 500_002 + random.randrange(1_000), "max": 600_000}
    pack["tiers"].append(tier)
    return "PACK_TIERS_GAP", f"tiers[{len(pack['tiers']) - 1}]"


def empty_a_tier(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Let a tier end below its beginning."""
    place = random.randrange(len(pack["tiers"]))
    pack["tiers"][place] |= {"min": 900, "max": 899 - random.randrange(100)}
    return "PACK_TIER_EMPTY", f"tiers[{place}]"


def debit_too_late(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Debit after the term has ended."""
    cited = {"source": "made-up", "paragraph": "1", "rule": "Late."}
    pack["sources"]["made-up"] = {"title": "Made up", "published": "2026"}
    pack["debit"] = {"on": "after_close", "hours": 24 * 60 + random.randrange(1_000), **cited}
    return "PACK_DEBIT_AFTER_TERM", "debit"


def shorten_free_days(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Leave fewer than 42 days."""
    pack["repayment"] |= {"kind": "due_date", "free_days": random.randrange(1, 42), "hour": 23}
    pack["repayment"].pop("days", None)
    return "PACK_FREE_DAYS", "repayment.free_days"


def overcharge(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Take more than 1.5 times the LPR of the day the pack came into force, never more than 4.05 % since 2020."""
    bank = dict(PACKS["xiamen-city-2023"]["bank"])
    pack["sources"]["xiamen-city-2023"] = {"title": "The city's", "published": "2023"}
    penalty = random.randrange(0, 608)
    pack["bank"] = bank | {"penalty_bp": penalty, "interest_bp": 608 - penalty + random.randrange(5_000)}
    pack["repayment"] |= {"kind": "due_date", "free_days": 42, "hour": 23}
    pack["repayment"].pop("days", None)
    pack.pop("debit", None)
    return "PACK_FEE_ABOVE_CAP", "bank.penalty_bp"


def raise_the_cap(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Allow more than 1.5 times the LPR."""
    overcharge(pack, random)
    below = random.randrange(1, 50)
    pack["bank"] |= {"penalty_bp": 0, "interest_bp": 0, "cap_numerator": below * 3 // 2 + 1, "cap_denominator": below}
    return "PACK_FEE_ABOVE_CAP", "bank.cap_numerator"


def overlap_reductions(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Add a band that meets all others."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    bands = pack.setdefault("reductions", [{"days_from": 1, "cut_percent": 10, **cited}])
    bands.append({"days_from": 1, "cut_percent": random.randrange(1, 101), **cited})
    return "PACK_REDUCTIONS_OVERLAP", f"reductions[{len(bands) - 1}]"


def bar_nobody(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """A blacklist that says not how many are too many."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    pack["blacklist"] = {"after_total": 0, "after_in_row": 0, **cited}
    pack["lists"] = {"black": True, "approvals": random.randrange(2, 5), **cited}
    return "PACK_BLACKLIST", "blacklist"


def cover_the_moon(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Name a scene that is none."""
    pack["coverage"]["scenes"].insert(random.randrange(len(pack["coverage"]["scenes"]) + 1), "moon")
    return "PACK_CLAUSE", "coverage.scenes"


def hold_elsewhere(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Hold credit in a scene that the pack does not cover."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    pack["coverage"]["scenes"] = ["outpatient"]
    pack["holds"] = {"scenes": ["inpatient"], "days": random.randrange(1, 100), **cited}
    return "PACK_CLAUSES_DISAGREE", "holds.scenes"


def fall_back_to_nobody(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Name a fallback channel that is none."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    pack["fallbacks"] = {"order": random.sample(["second_channel", "pigeon", "family"], 3), **cited}
    return "PACK_CLAUSE", "fallbacks.order"


def decide_alone(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Relief that one person may grant."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    pack["relief"] = [{"kind": "fiscal", "pauses": True, "approvals": random.randrange(2), **cited}]
    return "PACK_NEGATIVE", "relief[0].approvals"


def fall_with_the_points(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Who repaid more gets no more points."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    low = random.randrange(50, 100)
    bands = [{"repaid_from_fen": fen, "repayments_from": 0, "points": points} for fen, points in ((0, low), (100, low))]
    pack["reward"] = {"months_on_time": 12, "points": bands, **cited}
    return "PACK_POINTS", "reward.points[1]"


def step_nowhere(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """A maximum that a tier already passes."""
    cited = {key: pack["idle"][key] for key in ("source", "paragraph", "rule")}
    highest = max(tier["limit_fen"] for tier in pack["tiers"])
    pack["step_up"] = {"per_repayment_fen": 100, "maximum_fen": highest - random.randrange(1, 10_000), **cited}
    return "PACK_STEP_UP", "step_up.maximum_fen"


def end_before_the_beginning(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """A pack that was never in force."""
    pack["valid_to"] = pack["valid_from"].replace(year=pack["valid_from"].year - random.randrange(1, 10))
    return "PACK_DATES", "valid_to"


def turn_the_order(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Deduct in another order than the only one that is known."""
    order = ["insurance", "prepayment", "credit"]
    while order == ["insurance", "prepayment", "credit"]:
        random.shuffle(order)
    pack["deduction"]["order"] = order
    return "PACK_CLAUSE", "deduction.order"


def drop_a_section(pack: dict[str, Any], random: Random) -> tuple[str, str]:
    """Leave out what every pack must say."""
    name = random.choice(["coverage", "funding", "deduction", "repayment", "overdue", "idle", "sources"])
    del pack[name]
    return "PACK_CLAUSE", name


BREAKS: list[Break] = [
    uncite, cite_the_unknown, misspell, go_negative, become_a_word, overlap_tiers, leave_a_gap, empty_a_tier,
    debit_too_late, shorten_free_days, overcharge, raise_the_cap, overlap_reductions, bar_nobody, cover_the_moon,
    hold_elsewhere, fall_back_to_nobody, decide_alone, fall_with_the_points, step_nowhere, end_before_the_beginning,
    turn_the_order, drop_a_section,
]  # fmt: skip


def toml(value: Any) -> str:
    """Return a value as inline TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace('"', "'") + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    return str(value)


def written(place: Path, pack: dict[str, Any]) -> Path:
    """Write a pack as a file and return its path."""
    path = place / f"{pack['id']}.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in pack.items()), "utf-8")
    return path


@pytest.mark.parametrize("name", sorted(PACKS))
def test_a_pack_written_again_by_the_test_is_the_same_pack(tmp_path, name):
    """What follows breaks only what it means to break."""
    again = read_pack(written(tmp_path, PACKS[name]))
    assert again._replace(hash="") == read_pack(PACKS_DIRECTORY / f"{name}.toml")._replace(hash="")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(name=st.sampled_from(sorted(PACKS)), broken=st.sampled_from(BREAKS), random=st.randoms(use_true_random=False))
def test_every_broken_pack_is_refused_with_its_clause_named(tmp_path, name, broken, random):
    """400 random packs, each broken in one of 23 ways: code and clause are among the faults, and loading refuses."""
    pack = tomllib.loads((PACKS_DIRECTORY / f"{name}.toml").read_text("utf-8"))
    code, clause = broken(pack, random)
    path = written(tmp_path, pack)
    faults = [(fault.code, fault.clause) for fault in faults_in(path)]
    assert (code, clause) in faults, faults
    with pytest.raises(PackError) as refused:
        read_pack(path)
    assert (refused.value.code, refused.value.clause) == faults[0]


def test_every_code_of_a_fault_is_shown_here_or_by_a_test_of_its_own():
    """No code without a remedy in both languages, and none that no test brings about."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert all(english and chinese for english, chinese in REMEDIES.values())
    assert not [code for code in REMEDIES if not re.search(rf'"[^"]*{code}', tests)]
