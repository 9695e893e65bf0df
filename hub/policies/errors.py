"""What is wrong with a policy pack: it names file, clause, code and remedy, and the hub does not start."""

from typing import Final, Literal

from schemas.errors import ConfigurationError
from schemas.reasons import Reason

REMEDIES: Final[dict[str, tuple[str, str]]] = {
    "PACK_UNREADABLE": (
        "Write it as TOML in UTF-8, one pack a file.",
        "请用 UTF-8 的 TOML 书写，一个文件一个政策包。",
    ),
    "PACK_ID": ("Name the file as the pack's id.", "文件名须与政策包 id 一致。"),
    "PACK_CLAUSE": ("Write the clause as the shipped packs do.", "请按随附政策包的写法书写该条款。"),
    "PACK_KEY_UNKNOWN": (
        "Correct the spelling, or take the key out; docs/policies.md has every clause.",
        "请改正拼写或删除该键；全部条款见 docs/policies.md。",
    ),
    "PACK_UNCITED": (
        "Name source, paragraph and the rule in your own words.",
        "请写明来源、段落和用自己的话表述的规则。",
    ),
    "PACK_SOURCE_UNKNOWN": (
        "Add the source to [sources], with title and date of publication.",
        "请在 [sources] 中补充该来源的标题和发布日期。",
    ),
    "PACK_NEGATIVE": (
        "Write a whole number that is large enough; durations and amounts are never negative.",
        "请写足够大的整数；期限和金额不得为负。",
    ),
    "PACK_DATES": ("Let valid_to come after valid_from.", "valid_to 须晚于 valid_from。"),
    "PACK_TIER_EMPTY": ("Let max be at least min.", "max 不得小于 min。"),
    "PACK_TIERS_OVERLAP": (
        "Begin each tier one point above the end of the one below it.",
        "每一档应从下一档上限加一开始。",
    ),
    "PACK_TIERS_GAP": (
        "Leave no value between two tiers out; a pack for everyone has a tier for who has no score.",
        "各档之间不得遗漏分值；面向所有人的政策须有无信用分的档位。",
    ),
    "PACK_FREE_DAYS": (
        "Leave at least 42 days free of interest, and debit after them.",
        "免息期不少于 42 天，扣款须在其后。",
    ),
    "PACK_DEBIT_AFTER_TERM": ("Let the debit come before the repayment term ends.", "扣款须早于还款期届满。"),
    "PACK_FEE_ABOVE_CAP": (
        "Lower penalty_bp or interest_bp: together at most 1.5 times the one-year LPR of valid_from.",
        "请降低 penalty_bp 或 interest_bp：合计不超过生效日一年期 LPR 的 1.5 倍。",
    ),
    "PACK_REDUCTIONS_OVERLAP": (
        "Let each pair of days and amount fall into one band only.",
        "每组天数和金额只能落入一个分档。",
    ),
    "PACK_BLACKLIST": (
        "Say what bars a person: more than so many overdue bills, in total or in a row.",
        "请写明累计或连续超过几次即限制使用。",
    ),
    "PACK_POINTS": (
        "Begin the bands at 0, and let higher bands give more points.",
        "分档从 0 开始，档位越高积分越多。",
    ),
    "PACK_STEP_UP": (
        "Let the maximum be at least one step and at least the highest tier.",
        "上限不得低于一次提额和最高档位。",
    ),
    "PACK_DUPLICATE": ("Name each only once.", "每项只写一次。"),
    "PACK_CLAUSES_DISAGREE": (
        "Change one of the two clauses so that both can be kept.",
        "请修改其中一条，使两条可同时遵守。",
    ),
    "PACK_NOT_LOCKED": (
        "Add it to the lock: python -m hub.policies lock [DIRECTORY]",
        "请加入锁定文件：python -m hub.policies lock [目录]",
    ),
    "PACK_CHANGED": (
        "Give the changed pack a new id; an id has one content for ever.",
        "请为修改后的政策包换新 id；一个 id 的内容永不改变。",
    ),
}
"""Every code of a pack's fault, with its remedy in English and Chinese."""


class PackError(ConfigurationError):
    """A pack is unreadable, inconsistent or changed; `code` is a key of REMEDIES, `clause` the place in the file."""

    def __init__(self, code: str, pack: str, clause: str, text: str) -> None:
        remedy, _ = REMEDIES[code]
        about = {"code": code, "pack": pack, "clause": clause, "fault": text, "remedy": remedy}
        super().__init__(Reason.PACK_INVALID, about)
        self.code = code
        self.pack = pack
        self.clause = clause
        self.text = text

    def remedy(self, language: Literal["en", "zh"] = "en") -> str:
        """Return what to do."""
        return REMEDIES[self.code][language == "zh"]
