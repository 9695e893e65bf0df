"""The clauses of a policy pack: what each rule is made of. A clause that a pack leaves out is the neutral default here.

Amounts are fen, rates basis points a year, hours those of the city's day. Every clause carries its `Citation`.
"""

from typing import Final, Literal, NamedTuple

from schemas.commands import Scene

Provider = Literal["egret", "sesame", "bank", "none"]
"""Who gives the score of a tier; `none` is the tier of a person without any score."""
Fallback = Literal["second_channel", "family", "bank_line"]
ReliefKind = Literal["civil_affairs", "insurance_claim", "fiscal"]


class Citation(NamedTuple):
    """Where a clause comes from: key and paragraph of a public description, the rule in our words."""

    clause: str
    """`xiamen-city-2023 tiers[0]`."""
    source: str
    """`xiamen-city-2023 ¶3`."""
    rule: str
    rule_zh: str = ""


UNCITED: Final = Citation("", "", "")
"""Of a clause that the pack leaves out."""


class Source(NamedTuple):
    """A public description that clauses rest on; a clause may cite only a source its own pack names."""

    key: str
    title: str
    published: str
    """Year, month or day, as far as it is known: `2023`, `2023-07`, `2025-08-31`."""


class Tier(NamedTuple):
    """One step of a score: values from `low` to `high`, both included, give this line."""

    provider: Provider
    low: int
    high: int
    limit_fen: int
    offer: bool
    """True: the bank's own offer applies, never below `limit_fen`."""
    citation: Citation


class Funding(NamedTuple):
    """Who lends: the institution itself, or the bank that the person chose."""

    by: Literal["bank", "institution"]
    citation: Citation


class Enrolment(NamedTuple):
    """Who may sign, and what is asked before."""

    who: Literal["consenting", "everyone"] = "consenting"
    """`everyone`: no person is left without a tier, so the tiers may leave no gap."""
    dishonesty_check: bool = False
    """A person with a dishonesty record (失信记录) gets no line."""
    insured_only: bool = False
    insurance_link: bool = False
    """The insurance card must have been linked once at a counter."""
    insurance_credit_check: bool = False
    """The insurer's credit check must have passed."""
    citation: Citation = UNCITED


class Deposit(NamedTuple):
    """For whom the institution waives a deposit: everyone from this Egret score (0: everyone), up to an amount."""

    waived: bool = False
    min_score: int = 0
    up_to_fen: int = 0
    """0: no upper limit."""
    citation: Citation = UNCITED


class Presets(NamedTuple):
    """Fee-control presets (费控预设) on the credit step; 0 means none."""

    per_visit_fen: int = 0
    per_day_fen: int = 0
    citation: Citation = UNCITED
    per_item_class_fen: tuple[tuple[str, int], ...] = ()
    """Item class (the letters an item's code begins with) and fen for one visit; longest class first."""


class Holds(NamedTuple):
    """Where a stay's credit is held first and captured later (预授权), and for how many days a hold lives."""

    scenes: frozenset[Scene] = frozenset()
    days: int = 0
    citation: Citation = UNCITED


class Settlement(NamedTuple):
    """True: everything of a visit, self-pay included, is settled at once when the visit ends."""

    all_at_visit_end: bool = False
    citation: Citation = UNCITED


class Repayment(NamedTuple):
    """Clock 1, the term, counted from the close.

    `days`: so many times 24 h · `day_hour`: at `hour` of the `days`-th city day after it · `due_date`: the bank's due
    date, which leaves `days` whole days free and ends at `hour` · `visit_end`: at the end of the `days`-th city day
    after it, as everything is paid at the end of the visit.
    """

    kind: Literal["days", "day_hour", "due_date", "visit_end"]
    days: int
    hour: int
    citation: Citation


class Debit(NamedTuple):
    """Clock 2: `hours` after closing whoever the person is, or on the due date at `hour` by the person's consent."""

    on: Literal["after_close", "due_date"]
    hours: int
    hour: int
    citation: Citation


