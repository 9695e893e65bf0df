"""What a simulated city must not come to."""


class FaultError(AssertionError):
    """An invariant is broken; `number` is that of domain 15, 0 for a decision that raised."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"invariant {number}: {text}" if number else text)
        self.number = number
        self.text = text
        """What is wrong, with the account or an id that begins with it."""
