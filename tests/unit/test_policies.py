"""Policy packs: data with a source for every clause, locked by hash, refused when they cannot be meant (domain 3)."""

import shutil
from pathlib import Path

import pytest

from hub.policies import Ladders, PackError, load_directories, load_policies, write_lock
from hub.policies.loader import PACKS_DIRECTORY, read_pack

CITY = (PACKS_DIRECTORY / "xiamen-city-2023.toml").read_text("utf-8")
PLATFORM = (PACKS_DIRECTORY / "xiamen-platform-2024.toml").read_text("utf-8")


def pack_file(place: Path, text: str, name: str = "xiamen-city-2023") -> Path:
    """Write a pack and return its path."""
    path = place / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "code", "clause"),
    [
        ("min = 501", "min = 500", "PACK_TIERS_OVERLAP", "tiers[1]"),
        ("min = 651", "min = 600", "PACK_TIERS_OVERLAP", "tiers[3]"),
        ("max = 600", "max = 400", "PACK_TIER_EMPTY", "tiers[1]"),
        ("penalty_bp = 150", "penalty_bp = 248", "PACK_FEE_ABOVE_CAP", "bank.penalty_bp"),
        ("cap_numerator = 3", "cap_numerator = 4", "PACK_FEE_ABOVE_CAP", "bank.cap_numerator"),
        ("free_days = 42", "free_days = -1", "PACK_NEGATIVE", "repayment.free_days"),
        ("free_days = 42", "free_days = 41", "PACK_FREE_DAYS", "repayment.free_days"),
        ("limit_fen = 50000", "limit_fen = -5", "PACK_NEGATIVE", "tiers[0].limit_fen"),
        ('[debit]\non = "due_date"\nhour = 9', '[debit]\non = "due_date"\nhour = 23\n[x]', "PACK_UNCITED", "debit"),
        ("hour = 9\n", "hour = 24\n", "PACK_CLAUSE", "debit.hour"),
        ('paragraph = "1"\nrule = "All', 'rule = "All', "PACK_UNCITED", "coverage"),
        ('scenes = ["outpatient"', 'scenes = ["moon"', "PACK_CLAUSE", "coverage.scenes"),
        ("valid_from = 2023-01-01", "valid_from = 2023-01-01\nvalid_to = 2022-01-01", "PACK_DATES", "valid_to"),
        ('id = "xiamen-city-2023"', 'id = "other"', "PACK_ID", "id"),
        ("[idle]", "[idle", "PACK_UNREADABLE", "file"),
        ('order = ["insurance", "prepayment"', 'order = ["prepayment", "insurance"', "PACK_CLAUSE", "deduction.order"),
    ],
)  # fmt: skip
def test_a_pack_that_cannot_be_meant_is_refused_with_its_clause(tmp_path, old, new, code, clause):
    """The error names pack, clause and code."""
    assert old in CITY
    with pytest.raises(PackError) as refused:
        read_pack(pack_file(tmp_path, CITY.replace(old, new, 1)))
    assert (refused.value.code, refused.value.clause) == (code, clause)
    assert clause in str(refused.value)


def test_a_debit_after_the_term_is_refused(tmp_path):
    """169 hours against seven days."""
    text = PLATFORM.replace("hours = 72", "hours = 169", 1)
    with pytest.raises(PackError, match="PACK_DEBIT_AFTER_TERM"):
        read_pack(pack_file(tmp_path, text, "xiamen-platform-2024"))


def test_a_debit_that_cuts_free_days_short_is_refused(tmp_path):
    """72 hours against 42 free days."""
    text = CITY.replace('on = "due_date"\nhour = 9', 'on = "after_close"\nhours = 72', 1)
    with pytest.raises(PackError, match="PACK_FREE_DAYS"):
        read_pack(pack_file(tmp_path, text))


def test_a_changed_file_under_a_locked_id_is_refused(tmp_path):
    """An id has one content for ever; neither loading nor locking accepts another."""
    for path in PACKS_DIRECTORY.iterdir():
        shutil.copy(path, tmp_path)
    pack_file(tmp_path, CITY.replace("limit_fen = 50000", "limit_fen = 60000", 1))
    for act in (lambda place: load_directories([place]), write_lock):
        with pytest.raises(PackError, match="PACK_CHANGED"):
            act(tmp_path)


