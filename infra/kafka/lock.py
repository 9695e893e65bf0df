"""Write `jars.lock` anew: `python -m infra.kafka.lock`. Done by hand when the Kafka version changes, then reviewed.

kafka-clients is named as a root because jgo, left alone, takes its version from another artifact's managed versions.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from jgo.maven import MavenContext
from jgo.parse import Coordinate

from infra.kafka.jars import LOCK_FILE, remote_repositories, sha256_of

KAFKA_VERSION = "4.1.0"
LOG4J_VERSION = "2.24.3"
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
)


def main() -> int:
    """Resolve the roots with their run-time dependencies, fetch each jar and write coordinate and SHA-256."""
    with tempfile.TemporaryDirectory() as repository:
        context = MavenContext(repo_cache=Path(repository), remote_repos=remote_repositories(), timeout=60)
        wanted = [context.create_dependency(replace(Coordinate.parse(root), scope="compile")) for root in ROOTS]
        roots, dependencies = context.resolver.resolve(wanted)
        artifacts = [d.artifact for d in (*roots, *dependencies) if d.scope in ("compile", "runtime")]
        lines = sorted(f"{a.groupId}:{a.artifactId}:{a.version} {sha256_of(Path(a.resolve()))}" for a in artifacts)
    LOCK_FILE.write_text("\n".join(["# written by python -m infra.kafka.lock: coordinate SHA-256", *lines, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
