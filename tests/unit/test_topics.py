"""The topic registry."""

import pytest

from schemas.topics import (
    BATCH_BYTES,
    MAX_MESSAGE_BYTES,
    PRODUCTION_CLUSTER,
    REPLY_PARTITIONS,
    Cluster,
    topics,
)

DAY_MS = 86_400_000


def test_names_and_retention_are_those_of_the_architecture() -> None:
    """Every topic of architecture 3 with its cleanup; the ledger is kept for ever."""
    kept = {topic.name: topic.config.get("retention.ms") for topic in topics().all() if not topic.compacted}
    assert kept == {
        "medcredit.commands.v1": str(35 * DAY_MS),
        "medcredit.ledger.v1": "-1",
        "medcredit.errands.v1": str(35 * DAY_MS),
        "medcredit.facts.v1": str(35 * DAY_MS),
        "medcredit.dead-letters.v1": str(365 * DAY_MS),
        "medcredit.replies.v1": str(DAY_MS // 24),
    }
    compacted = {topic.entity for topic in topics().all() if topic.compacted}
    assert compacted == {"accounts", "view.institution-risk", "view.resource-heatmap"}


def test_accounts_are_compacted_soon() -> None:
    """Restore time depends on it: small segments, a low dirty ratio, an hour at most."""
    config = topics().accounts.config
    assert config["segment.bytes"] == str(32 * 1024 * 1024)
    assert config["min.cleanable.dirty.ratio"] == "0.1"
    assert config["max.compaction.lag.ms"] == "3600000"
    assert "min.compaction.lag.ms" not in config


def test_a_views_newer_row_outlives_a_late_writers_older_one_until_it_is_repaired() -> None:
    """Ten minutes, against the seconds in which the late writer is back in its group."""
    for view in topics().views.values():
        assert int(view.config["min.compaction.lag.ms"]) == 600_000 < int(view.config["max.compaction.lag.ms"])


@pytest.mark.parametrize("partitions", [1, 12, 48])
def test_all_topics_but_replies_have_one_partition_count(partitions: int) -> None:
    """A lane writes only its own partition number of each, so all must have it."""
    for topic in topics(cluster=Cluster(partitions)).all():
        assert topic.partitions == (REPLY_PARTITIONS if topic.entity == "replies" else partitions)


def test_production_keeps_three_copies() -> None:
    """A city's cluster confirms a write on two of three replicas and never elects one that is behind."""
    for topic in topics(cluster=PRODUCTION_CLUSTER).all():
        assert topic.replication == 3
        assert topic.config["min.insync.replicas"] == "2"
        assert topic.config["unclean.leader.election.enable"] == "false"


def test_a_full_batch_passes_every_topic() -> None:
    """The batch size all producers are set for stays below what a topic accepts."""
    assert all(int(topic.config["max.message.bytes"]) == MAX_MESSAGE_BYTES for topic in topics().all())
    assert BATCH_BYTES < MAX_MESSAGE_BYTES


def test_a_prefix_makes_another_set_of_topics() -> None:
    """Two prefixes share no name."""
    assert not {t.name for t in topics("one").all()} & {t.name for t in topics("two").all()}


def test_overrides_change_one_topic_only() -> None:
    """A test's small segments reach the topic named and no other."""
    small = topics(overrides={"accounts": {"segment.bytes": "1048576"}})
    assert small.accounts.config["segment.bytes"] == "1048576"
    assert "segment.bytes" not in small.ledger.config
    assert small.views["institution_risk"].config["segment.bytes"] == str(32 * 1024 * 1024)


@pytest.mark.parametrize("name", ["dead-letters", "dead_letters", "medcredit.dead-letters.v1"])
def test_a_topic_is_found_by_any_of_its_names(name: str) -> None:
    """Operators type what they have seen last."""
    assert topics().by_name(name) is not None
    assert topics().by_name(name).entity == "dead-letters"


def test_a_view_is_found_by_its_table() -> None:
    """The stream table's name leads to its changelog topic; an unknown name to nothing."""
    assert topics().by_name("institution_risk").name == "medcredit.view.institution-risk.v1"
    assert topics().by_name("nothing") is None
