"""What is wrong with a policy pack: it names file, clause, code and remedy, and the hub does not start."""


class PackError(ValueError):
    """A pack is unreadable, inconsistent or changed; `code` is a PACK_* word, `clause` the place in the file."""

    def __init__(self, code: str, pack: str, clause: str, text: str) -> None:
        super().__init__(f"{code}: pack {pack}, clause {clause}: {text}")
        self.code = code
        self.pack = pack
        self.clause = clause
        self.text = text
