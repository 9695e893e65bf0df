"""The lock of the broker's jars: nothing else is ever run."""

from pathlib import Path

import pytest

from infra.cache import cache_dir
from infra.errors import StartError
from infra.kafka.jars import ensure_jars, read_lock, sha256_of

COORDINATE = "org.example:part:1.0"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network: a mirror that nobody answers."""
    monkeypatch.setenv("MEDCREDIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MEDCREDIT_MAVEN", "http://127.0.0.1:9/")
    (tmp_path / "cache" / "jars").mkdir(parents=True, mode=0o700)
    return tmp_path / "cache" / "jars"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one jar whose content is `good`."""
    good = tmp_path / "good"
    good.write_bytes(b"good")
    path = tmp_path / "jars.lock"
    path.write_text(f"# comment\n{COORDINATE} {sha256_of(good)}\n")
    return path


def test_a_jar_as_locked_is_used_without_network(cache: Path, lock: Path) -> None:
    """What is in the cache and has the locked sum is used as it is."""
    jar = cache / "org.example.part-1.0.jar"
    jar.write_bytes(b"good")
    assert ensure_jars(lock_file=lock) == [jar]


def test_a_tampered_jar_is_refused(cache: Path, lock: Path) -> None:
    """A jar with other content stops the start and names the file; it is neither run nor silently replaced."""
    jar = cache / "org.example.part-1.0.jar"
    jar.write_bytes(b"evil")
    with pytest.raises(StartError, match=r"org\.example\.part-1\.0\.jar is not org\.example:part:1\.0"):
        ensure_jars(lock_file=lock)
    assert jar.read_bytes() == b"evil"


def test_a_jar_that_cannot_be_fetched_says_what_to_do(cache: Path, lock: Path) -> None:
    """Without cache and network the error names the coordinate and the setting for a mirror; nothing is left behind."""
    with pytest.raises(StartError, match=f"cannot fetch {COORDINATE}.*MEDCREDIT_MAVEN"):
        ensure_jars(lock_file=lock)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("line", ["org.example:part:1.0", "org.example:part 00", "a:b:c " + "0" * 63])
def test_a_damaged_lock_is_refused(tmp_path: Path, line: str) -> None:
    """A line without coordinate or full sum is named by number."""
    path = tmp_path / "jars.lock"
    path.write_text(f"# comment\n{line}\n")
    with pytest.raises(StartError, match="line 2"):
        read_lock(path)


def test_the_checked_in_lock_names_one_kafka() -> None:
    """All of Kafka's jars have one version, and none is there twice."""
    jars = read_lock()
    versions = {jar.coordinate.split(":")[2] for jar in jars if jar.coordinate.startswith("org.apache.kafka:")}
    assert versions == {"4.1.0"}
    names = [jar.coordinate.rsplit(":", 1)[0] for jar in jars]
    assert len(set(names)) == len(names)


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit directory wins over XDG, XDG over the home; without a usable one it is this user's temporary one."""
    monkeypatch.delenv("MEDCREDIT_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "medcredit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == tmp_path / "home" / ".cache" / "medcredit"
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_dir().parent == tmp_path
    monkeypatch.setenv("MEDCREDIT_CACHE", "/proc/nowhere")
    with pytest.raises(StartError, match="MEDCREDIT_CACHE"):
        cache_dir()
