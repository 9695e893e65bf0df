"""docs/policies.md names for every clause of every shipped pack the tests that show it."""

from pathlib import Path

import pytest

from hub.cli.clause_tests import clause_tests
from hub.cli.policy_page import POLICY_PAGE, TESTS, policy_page
from hub.policies import load_policies

CLAUSES = [cited.clause for pack in load_policies().packs.values() for cited in pack.citations()]
SHOWN = clause_tests(TESTS)


def test_every_clause_of_every_pack_has_a_test():
    """A clause without a test is a promise nobody checks: mark the test that shows it."""
    assert [clause for clause in CLAUSES if not SHOWN.get(clause)] == []


def test_no_test_names_a_clause_that_there_is_not():
    """A misspelt marker would show nothing."""
    assert [(clause, tests) for clause, tests in SHOWN.items() if clause not in CLAUSES] == []


def test_the_page_is_the_one_that_is_written_now():
    """`medcredit schema write` makes it again; it names each clause once."""
    page = policy_page()
    assert POLICY_PAGE.read_text("utf-8") == page
    for clause in CLAUSES:
        pack, place = clause.split(" ")
        section = page.partition(f"## {pack}\n")[2].partition("\n## ")[0]
        assert section.count(f"| `{place}` |") == 1


def test_a_marker_that_is_not_written_out_is_refused(tmp_path):
    """A name that is computed cannot be read without running the test."""
    file = tmp_path / "test_x.py"
    file.write_text("import pytest\n\n@pytest.mark.clause(NAME)\ndef test_y(): ...\n", "utf-8")
    with pytest.raises(TypeError, match="line 3"):
        clause_tests(tmp_path)


def test_the_collector_reads_markers_of_functions_methods_and_several_clauses(tmp_path):
    """Each name is listed under each clause, in the order of files and lines; other markers are none."""
    text = (
        "import pytest\nclass TestIt:\n    @pytest.mark.clause('p a', 'p b')\n    def test_one(self): ...\n"
        "@pytest.mark.kafka\n@pytest.mark.clause('p a')\nasync def test_two(): ...\n"
    )
    text += "@pytest.mark.clause(*(f'p c[{n}]' for n in range(2)))\ndef test_three(): ...\n"
    Path(tmp_path / "test_x.py").write_text(text, "utf-8")
    shown = clause_tests(tmp_path)
    assert shown["p c[0]"] == shown["p c[1]"] == ["test_x.py::test_three"]
    assert sorted(shown["p a"]) == ["test_x.py::test_one", "test_x.py::test_two"]
    assert shown["p b"] == ["test_x.py::test_one"]
