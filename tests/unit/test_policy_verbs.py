"""`medcredit policy` as people and scripts call it: sentences, faults with their clause, differences, exit codes."""

import pytest
from cli_world import Called, call
from domain_world import SAMPLE_PACKS

from hub.policies.loader import PACKS_DIRECTORY

CITY = PACKS_DIRECTORY / "xiamen-city-2023.toml"


@pytest.fixture
def policy(monkeypatch, capsys):
    """Return the function that calls a verb of `policy`."""

    def called(*arguments: str) -> Called:
        return call(monkeypatch, capsys, "policy", *arguments)

    return called


def test_list_shows_every_pack_oldest_first(policy):
    """Six packs with their time, funding and hash; the document fits its schema."""
    document = policy("list", "--json").valid("policy-list")
    assert [pack["id"] for pack in document["packs"]] == [
        "zhongshan-pilot-2020", "stomatology-2020", "zhongshan-2021", "xiamen-city-2023", "xiamen-platform-2024",
        "pingtan-2025",
    ]  # fmt: skip
    assert document["packs"][0]["valid_to"] == "2021-07-01"
    assert document["packs"][3] | {"hash": "", "clauses": 0} == {
        "id": "xiamen-city-2023",
        "title": "Xiamen city-wide credit-based treatment, 2023",
        "valid_from": "2023-01-01",
        "valid_to": None,
        "institutions": [],
        "scenes": ["emergency", "inpatient", "internet", "outpatient", "pharmacy"],
        "funding": "bank",
        "clauses": 0,
        "hash": "",
    }


def test_list_counts_the_packs_of_a_citys_own_directory(policy, monkeypatch):
    """MEDCREDIT_PACKS_DIR adds to the shipped ones."""
    monkeypatch.setenv("MEDCREDIT_PACKS_DIR", str(SAMPLE_PACKS / "seventh"))
    assert "luzhou-2026" in policy("list").out


def test_show_says_each_clause_in_a_sentence_with_figures_and_source(policy):
    """Place, figures, source, and the rule below it."""
    shown = policy("show", "xiamen-city-2023").out
    assert "tiers[3]         Egret ≥ 651: the bank's offer, at least ¥3,000   xiamen-city-2023 ¶3" in shown
    assert "Nothing has to be paid in advance." in shown
    clauses = policy("show", "xiamen-city-2023", "--json").valid("policy-show")["clauses"]
    assert {each["clause"]: each["figures"] for each in clauses}["debit"] == "on the due date at 9:00"


def test_show_speaks_chinese(policy):
    """Figures and rules both."""
    shown = policy("show", "pingtan-2025", "--lang", "zh").out
    assert "平潭信用就医（2025）" in shown
    assert "就诊结束当日 24:00" in shown
    assert "无需押金。" in shown
    assert "Pingtan" not in shown


def test_show_of_an_unknown_pack_is_not_found(policy):
    """Exit code 4, and what to do."""
    called = policy("show", "atlantis-1")
    assert called.status == 4
    assert "do: medcredit policy list" in called.err
    assert policy("show", "atlantis-1", "--json").document["code"] == "NOT_FOUND"
    assert policy("show", "none.toml").status == 4


def test_lint_names_each_fault_its_clause_and_its_remedy(policy, tmp_path):
    """Overlapping tiers, a negative term, a fee above the cap (experience 9.13): exit code 1."""
    text = CITY.read_text("utf-8")
    overlapping = text.replace("min = 501", "min = 500", 1).replace("penalty_bp = 150", "penalty_bp = 250", 1)
    broken = tmp_path / CITY.name
    broken.write_text(overlapping, "utf-8")
    called = policy("lint", str(broken))
    assert called.status == 1
    assert "FAIL  tiers[1]  500 to 600 overlaps tiers[0], 0 to 500   PACK_TIERS_OVERLAP   do: " in called.out
    assert "bank.penalty_bp" in called.out
    document = policy("lint", str(broken), "--json").valid("policy-lint")
    assert [fault["code"] for fault in document["faults"]] == ["PACK_TIERS_OVERLAP", "PACK_FEE_ABOVE_CAP"]
    broken.write_text(text.replace("free_days = 42", "free_days = -3", 1), "utf-8")
    assert "repayment.free_days  -3 is below 1   PACK_NEGATIVE" in policy("lint", str(broken)).out


