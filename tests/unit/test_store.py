"""What an embedded service may remove: the directories it marked as its own, nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import StartError
from infra.kafka import EmbeddedKafka
from infra.postgres import EmbeddedPostgres
from infra.store import make_store, remove_store


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    """A current directory with a file that must survive."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "work.py").write_text("years of it")
    before = Path.cwd()
    os.chdir(directory)
    yield directory / "work.py"
    os.chdir(before)


@pytest.mark.parametrize("service", [EmbeddedKafka, EmbeddedPostgres])
def test_a_service_that_never_started_removes_nothing(service, precious: Path) -> None:
    """Destroying it leaves the current directory as it is."""
    service().destroy()
    assert precious.read_text() == "years of it"


@pytest.mark.parametrize("service", [EmbeddedKafka, EmbeddedPostgres])
def test_a_service_does_not_take_over_a_directory_with_files(service, precious: Path) -> None:
    """Started on somebody else's directory it refuses, and destroying it afterwards leaves every file."""
    refused = service()
    with pytest.raises(StartError, match="holds files"):
        refused.start(precious.parent)
    refused.destroy()
    assert precious.read_text() == "years of it"


@pytest.mark.parametrize("path", [Path(), Path("relative"), None])
def test_relative_and_empty_paths_are_never_removed(path: Path | None, precious: Path) -> None:
    """Not even when the current directory carries the mark."""
    make_store(precious.parent / "relative")
    (precious.parent / ".medcredit-store").touch()
    remove_store(path)
    assert precious.exists()
    assert (precious.parent / "relative").is_dir()


def test_only_a_marked_directory_is_removed(tmp_path: Path) -> None:
    """What `make_store` made goes, what it did not make stays."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    make_store(ours)
    (ours / "log").touch()
    theirs.mkdir()
    remove_store(ours)
    remove_store(theirs)
    assert (ours.exists(), theirs.exists()) == (False, True)


@pytest.mark.usefixtures("precious")
def test_a_store_is_made_in_an_absolute_place() -> None:
    """A relative path would mean another directory after the next change of directory."""
    with pytest.raises(ValueError, match="not an absolute path"):
        make_store(Path("relative"))
