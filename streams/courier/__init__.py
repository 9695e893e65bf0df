"""The courier: every outbound call, one per errand, its result back as a command; relays between accounts."""