def test_lint_speaks_chinese(policy, tmp_path):
    """The remedy in the language asked for."""
    broken = tmp_path / CITY.name
    broken.write_text(CITY.read_text("utf-8").replace("min = 501", "min = 500", 1), "utf-8")
    assert "每一档应从下一档上限加一开始" in policy("lint", str(broken), "--lang", "zh").out


def test_lint_of_sound_packs_ends_well(policy):
    """Exit code 0 for all six, several files in one call; 4 for a file that is not there."""
    files = [str(path) for path in sorted(PACKS_DIRECTORY.glob("*.toml"))]
    called = policy("lint", *files)
    assert (called.status, called.out.count("OK")) == (0, 6)
    assert policy("lint", files[0], "--json").valid("policy-lint")["ok"]
    assert policy("lint", "nowhere.toml").status == 4


def test_diff_shows_only_what_differs(policy):
    """Term, debit and tiers do, the deduction order does not; a pack and itself differ in nothing."""
    called = policy("diff", "xiamen-city-2023", "xiamen-platform-2024")
    assert called.status == 0
    lines = called.out.splitlines()
    assert "debit        on the due date at 9:00 → 72 h after the close" in lines
    assert not [line for line in lines if line.startswith("deduction")]
    document = policy("diff", "xiamen-city-2023", "pingtan-2025", "--json").valid("policy-diff")
    assert {"clause": "idle", "a": ["closed after 12 idle hours"], "b": ["closed after 6 idle hours"]} in document[
        "differences"
    ]
    assert policy("diff", "pingtan-2025", "pingtan-2025", "--json").document["differences"] == []


def test_a_pack_can_be_compared_from_a_file_before_it_is_locked(policy, tmp_path):
    """What a draft would change is seen before anybody installs it."""
    draft = tmp_path / "xiamen-city-2027.toml"
    draft.write_text(CITY.read_text("utf-8").replace('xiamen-city-2023"\ntitle', 'xiamen-city-2027"\ntitle', 1)
                     .replace("hours = 12", "hours = 24"), "utf-8")  # fmt: skip
    called = policy("diff", "xiamen-city-2023", str(draft))
    assert called.out.splitlines() == ["idle         closed after 12 idle hours → closed after 24 idle hours"]


def test_whatif_refuses_a_window_that_ends_before_it_begins(policy):
    """Exit code 2; and 4 for a pack nobody knows."""
    assert (
        policy("whatif", "xiamen-city-2023", "pingtan-2025", "--from", "2026-07-03", "--to", "2026-07-01").status == 2
    )
    assert policy("whatif", "atlantis-1", "pingtan-2025").status == 4


def test_a_hub_with_a_broken_pack_does_not_start(policy, monkeypatch, tmp_path):
    """Configuration, exit code 78: code, pack and clause are said."""
    (tmp_path / CITY.name).write_text(CITY.read_text("utf-8").replace("min = 501", "min = 500", 1), "utf-8")
    monkeypatch.setenv("MEDCREDIT_PACKS_DIR", str(tmp_path))
    called = policy("list")
    assert called.status == 78
    assert "PACK_TIERS_OVERLAP" in called.err
    assert "tiers[1]" in called.err


def test_whatif_without_a_broker_says_so(policy, monkeypatch):
    """Exit code 69: try again."""
    monkeypatch.setenv("MEDCREDIT_PROFILE", "demo")
    monkeypatch.setenv("MEDCREDIT_KAFKA__BOOTSTRAP", "127.0.0.1:9")
    called = policy("whatif", "xiamen-city-2023", "pingtan-2025")
    assert called.status == 69
    assert "DEPENDENCY_UNREACHABLE" in called.err
