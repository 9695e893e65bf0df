"""Banks: the settlement file of an advance batch, and the bank's word about batches and collections (domain 10)."""
