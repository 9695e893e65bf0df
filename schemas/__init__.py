"""The vocabulary of the hub: money, ids, reasons, topics, commands, events, ledger records and errands."""
