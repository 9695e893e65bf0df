"""The broker's jars: fetched once with jgo, compared with the checked-in lock at every start.

jgo accepts an archive whose content differs from its own lock, so the comparison is ours: a jar is used only when its
SHA-256 is the one in `jars.lock`, whether it was fetched now or years ago.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.cache import cache_dir
from infra.errors import StartError

LOCK_FILE = Path(__file__).with_name("jars.lock")
_CONNECTIONS = 4
_CHUNK = 1 << 20
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One line of the lock: a Maven coordinate `group:artifact:version` and the SHA-256 of its jar in hex."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The jar's name in the cache directory, unique because it carries the group."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group}.{artifact}-{version}.jar"


def read_lock(path: Path = LOCK_FILE) -> tuple[LockedJar, ...]:
    """Return the locked jars in class path order; raise `StartError` on a line that is not `coordinate sha256`."""
    jars = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        coordinate, _, digest = line.partition(" ")
        if coordinate.count(":") != 2 or len(digest) != 64:
            raise StartError(f"{path.name} line {number} is not `group:artifact:version sha256`: restore it from git")
        jars.append(LockedJar(coordinate, digest))
    return tuple(jars)


def ensure_jars(report: Callable[[str], None] = lambda _text: None, lock_file: Path = LOCK_FILE) -> list[Path]:
    """Return the verified jars, fetching what is missing; idempotent, safe for several processes at once.

    Raises `StartError` when a jar differs from the lock (nothing is then run) or cannot be fetched.
    """
    jars = read_lock(lock_file)
    directory = cache_dir() / "jars"
    directory.mkdir(exist_ok=True, mode=0o700)
    missing = [jar for jar in jars if not (directory / jar.file_name).exists()]
    if missing:
        report(f"fetching {len(missing)} of {len(jars)} Kafka jars")
        _fetch_all(missing, directory)
    for jar in jars:
        _verify(directory / jar.file_name, jar)
    return [directory / jar.file_name for jar in jars]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _verify(path: Path, jar: LockedJar) -> None:
    if sha256_of(path) != jar.sha256:
        raise StartError(
            f"{path} is not {jar.coordinate} of jars.lock (SHA-256 differs). Delete that file and start again"
        )


def _fetch_all(jars: list[LockedJar], directory: Path) -> None:
    """Fetch into a private directory, verify, then rename: an interrupted or tampered download never gets a name."""
    with tempfile.TemporaryDirectory(dir=directory, prefix="fetch-") as scratch:

        def fetch(jar: LockedJar) -> None:
            fetched = _resolve(jar.coordinate, Path(scratch))
            _verify(fetched, jar)
            fetched.replace(directory / jar.file_name)

        with ThreadPoolExecutor(max_workers=_CONNECTIONS) as pool:
            list(pool.map(fetch, jars))


def _resolve(coordinate: str, repository: Path) -> Path:
    """Let jgo fetch exactly this coordinate (no dependency resolution: the lock already is the answer)."""
    import requests  # noqa: PLC0415 - jgo and requests cost 0.3 s and are needed on the first start only
    from jgo.maven import MavenContext  # noqa: PLC0415

    _trust_this_machine()
    group, artifact, version = coordinate.split(":")
    context = MavenContext(repo_cache=repository, remote_repos=remote_repositories(), timeout=60)
    try:
        return Path(context.project(group, artifact).at_version(version).artifact().resolve())
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise StartError(
            f"cannot fetch {coordinate}: {error}. Check the network, or set MEDCREDIT_MAVEN to a mirror's address"
        ) from error


def _trust_this_machine() -> None:
    """Let requests, which brings its own list, trust the machine's authorities: some networks have one of their own."""
    known = next((path for path in _CERTIFICATES if Path(path).exists()), None)
    if known is not None:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ.get("SSL_CERT_FILE", known))


def remote_repositories() -> dict[str, str]:
    """Return the Maven repositories to ask: `MEDCREDIT_MAVEN` when set (a mirror), else Maven Central."""
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - see `_resolve`

    return {"central": os.environ.get("MEDCREDIT_MAVEN") or str(MAVEN_CENTRAL_URL)}
