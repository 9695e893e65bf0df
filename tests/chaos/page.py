"""Writes what a run came to into docs/chaos.md, instead of an older row of the same name and seed."""

from pathlib import Path

from harness import HEAD, Run

_PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"
_PLANTED_HEAD = "| planted fault | seed | faults beside it | complaints | the oracle says |\n|---|---|---|---|---|"


def note_run(run: Run) -> None:
    """Put a run's row into the table of runs."""
    _put("runs", HEAD, f"| {run.plan.name} | {run.plan.seed} |", run.row())


def note_planted(run: Run, said: str) -> None:
    """Put a planted fault into its table, with the complaint that names it."""
    same = f"| {run.plan.plant} | {run.plan.seed} |"
    row = f"{same} {'; '.join(run.record.done) or '-'} | {len(run.wrong)} | {said.replace('|', '/')} |"
    _put("planted", _PLANTED_HEAD, same, row)


def _put(name: str, head: str, same: str, row: str) -> None:
    text = _PAGE.read_text("utf-8")
    before, begin, rest = text.partition(f"<!-- {name} -->")
    rows, end, after = rest.partition(f"<!-- end of {name} -->")
    kept = [each for each in rows.strip().splitlines()[2:] if not each.startswith(same)]
    table = "\n".join([head, *sorted([*kept, row])])
    _PAGE.write_text(f"{before}{begin}\n{table}\n{end}{after}", "utf-8")
