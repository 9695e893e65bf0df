"""What is wrong with a policy pack: it names file, clause, code and remedy, and the hub does not start."""

from typing import Final

REMEDIES: Final[dict[str, str]] = {
    "PACK_UNREADABLE": "Write it as TOML in UTF-8, one pack a file.",
    "PACK_ID": "Name the file as the pack's id.",
    "PACK_CLAUSE": "Write the clause as the shipped packs do.",
    "PACK_KEY_UNKNOWN": "Correct the spelling, or take the key out; docs/policies.md has every clause.",
    "PACK_UNCITED": "Name source, paragraph and the rule in your own words.",
    "PACK_SOURCE_UNKNOWN": "Add the source to [sources], with title and date of publication.",
    "PACK_NEGATIVE": "Write a whole number that is large enough; durations and amounts are never negative.",
    "PACK_DATES": "Let valid_to come after valid_from.",
    "PACK_TIER_EMPTY": "Let max be at least min.",
    "PACK_TIERS_OVERLAP": "Begin each tier one point above the end of the one below it.",
    "PACK_TIERS_GAP": "Begin the first tier at 0, let no value between two tiers be left out, end the last one open.",
    "PACK_FREE_DAYS": "Leave at least 42 days free of interest, and debit after them.",
    "PACK_DEBIT_AFTER_TERM": "Let the debit come before the repayment term ends.",
    "PACK_FEE_ABOVE_CAP": "Lower penalty_bp or interest_bp: together at most 1.5 times the one-year LPR of every day.",
    "PACK_REDUCTIONS_OVERLAP": "Let each pair of days and amount fall into one band only.",
    "PACK_BLACKLIST": "Say what bars a person: more than so many overdue bills, in total or in a row.",
    "PACK_POINTS": "Begin the bands at 0, and let higher bands give more points.",
    "PACK_STEP_UP": "Let the maximum be at least one step and at least the highest tier.",
    "PACK_DUPLICATE": "Name each only once.",
    "PACK_CLAUSES_DISAGREE": "Change one of the two clauses so that both can be kept.",
    "PACK_NOT_LOCKED": "Add it to the lock: python -m hub.policies lock [DIRECTORY]",
    "PACK_CHANGED": "Give the changed pack a new id; an id has one content for ever.",
}
"""Every code of a pack's fault, with its remedy."""


class PackError(ValueError):
    """A pack is unreadable, inconsistent or changed; `code` is a key of REMEDIES, `clause` the place in the file."""

    def __init__(self, code: str, pack: str, clause: str, text: str) -> None:
        super().__init__(f"{code}: pack {pack}, clause {clause}: {text}")
        self.code = code
        self.pack = pack
        self.clause = clause
        self.text = text

    @property
    def do(self) -> str:
        """Return the remedy."""
        return REMEDIES[self.code]