class Retry(NamedTuple):
    """After insufficient funds: at these hours of later city days, so many attempts in all."""

    hours: tuple[int, ...] = (10,)
    """When money is likely there (发薪, 午间); the n-th retry takes the n-th hour, round and round."""
    attempts: int = 1
    last_days_before_term: int = 0
    """The last try comes at the latest on the n-th day before the term ends; 0: no such rule."""
    citation: Citation = UNCITED


class Quiet(NamedTuple):
    """No message to a person from `from_hour` until `to_hour` of the city's day; equal hours: no quiet time."""

    from_hour: int = 0
    to_hour: int = 0
    citation: Citation = UNCITED


class Fallbacks(NamedTuple):
    """Who is asked next, in this order and only by consent, when a debit failed for good."""

    order: tuple[Fallback, ...] = ()
    citation: Citation = UNCITED


class Overdue(NamedTuple):
    """What passing the term does, and on which day after payment credit resumes."""

    suspends: bool
    resume_after_days: int
    citation: Citation
    reminder_days: tuple[int, ...] = ()
    """Days from the end of the term, ascending; below 0 before it."""
    report_to_score: bool = False
    """An overdue bill is reported to the score's source."""


class Reduction(NamedTuple):
    """What arrears cost: from `days_from` up to and including `days_to` days, from `fen_from` to `fen_to` fen."""

    days_from: int
    days_to: int
    fen_from: int
    fen_to: int
    cut_percent: int
    """Of the line; 100 cancels it."""
    citation: Citation


class Blacklist(NamedTuple):
    """Barred and blacklisted when MORE than so many bills were overdue, in total or in a row; 0: never."""

    after_total: int = 0
    after_in_row: int = 0
    citation: Citation = UNCITED


class Repair(NamedTuple):
    """A clean record for `clean_months` months lowers both counters by `lowers`; 0 months: never."""

    clean_months: int = 0
    lowers: int = 0
    citation: Citation = UNCITED


class PointsBand(NamedTuple):
    """Points for having repaid at least so much AND so often in the rewarded months."""

    repaid_from_fen: int
    repayments_from: int
    points: int


class Reward(NamedTuple):
    """Score points (守信激励) for so many months on time, in a row; 0 months: none."""

    months_on_time: int = 0
    points: tuple[PointsBand, ...] = ()
    citation: Citation = UNCITED


class StepUp(NamedTuple):
    """Each repayment on time raises the line by so much, up to a maximum; 0: never."""

    per_repayment_fen: int = 0
    maximum_fen: int = 0
    citation: Citation = UNCITED


class Privilege(NamedTuple):
    """An entitlement that the API answers: who has it is a score and a number of months on time."""

    code: str
    title: str
    title_zh: str
    min_score: int
    """Lowest Egret score; 0: any."""
    months_on_time: int
    citation: Citation


class Family(NamedTuple):
    """Family payment (亲情付): minors share a parent's line, adult children may repay; both consent."""

    minors_until: int = 0
    """Age in years from which a child has no part in a parent's line; 0: no sharing."""
    adult_children_pay: bool = False
    citation: Citation = UNCITED


class Bank(NamedTuple):
    """What a funding bank must keep to: free days, advance, who bears a default, and what a late payer costs."""

    free_days: int = 0
    advance_days: int = 0
    """The institution has the money so many city days after the posting (T+n)."""
    bears_default: bool = False
    penalty_bp: int = 0
    interest_bp: int = 0
    cap_numerator: int = 3
    cap_denominator: int = 2
    """Penalty and interest together stay at or below this many times the one-year LPR."""
    citation: Citation = UNCITED


class Relief(NamedTuple):
    """A third party may pay for a hardship patient; while a case is open, nothing becomes overdue if `pauses`."""

    kind: ReliefKind
    pauses: bool
    approvals: int
    """How many different people must agree."""
    citation: Citation


Waiver = Literal["suspension", "reduction", "deposit"]
"""What the white list may spare a person: to be suspended, to have the line cut, to pay a deposit."""


class Lists(NamedTuple):
    """White and black lists of persons: who stands on one, for how long at most, by how many people's decision."""

    white: bool = False
    black: bool = False
    approvals: int = 0
    max_days: int = 0
    """0: until taken off."""
    citation: Citation = UNCITED
    waives: tuple[Waiver, ...] = ()
    """What persons on the white list are spared."""
