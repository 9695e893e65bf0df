"""Clearing: what is counted and compared after the day is over (domain 10, 11). Pure: no clock, no input, no output.

Books are compared entry by entry, differences explained by the fewest entries, days closed under one Merkle root,
advances gathered into batches with control totals.
"""
