"""The account lanes: one transactional writer for each partition, exactly once (architecture 4, kernel.md).

All writes of partition n go through one producer with the transactional id `<group>-<n>`. Opening a lane asks the
broker for that id first: it finishes or aborts the predecessor's transaction and raises the epoch; afterwards nobody
else can change the partition's state or offset. Only then are both read. Memory changes only after a commit. Membership
of the consumer group is a hint; the epoch is the lease.
"""
