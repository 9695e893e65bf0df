"""What goes wrong in a launcher."""


class StartError(RuntimeError):
    """An embedded service cannot start; the message says why and what to do."""


class PortTakenError(StartError):
    """Another program has the port; the same server may start on another one."""
