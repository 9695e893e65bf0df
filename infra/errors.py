"""What goes wrong in a launcher."""


class StartError(RuntimeError):
    """An embedded service cannot start; the message says why and what to do."""
