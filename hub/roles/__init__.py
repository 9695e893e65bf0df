"""One module for each role: it wires adapters, streams and runtime, and nothing else."""
