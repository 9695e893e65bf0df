"""What packs make of a person's record: reductions, bars, repair, points, steps, entitlements (domain 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policies import load_policies
from hub.policies.standing import (
    deposit_waived_fen,
    is_barred,
    item_class,
    points_for,
    privileges_of,
    reduced_fen,
    reduction_for,
    stepped_up_fen,
)

PACKS = load_policies().packs


@pytest.mark.clause(
    "zhongshan-pilot-2020 reductions[0]",
    "zhongshan-pilot-2020 reductions[1]",
    "zhongshan-pilot-2020 reductions[2]",
    "zhongshan-pilot-2020 reductions[3]",
    "zhongshan-pilot-2020 reductions[4]",
    "stomatology-2020 reductions[0]",
    "stomatology-2020 reductions[1]",
    "stomatology-2020 reductions[2]",
    "stomatology-2020 reductions[3]",
    "stomatology-2020 reductions[4]",
)
@pytest.mark.parametrize("name", ["zhongshan-pilot-2020", "stomatology-2020"])
@pytest.mark.parametrize(
    ("days", "arrears", "line"),
    [
        (1, 1, 160_000),
        (7, 50_000, 160_000),
        (7, 50_001, 120_000),
        (8, 50_000, 100_000),
        (30, 50_001, 40_000),
        (31, 1, 0),
        (400, 200_000, 0),
    ],
)
def test_a_line_is_reduced_or_cancelled_by_days_and_amount_in_arrears(name, days, arrears, line):
    """From a line of 2,000 yuan, at the edges of each band."""
    assert reduced_fen(200_000, reduction_for(PACKS[name], days, arrears).cut_percent) == line


def test_without_arrears_and_without_bands_nothing_is_reduced():
    """The day the term ends is day 0; the city's pack has no bands."""
    assert reduction_for(PACKS["zhongshan-pilot-2020"], 0, 10_000) is None
    assert reduction_for(PACKS["xiamen-city-2023"], 99, 10_000) is None


@given(days=st.integers(1, 5_000), arrears=st.integers(1, 5_000_000_000))
def test_every_arrears_falls_into_exactly_one_band_and_longer_is_never_milder(days, arrears):
    """The bands of the pilot leave no gap and do not overlap."""
    pack = PACKS["zhongshan-pilot-2020"]
    fit = [b for b in pack.reductions if b.days_from <= days <= b.days_to and b.fen_from <= arrears <= b.fen_to]
    assert fit == [reduction_for(pack, days, arrears)]
    assert reduction_for(pack, days + 1, arrears).cut_percent >= fit[0].cut_percent


@given(limit=st.integers(0, 10**9), percent=st.integers(1, 100))
def test_a_reduced_line_is_rounded_down_and_never_rises(limit, percent):
    """Whole fen, between nothing and what it was."""
    left = reduced_fen(limit, percent)
    assert 0 <= left <= limit
    assert left * 100 <= limit * (100 - percent) < (left + 1) * 100


@pytest.mark.clause("zhongshan-2021 blacklist")
def test_more_than_three_overdue_bills_in_total_bar_a_person():
    """The third does not, the fourth does; how many in a row says nothing here."""
    pack = PACKS["zhongshan-2021"]
    assert not is_barred(pack, 3, 3)
    assert is_barred(pack, 4, 1)
    assert not is_barred(PACKS["xiamen-platform-2024"], 99, 99)


def test_a_bar_by_bills_in_a_row_counts_those():
    """A pack may count them instead of the total."""
    pack = PACKS["zhongshan-2021"]
    pack = pack._replace(blacklist=pack.blacklist._replace(after_total=0, after_in_row=2))
    assert not is_barred(pack, 50, 2)
    assert is_barred(pack, 3, 3)


@pytest.mark.clause("xiamen-platform-2024 repair")
def test_six_clean_months_take_one_overdue_bill_off_the_counters():
    """The figures of the platform; no other pack repairs."""
    assert PACKS["xiamen-platform-2024"].repair[:2] == (6, 1)
    assert {name for name, pack in PACKS.items() if pack.repair.clean_months} == {"xiamen-platform-2024"}


@pytest.mark.clause("xiamen-platform-2024 reward")
@pytest.mark.parametrize(
    ("repaid", "times", "points"),
    [
        (0, 0, 50),
        (1, 1, 50),
        (99_999, 40, 50),
        (5_000_000, 5, 50),
        (100_000, 6, 60),
        (300_000, 11, 60),
        (300_000, 12, 80),
        (500_000, 23, 80),
        (500_000, 24, 100),
        (9_000_000, 400, 100),
    ],
)
def test_twelve_months_on_time_give_50_to_100_points_by_amount_and_frequency(repaid, times, points):
    """Both thresholds of a band must be reached."""
    reward = PACKS["xiamen-platform-2024"].reward
    assert reward.months_on_time == 12
    assert points_for(reward, repaid, times) == points


