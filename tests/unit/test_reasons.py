"""One registry of reasons: each is raised somewhere, and says in both languages what happened and what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from schemas.reasons import REASONS, Reason, reason_text

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("adapters", "hub", "infra", "streams", "schemas")
SAID_BY_ITSELF = frozenset((Reason.SAME_PERSON, Reason.LINK_INSURANCE_AT_COUNTER, Reason.CREDIT_EXHAUSTED))
"""Texts of experience 6 whose one sentence holds the remedy."""
HAN = "\u4e00-\u9fff"


def named_in_code() -> Iterator[str]:
    """Yield every member of `Reason` that shipped code names, outside the registry itself."""
    for folder in SHIPPED:
        for path in (ROOT / folder).rglob("*.py"):
            if path == ROOT / "schemas" / "reasons.py":
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason":
                    yield node.attr


def places(text: str) -> set[str]:
    """Return the names in braces of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_reason_is_raised_somewhere_and_none_is_named_that_does_not_exist():
    """A code that nothing can say is a promise to senders that is never kept."""
    assert set(named_in_code()) == set(Reason.__members__)


def test_every_reason_has_its_texts():
    """The registry is complete; names and values are the same word."""
    assert set(REASONS) == set(Reason)
    assert all(member.name == member.value for member in Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_says_what_happened_and_what_to_do_in_both_languages(reason: Reason):
    """Experience 6: cause and remedy, at most two or three short sentences, no blame, apology or exclamation mark."""
    entry = REASONS[reason]
    assert len(re.findall(r"[.;](?:\s|$)|: ", entry.en)) >= (1 if reason in SAID_BY_ITSELF else 2), entry.en
    assert not re.search(r"!|sorry|please try|invalid\b", entry.en, re.IGNORECASE)
    assert not re.search(rf"[{HAN}][,;:!?()][{HAN}]", entry.zh), "half-width punctuation between Han"
    assert not re.search(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9][{HAN}]", entry.zh), "no space between Han and letters"
    assert re.search(rf"[{HAN}]", entry.zh)
    assert places(entry.en) == places(entry.zh)


@pytest.mark.parametrize("reason", Reason)
def test_a_text_without_its_parameters_is_still_a_sentence(reason: Reason):
    """A missing parameter shows as a dash, never as an error or a brace."""
    for language in ("en", "zh"):
        said = reason_text(reason, language)
        assert said
        assert "{" not in said


@pytest.mark.parametrize("reason", [reason for reason in Reason if REASONS[reason].retriable])
def test_only_a_reason_of_the_moment_is_retriable(reason: Reason):
    """Experience 6: say whether to try again; the status says the same."""
    assert REASONS[reason].status in (408, 409, 429, 503) or reason is Reason.FRAME_UNTERMINATED


def test_http_and_hl7_agree_who_is_at_fault():
    """A gateway's status is one that HTTP knows; AR and AE are table 0008's, the codes table 0357's."""
    known = {"0", "100", "101", "102", "103", "104", "200", "201", "202", "203", "204", "205", "206", "207"}
    for reason, entry in REASONS.items():
        assert entry.ack in ("AE", "AR"), reason
        assert entry.hl7 in known, reason
        assert 200 <= entry.status < 600, reason


@pytest.mark.parametrize(
    ("reason", "parameters", "english", "chinese"),
    [
        (
            Reason.CREDIT_EXHAUSTED,
            {"available": "100.00", "rest": "375.00"},
            "Credit available was 100.00; 375.00 is to be paid at the window.",
            "信用额度可用 100.00 元，其余 375.00 元请到窗口支付。",
        ),
        (
            Reason.CREDIT_EXCEEDS,
            {"asked": "200.00", "left": "150.00"},
            "The refund of 200.00 is above what is left of this charge (150.00). Refund at most 150.00.",
            "退费 200.00 元超过该费用剩余 150.00 元，最多可退 150.00 元。",
        ),
        (
            Reason.SUSPENDED,
            {},
            "Credit is suspended because of an overdue bill. It resumes the day after it is paid.",
            "因有逾期账单，信用就医已暂停；还清次日恢复。",
        ),
        (
            Reason.SEQ_GAP,
            {"expected": "18343", "got": "18345"},
            "Expected sequence 18343, got 18345. Send again from 18343.",
            "期望序号 18343，收到 18345。请从 18343 起补发。",
        ),
        (
            Reason.SAME_PERSON,
            {},
            "You made this request, so another person must approve it.",
            "该申请由您提交，须由另一人复核。",
        ),
    ],
)
def test_the_texts_are_those_of_the_page(reason: Reason, parameters: dict[str, str], english: str, chinese: str):
    """Experience 6, the table of errors: rows 7 to 25 as documented."""
    assert reason_text(reason, "en", parameters) == english
    assert reason_text(reason, "zh", parameters) == chinese
