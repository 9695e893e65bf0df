"""A real Apache Kafka (KRaft, one node, loopback) on a machine without Java: see `broker`."""

from infra.kafka.broker import EmbeddedKafka

__all__ = ["EmbeddedKafka"]