@given(repaid=st.integers(0, 10**9), times=st.integers(0, 1_000))
def test_points_stay_between_50_and_100_and_rise_with_amount_and_frequency(repaid, times):
    """More paid, or more often, never gives fewer points."""
    reward = PACKS["xiamen-platform-2024"].reward
    points = points_for(reward, repaid, times)
    assert 50 <= points <= 100
    assert points_for(reward, repaid + 1, times) >= points
    assert points_for(reward, repaid, times + 1) >= points
    assert points_for(PACKS["pingtan-2025"].reward, repaid, times) == 0


@pytest.mark.clause("zhongshan-2021 step_up")
@pytest.mark.parametrize(
    ("before", "after"),
    [(50_000, 60_000), (490_000, 500_000), (495_000, 500_000), (500_000, 500_000), (700_000, 700_000)],
)
def test_each_repayment_on_time_raises_the_line_by_100_yuan_up_to_5000(before, after):
    """A line that is higher already stays."""
    assert stepped_up_fen(PACKS["zhongshan-2021"], before) == after
    assert stepped_up_fen(PACKS["xiamen-city-2023"], before) == before


@pytest.mark.clause(
    "xiamen-platform-2024 privileges[0]",
    "xiamen-platform-2024 privileges[1]",
    "xiamen-platform-2024 privileges[2]",
    "xiamen-platform-2024 privileges[3]",
    "xiamen-platform-2024 privileges[4]",
    "xiamen-platform-2024 privileges[5]",
    "xiamen-platform-2024 privileges[6]",
    "xiamen-platform-2024 privileges[7]",
    "xiamen-platform-2024 privileges[8]",
    "xiamen-platform-2024 privileges[9]",
    "xiamen-platform-2024 privileges[10]",
    "xiamen-platform-2024 privileges[11]",
    "xiamen-platform-2024 privileges[12]",
    "xiamen-platform-2024 privileges[13]",
    "xiamen-platform-2024 privileges[14]",
)
def test_the_fifteen_privileges_need_a_score_of_650_and_some_a_record():
    """Seven at once, four more after 6 months on time, all 15 after 12; none below 650."""
    pack = PACKS["xiamen-platform-2024"]
    at_once = [
        "dedicated_booking", "priority_bed", "deposit_waiver", "express_registration", "priority_examination",
        "early_reports", "express_pharmacy",
    ]  # fmt: skip
    half_a_year = ["medicine_delivery", "follow_up_online", "check_up_booking", "family_doctor"]
    a_year = ["second_opinion", "companion", "records_by_post", "parking"]
    codes = [[p.code for p in privileges_of(pack, 650, months)] for months in (0, 5, 6, 11, 12)]
    assert codes == [at_once, at_once, at_once + half_a_year, at_once + half_a_year, at_once + half_a_year + a_year]
    assert privileges_of(pack, 649, 99) == ()
    assert all(p.title and p.title_zh for p in pack.privileges)


@pytest.mark.clause(
    "zhongshan-2021 deposit", "xiamen-city-2023 deposit", "pingtan-2025 deposit", "xiamen-platform-2024 deposit"
)
def test_a_deposit_is_waived_for_everyone_or_from_a_score():
    """Three packs ask for none at all, the platform waives it from 650; the pilots say nothing."""
    for name in ("zhongshan-2021", "xiamen-city-2023", "pingtan-2025"):
        assert deposit_waived_fen(PACKS[name], 0, 1_000_000) == 1_000_000
    platform = PACKS["xiamen-platform-2024"]
    assert [deposit_waived_fen(platform, score, 1_000_000) for score in (0, 649, 650)] == [0, 0, 1_000_000]
    assert deposit_waived_fen(PACKS["stomatology-2020"], 900, 1_000_000) == 0
    capped = platform._replace(deposit=platform.deposit._replace(up_to_fen=300_000))
    assert deposit_waived_fen(capped, 700, 1_000_000) == 300_000


@pytest.mark.clause("zhongshan-2021 presets")
def test_fee_control_is_preset_by_visit_day_and_item_class():
    """Consumables begin with C; the longest class that an item's code begins with is its own."""
    presets = PACKS["zhongshan-2021"].presets
    assert (presets.per_visit_fen, presets.per_day_fen) == (200_000, 300_000)
    assert presets.per_item_class_fen == (("C", 100_000),)
    assert [item_class(presets, code) for code in ("C0101", "XD0001", "")] == ["C", "", ""]
    finer = presets._replace(per_item_class_fen=(("CA", 5), ("C", 7)))
    assert [item_class(finer, code) for code in ("CA1", "CB1")] == ["CA", "C"]
