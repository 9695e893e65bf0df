"""Which test shows which clause of a policy pack, read from the tests without running them.

A test names the clauses it shows by their full name, the pack's id and the place in its file, several if it shows
several. The names are written out (a literal), so that they can be read without importing the test:

    @pytest.mark.clause("xiamen-city-2023 tiers[0]", "xiamen-city-2023 tiers[1]")
    def test_a_score_of_500_gives_500_yuan(): ...

All clauses of a list may be named by their count: `*(f"xiamen-platform-2024 privileges[{n}]" for n in range(15))`.
A rule that several packs share is shown by one test with all their names. `docs/policies.md` prints the test beside the
clause; `tests/unit/test_policy_page.py` fails when a clause has no test, and when a marker names no clause.
"""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


def clause_tests(folder: Path) -> dict[str, list[str]]:
    """Return clause → its tests as `unit/test_x.py::test_y`, in the order of files and lines."""
    shown: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for clause, name in _marked(ast.parse(path.read_text("utf-8"))):
            shown.setdefault(clause, []).append(f"{path.relative_to(folder).as_posix()}::{name}")
    return shown


def _marked(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                yield from ((clause, node.name) for clause in _clauses(decorator))


def _clauses(decorator: ast.expr) -> Iterator[str]:
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "pytest.mark.clause":
        return
    for argument in decorator.args:
        match argument:
            case ast.Constant(value=str(name)):
                yield name
            case ast.Starred(
                value=ast.GeneratorExp(
                    elt=ast.JoinedStr(values=parts),
                    generators=[
                        ast.comprehension(iter=ast.Call(func=ast.Name("range"), args=[ast.Constant(int(count))]))
                    ],
                )
            ):
                yield from (_numbered(parts, number) for number in range(count))
            case _:
                raise TypeError(f"line {argument.lineno}: write the clause's name out")


def _numbered(parts: Sequence[ast.expr], number: int) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else str(number) for part in parts)
