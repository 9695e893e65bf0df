"""A seventh city is a TOML file and no code: sign, charge, bill, debit, repayment, overdue and resume (domain 3)."""

from pathlib import Path

import pytest
from domain_world import DAY, HOUR, SAMPLE_PACKS, World, charge, line, score, signing

from hub.policies import PackError, Policies, load_policies, write_lock
from hub.policies.loader import PACKS_DIRECTORY
from hub.runtime.settings import environment, read_settings
from schemas.commands import RecordRepayment
from schemas.reasons import Reason

SEVENTH = SAMPLE_PACKS / "seventh"
LUZHOU, HOSPITAL = "luzhou-2026", "LZRMYY"


@pytest.fixture(scope="module")
def policies() -> Policies:
    """Return the shipped packs and the seventh city's."""
    return load_policies(SEVENTH)


@pytest.fixture
def person(policies) -> World:
    """Return a person who signed in the seventh city with an Egret score of 640."""
    world = World(policies)
    world.send(score(policies, 640, at=world.city), interface="score")
    world.send(signing(LUZHOU, at=world.city), interface="api")
    return world


def test_a_city_of_its_own_goes_from_signature_to_repayment(person):
    """1,200 yuan of credit, 1,000 a visit, bill after 8 idle hours, debit after 48, paid: nothing is owed."""
    assert person.agreement.limit_fen == 120_000
    person.send(charge(line("F1", 100_000), institution=HOSPITAL, at=person.city))
    posted = person.send(charge(line("F2", 30_000), institution=HOSPITAL, at=person.city)).record
    assert posted.pack == LUZHOU
    assert (posted.events[-1].allocation.credit_fen, posted.events[-1].allocation.self_pay_fen) == (0, 30_000)
    assert posted.events[-1].reason == Reason.PRESET_EXCEEDED
    assert posted.explanation[2].clause == f"{LUZHOU} presets"
    person.move(city=8 * HOUR)
    assert person.bill.debit_at == person.bill.closed_at + 48 * HOUR
    person.move(city=48 * HOUR)
    person.answer(status="failed", cause="nsf")
    assert (person.state.core.timers[f"debit_retry|{person.bill.id}"].due_at + 8 * HOUR) % DAY == 12 * HOUR
    person.move(city=34 * HOUR)
    person.answer(status="failed", cause="nsf")
    assert (person.state.core.timers[f"debit_retry|{person.bill.id}"].due_at + 8 * HOUR) % DAY == 19 * HOUR
    person.send(RecordRepayment(person.city, 100_000, person.bill.id), interface="api")
    assert person.bill.owed_fen == person.agreement.used_fen == 0


def test_its_own_term_and_its_own_day_of_resuming_count(person):
    """Overdue at 20:00 of the tenth day, active again on the second day after payment."""
    person.send(charge(line("F1", 10_000), institution=HOSPITAL, at=person.city))
    person.move(city=8 * HOUR)
    bill = person.bill
    assert (bill.due_at + 8 * HOUR) % DAY == 20 * HOUR
    assert 9 * DAY < bill.due_at - bill.closed_at <= 10 * DAY + 20 * HOUR
    person.move(city=48 * HOUR)
    person.answer(status="failed", cause="agreement_dead")
    person.move(city=bill.due_at - person.city)
    assert person.state.core.suspended
    person.send(RecordRepayment(person.city, 10_000, bill.id), interface="api")
    person.move(city=DAY)
    assert person.state.core.suspended
    person.move(city=DAY)
    assert not person.state.core.suspended


def test_its_hospitals_follow_it_and_others_do_not(policies):
    """Chosen by institution and time; the six shipped packs stay what they are."""
    at = World(policies).city
    assert policies.pack_for(HOSPITAL, "", at).id == LUZHOU
    assert policies.pack_for("XMDYY", "", at).id == "xiamen-platform-2024"
    assert policies.pack_for(HOSPITAL, "", policies.packs[LUZHOU].valid_from - 1).id == "xiamen-platform-2024"
    shipped = load_policies()
    assert {name: pack.hash for name, pack in policies.packs.items() if name != LUZHOU} == {
        name: pack.hash for name, pack in shipped.packs.items()
    }


def test_its_scores_are_kept_as_bands_of_its_own_too(policies):
    """620 and 700 join the cut points; a band made before the city came is still read."""
    assert {620, 700} <= set(policies.cut_points("egret"))
    before = load_policies()
    assert policies.knows(before.cut_points_hash("egret"))
    assert policies.grant(
        policies.packs[LUZHOU], "egret", before.band("egret", 720), before.cut_points_hash("egret"), ""
    )


def test_the_bank_score_is_asked_first_where_the_pack_says_so(policies):
    """The order stands in the file."""
    assert policies.packs[LUZHOU].providers == ("bank", "egret")


def test_the_directory_is_a_setting_that_every_role_is_given(monkeypatch):
    """MEDCREDIT_PACKS_DIR; a role started as a child process reads it from its environment."""
    monkeypatch.setenv("MEDCREDIT_PACKS_DIR", str(SEVENTH))
    settings = read_settings(profile="demo")
    assert settings.packs_dir == SEVENTH
    assert environment(settings)["MEDCREDIT_PACKS_DIR"] == str(SEVENTH)


def test_a_pack_of_a_shipped_id_is_refused_in_the_directory(tmp_path):
    """One id, one content: also across directories."""
    copied(tmp_path, PACKS_DIRECTORY / "pingtan-2025.toml")
    with pytest.raises(PackError, match="PACK_DUPLICATE"):
        write_lock(PACKS_DIRECTORY, tmp_path)


def test_a_pack_of_the_directory_must_be_locked_with_its_cut_points(tmp_path):
    """Neither an unknown pack nor a lock made without the shipped packs is enough."""
    copied(tmp_path, SEVENTH / f"{LUZHOU}.toml")
    with pytest.raises(PackError, match="PACK_NOT_LOCKED"):
        load_policies(tmp_path)
    write_lock(tmp_path)
    with pytest.raises(PackError, match=r"PACK_NOT_LOCKED.*cut points|cut points.*PACK_NOT_LOCKED"):
        load_policies(tmp_path)
    write_lock(PACKS_DIRECTORY, tmp_path)
    assert LUZHOU in load_policies(tmp_path).packs


def copied(place: Path, file: Path) -> None:
    """Copy a file into a directory."""
    (place / file.name).write_bytes(file.read_bytes())
