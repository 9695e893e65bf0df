"""What the score's source is told of a person: overdue, taken back, rewards (domain 8). Sent until it is answered.

A message names the person as the source knows them: by the authorisation and the message of the score it last gave. A
person whose score the hub may not read is told to nobody; what was told before is still taken back, because the source
knows its own message. On-time repayments alone are not told: the page names overdue and the reward.
"""

from typing import Literal

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.evolve.standing import standing_of
from hub.domain.feedback_state import Feedback
from hub.domain.state import Core, Score
from schemas.commands import FeedbackKind, RecordFeedbackResult
from schemas.errands import FeedbackErrand
from schemas.events import FeedbackAnswered, FeedbackDelayed, ScoreFeedback
from schemas.ids import message_hash
from schemas.reasons import Reason

CITY_SCORE = "egret"
"""What a line that rests on no score is reported to: the city's score counts first (domain 3)."""


def tell_score(
    draft: Draft, kind: FeedbackKind, *, bill: str = "", points: int = 0, month: int = 0, withdraws: str = ""
) -> None:
    """Book a message for the score's source, and send it where the source can be told."""
    provider = _provider(draft, bill)
    score = _readable(draft, provider)
    source, authorisation, score_message = "", "", ""
    if score is not None:
        source, authorisation, score_message = score.source, score.authorisation, score.message_id
    if withdraws:
        source = _told_source(draft.core, withdraws)
    message = message_hash("feedback", draft.core.account, str(draft.seq), kind, bill, str(month))
    draft.emit(
        ScoreFeedback(
            message,
            kind,
            provider,
            bill,
            points,
            month,
            withdraws,
            source,
            authorisation if source else "",
            score_message if source else "",
            draft.now.city,
        )
    )
    if source:
        _send(draft, draft.core.feedback[message])


def _provider(draft: Draft, bill: str) -> str:
    """Return whose score gave the line that the bill was on."""
    billed = draft.core.bills.get(bill)
    agreement = draft.core.agreements[billed.agreement] if billed else draft.agreement()
    provider = agreement.provider if agreement else ""
    return provider if provider not in ("", "none") else CITY_SCORE


def _readable(draft: Draft, provider: str) -> Score | None:
    """Return the provider's score while its authorisation is in force."""
    score = draft.core.scores.get(provider)
    return score if score is not None and draft.now.city <= score.authorisation_until else None


def _told_source(core: Core, message: str) -> str:
    return next((mark.told for mark in standing_of(core).marks if mark.message == message), "")


def _send(draft: Draft, told: Feedback) -> None:
    draft.errands.append(
        FeedbackErrand(
            draft.errand_id("feedback"),
            draft.core.account,
            told.source,
            told.message,
            told.kind,
            told.authorisation,
            told.score_message,
            told.at,
            told.attempt,
            told.points,
            told.month,
            told.withdraws,
        )
    )


def record_feedback_result(draft: Draft, body: RecordFeedbackResult) -> Outcome | Refusal:
    """Keep the source's word; without one the same message leaves again, until a person must look."""
    told = draft.core.feedback.get(body.message)
    if told is None:
        return Outcome("LATE", body.message, Reason.LATE)
    if body.status in ("taken", "untold"):
        draft.emit(FeedbackAnswered(body.message, body.status, body.code, body.receipt))
    elif body.status == "refused":
        _give_up(draft, told, body, "refused")
    elif f"feedback_retry|{body.message}" in draft.core.timers:
        return Outcome("RESULT_REPEATED", body.message)
    else:
        _delay(draft, told, body)
    return Outcome("RECORDED", body.message)


def _delay(draft: Draft, told: Feedback, body: RecordFeedbackResult) -> None:
    waits = draft.policies.ladders.feedback_retries_ms
    if told.attempt > len(waits):
        _give_up(draft, told, body, "abandoned")
        return
    next_wall_at = draft.now.wall + waits[told.attempt - 1]
    draft.emit(FeedbackDelayed(told.message, told.attempt + 1, next_wall_at, body.code))


def _give_up(draft: Draft, told: Feedback, body: RecordFeedbackResult, how: Literal["refused", "abandoned"]) -> None:
    """Put the message before a person: the source and the hub now tell different stories of somebody."""
    draft.emit(FeedbackAnswered(told.message, how, body.code))
    about = {"source": told.source, "message": told.message, "code": body.code}
    draft.set_aside("score", Reason.FEEDBACK_UNDELIVERED, f"{told.kind} {how} by {told.source}: {body.code}", **about)


def feedback_due(draft: Draft, message: str) -> Outcome:
    """Send a message again, under the same number and with the same words."""
    told = draft.core.feedback.get(message)
    if told is not None:
        _send(draft, told)
    return Outcome("TIMER", message)
