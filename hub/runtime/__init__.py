"""The outside world behind small protocols: settings, clocks, Kafka, logs, metrics, health, processes, keys."""
