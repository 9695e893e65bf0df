"""docs/policies.md: every clause of every shipped pack in words, its source, and the tests that show it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from hub.cli.clause_tests import clause_tests
from hub.policies import Pack, load_policies
from hub.policies.lpr import LprTable
from hub.policies.words import figures, place
from schemas.city_time import city_date

ROOT: Final = Path(__file__).parents[2]
POLICY_PAGE: Final = ROOT / "docs" / "policies.md"
TESTS: Final = ROOT / "tests"
_FOREVER: Final = 1 << 61
_HEAD: Final = """# The policy packs

Written from the packs and the tests by `medcredit schema write`; do not edit.

A pack is one city's or one hospital's policy for a time: a TOML file in `hub/policies/packs`, or in the directory that
`MEDCREDIT_PACKS_DIR` names. The pack that applies is chosen by institution, the person's agreement and the time of the
event. Each clause says in our own words what a public description says, and names it by key and paragraph; where that
gives no rule or no amount, the sentence says that it is ours. A clause that a pack leaves out is a rule it lacks.

A new city is a new file and no code: write it, check it with `medcredit policy lint`, put it into the directory, lock
it with `python -m hub.policies lock DIRECTORY` (an id has one content for ever), and set `MEDCREDIT_PACKS_DIR` for all
roles. `medcredit policy whatif` tells beforehand what it would change.
"""


def policy_page() -> str:
    """Return the page."""
    policies, tests = load_policies(), clause_tests(TESTS)
    packs = sorted(policies.packs.values(), key=lambda pack: (pack.valid_from, pack.id))
    parts = [_HEAD, *(_section(pack, tests) for pack in packs), _lpr(policies.lpr)]
    return "\n".join(parts)


def _section(pack: Pack, tests: dict[str, list[str]]) -> str:
    ends = f" to {city_date(pack.valid_to).isoformat()}" if pack.valid_to < _FOREVER else ""
    lines = [
        f"## {pack.id}",
        "",
        f"{pack.title} · {pack.title_zh} · in force from {city_date(pack.valid_from).isoformat()}{ends}",
        "",
        *(f"- `{source.key}`: {source.title}, {source.published}" for source in pack.sources),
        "",
        "| clause | amounts to | rule | source | shown by |",
        "|---|---|---|---|---|",
        *_rows(pack, tests),
    ]
    return "\n".join(lines) + "\n"


def _rows(pack: Pack, tests: dict[str, list[str]]) -> Iterator[str]:
    for (field, clause), cited in zip(pack.clauses(), pack.citations(), strict=True):
        shown = "<br>".join(
            f"[{each.partition('::')[2]}](../tests/{each.partition('::')[0]})" for each in tests.get(cited.clause, [])
        )
        yield f"| `{place(cited)}` | {figures(pack, field, clause)} | {cited.rule} | {cited.source} | {shown} |"


def _lpr(table: LprTable) -> str:
    rows = [
        f"| {date.fromordinal(rate.from_day).isoformat()} | {rate.bp // 100}.{rate.bp % 100:02d} % |"
        for rate in table.rates
    ]
    return "\n".join(
        [
            "## The one-year loan prime rate",
            "",
            f"{table.source}. A period across a change counts day by day; the sum is rounded down once.",
            "",
            "| in force from | rate |",
            "|---|---|",
            *rows,
            "",
        ]
    )
