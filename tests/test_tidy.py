"""One walk over the tree that reports every complaint at once: lengths, docstrings, banned calls, stray words."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70
MAY_CATCH_ALL = ("tests/", "streams/", "hub/roles/", "hub/runtime/supervisor.py", "hub/simulate/seeded/runs.py")
GENERATED = ("uv.lock", "schemas/json/", "schemas/asyncapi", "schemas/openapi", "hub/web/static/", "tests/samples/")
BANNED_TEXT = {
    re.compile(r"/(?:work|root|home)/"): "names a path of one machine",
    re.compile(r"\b(?:TODO|FIXME|XXX)\b"): "leaves work for later: do it, or say it in the changelog",
    re.compile(r"(?:files\.pythonhosted|registry\.npmjs)\."): "names a package registry's host",
}
BANNED_NAMES = re.compile(r"(?:^|_)(?:utils|helpers?|manager)(?:_|$)")


def tracked_files() -> list[Path]:
    """Return the files git tracks or would track, generated ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.splitlines() if not name.startswith(GENERATED)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def complaints_about_text(path: Path, name: str) -> Iterator[str]:
    """Yield complaints about words and length of a text file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return
    if path.name == Path(__file__).name:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, complaint in BANNED_TEXT.items():
            if pattern.search(line):
                yield f"{name}:{number}: {complaint}"
    if path.suffix == ".py" and text.count("\n") > FILE_LINES_MAX:
        yield f"{name}: {text.count(chr(10))} lines; a file is about one thing and has at most {FILE_LINES_MAX}"


def complaints_about_code(path: Path, name: str) -> Iterator[str]:
    """Yield complaints about functions, names, exceptions and test docstrings of a Python file."""
    tree = ast.parse(path.read_text("utf-8"))
    if BANNED_NAMES.search(path.stem):
        yield f"{name}: name the thing, not its role for others"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{name}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"
            if name.startswith("tests/") and node.name.startswith("test_") and not ast.get_docstring(node):
                yield f"{name}:{node.lineno}: {node.name} has no docstring that says what it expects"
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not name.startswith(MAY_CATCH_ALL):
            yield f"{name}:{node.lineno}: catches everything; only the shells that stop the process may"


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Return True for a handler of everything that does not end by raising it again."""
    everything = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )
    last = handler.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)


def test_the_tree_is_tidy():
    """Every tracked file keeps the house rules; all complaints are shown at once."""
    complaints: list[str] = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        complaints += complaints_about_text(path, name)
        if path.suffix == ".py":
            complaints += complaints_about_code(path, name)
    assert not complaints, "\n" + "\n".join(complaints)


def test_no_two_test_files_share_a_name():
    """Test folders are no packages: of two files of one name only one is collected, the other is an error."""
    names = Counter(path.name for path in tracked_files() if path.name.startswith("test_"))
    assert not [name for name, count in names.items() if count > 1]