def test_a_pack_that_is_not_locked_is_refused_until_it_is(tmp_path):
    """PACK_NOT_LOCKED, then accepted."""
    pack_file(tmp_path, CITY)
    with pytest.raises(PackError, match="PACK_NOT_LOCKED"):
        load_directories([tmp_path])
    write_lock(tmp_path)
    assert list(load_directories([tmp_path]).packs) == ["xiamen-city-2023"]


def test_an_empty_directory_is_refused(tmp_path):
    """A hub without a pack would give no credit to anybody, silently."""
    with pytest.raises(PackError, match="PACK_UNREADABLE"):
        load_directories([tmp_path])


def test_the_shipped_packs_load_and_every_clause_cites_its_source():
    """Six packs; key and paragraph everywhere, the rule in both languages, each clause named once."""
    policies = load_policies()
    assert sorted(policies.packs) == [
        "pingtan-2025",
        "stomatology-2020",
        "xiamen-city-2023",
        "xiamen-platform-2024",
        "zhongshan-2021",
        "zhongshan-pilot-2020",
    ]
    for pack in policies.packs.values():
        cited = list(pack.citations())
        assert len({each.clause for each in cited}) == len(cited) > 8
        assert all(c.clause.startswith(f"{pack.id} ") and "¶" in c.source and c.rule and c.rule_zh for c in cited)


def test_bands_count_the_cut_points_of_all_packs():
    """A score is kept as its band: 500, 501, 583, 584, 600, 601, 649, 650, 651."""
    policies = load_policies()
    assert policies.cut_points("egret") == (501, 584, 601, 650, 651)
    assert [policies.band("egret", value) for value in (0, 500, 501, 583, 584, 600, 601, 649, 650, 651, 900)] == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5,
    ]  # fmt: skip
    assert policies.cut_points("sesame") == (650, 700)
    assert policies.cut_points_hash("egret") != policies.cut_points_hash("sesame")


def test_a_band_of_an_older_list_counts_as_its_lowest_value(tmp_path):
    """After a pack with other points is added, an old band still gives at most what the score would."""
    pack_file(tmp_path, CITY)
    write_lock(tmp_path)
    old = load_directories([tmp_path])
    band, named = old.band("egret", 655), old.cut_points_hash("egret")
    shutil.copy(PACKS_DIRECTORY / "xiamen-platform-2024.toml", tmp_path)
    write_lock(tmp_path)
    new = load_directories([tmp_path])
    assert new.cut_points_hash("egret") != named
    assert new.knows(named)
    granted = new.grant(new.packs["xiamen-platform-2024"], "egret", band, named, "CCB")
    assert granted.limit_fen == 500_000
    assert new.grant(new.packs["xiamen-city-2023"], "egret", 9, named, "CCB") is None
    assert new.grant(new.packs["xiamen-city-2023"], "egret", 1, "unknown", "CCB") is None


def test_ladders_repeat_their_last_step_and_can_be_shortened_by_settings():
    """Only durations on the wire: the packs keep the city's."""
    ladders = Ladders()
    assert ladders.queries("unionpay").wait_ms(99) == ladders.queries("alipay").wait_ms(99) == 3_600_000
    assert load_policies(ladders=ladders._replace(order_expiry_ms=1)).ladders.order_expiry_ms == 1


@pytest.mark.parametrize("scale", [1.0, 0.5, 1 / 60, 1 / 240, 0.001])
def test_shortened_ladders_keep_their_order_and_their_steps(scale: float):
    """Every retry still fits into the life of the number, every call goes before its end, no wait is nothing."""
    short, real = Ladders().shortened(scale), Ladders()
    assert (scale == 1.0) == (short == real)
    assert short.call_window_ms < short.order_expiry_ms
    assert [len(short.queries(channel).waits_ms) for channel in ("alipay", "unionpay")] == [30, 13]
    assert all(wait >= 1000 for ladder in (short.alipay_queries, short.refund_queries) for wait in ladder.waits_ms)
    if scale >= 1 / 240:
        assert sum(short.technical_retries_ms) < short.order_expiry_ms


def test_the_demos_scale_lets_a_number_live_for_45_seconds():
    """3 h, 5 min, 2 h at 1/240; nothing below a second."""
    short = Ladders().shortened(1 / 240)
    assert (short.order_expiry_ms, short.release_after_expiry_ms, short.call_window_ms) == (45_000, 1_250, 22_500)
    assert short.technical_retries_ms == (1_000, 1_250, 7_500, 30_000)
    for wrong in (0, -1, 1.01):
        with pytest.raises(ValueError, match="no scale"):
            Ladders().shortened(wrong)
