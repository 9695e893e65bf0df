"""Scores and the lines they give: newest wins, only under a consent in force, never a claw-back (domain 5)."""

from typing import Final

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.standing_state import Standing
from hub.domain.state import Agreement, Core, Score
from hub.policies import Grant, Pack
from hub.policies.standing import reduced_fen
from schemas.commands import Instant, ObserveScore, RevokeConsent
from schemas.events import ConsentRevoked, LineSet, ScoreObserved
from schemas.reasons import Reason

SCOPE: Final = "medical_credit"


def observe_score(draft: Draft, body: ObserveScore) -> Outcome | Refusal:
    """Keep a newer band and set the line anew; an older one is recorded, not applied (protocols 8.2)."""
    if not _consented(draft, body):
        return Refusal(Reason.CONSENT)
    if not draft.policies.knows(body.cut_points_hash):
        return Refusal(Reason.HUB_BUSY)
    known = draft.core.scores.get(body.provider)
    if known is not None and (body.computed_at, body.sequence) <= (known.computed_at, known.sequence):
        return Outcome("LATE", body.message_id, Reason.LATE)
    draft.emit(
        ScoreObserved(
            body.provider,
            body.band,
            body.cut_points_hash,
            body.message_id,
            body.computed_at,
            body.valid_until,
            body.sequence,
            body.authorisation,
            body.authorisation_until,
            body.source,
        )
    )
    set_line(draft)
    return Outcome("RECORDED", body.message_id)


def _consented(draft: Draft, body: ObserveScore) -> bool:
    """The authorisation must be named, cover the score's instant and this use, and not have been withdrawn."""
    agreement = draft.agreement()
    if agreement is not None and body.provider not in agreement.score_consents:
        return False
    return (
        bool(body.authorisation)
        and SCOPE in body.authorisation_scopes
        and body.authorisation_from <= body.computed_at <= body.authorisation_until
        and body.authorisation not in draft.core.revoked.get(body.provider, ())
    )


def revoke_consent(draft: Draft, body: RevokeConsent) -> Outcome | Refusal:
    """Stop using what was read under an authorisation at once: the band is forgotten, the line frozen, debts stay."""
    draft.emit(ConsentRevoked(body.provider, body.authorisation))
    set_line(draft)
    return Outcome("RECORDED", body.provider)


def set_line(draft: Draft) -> None:
    """Compute the line of the agreement in force anew; emit it when it, or the score that gives it, changed."""
    agreement = draft.agreement()
    if agreement is None:
        return
    grant, provider, band = granted(draft, agreement, draft.now.city)
    limit = grant.limit_fen if grant else 0
    given = grant is not None and (provider, band) != (agreement.provider, agreement.band)
    if limit != agreement.limit_fen or given:
        draft.emit(LineSet(agreement.id, limit, provider or agreement.provider, band))


def granted(draft: Draft, agreement: Agreement, at: Instant) -> tuple[Grant | None, str, int]:
    """Return the line an agreement gives, with provider and band of the score that decided.

    It is the tier of the pack's first provider that has one; where the pack serves who has no score, `none` is the
    provider and -1 the band. Repayments on time raise it, arrears cut it (domain 8).
    """
    grant, provider, band = _tier_of(draft, agreement, at)
    if grant is None:
        return None, provider, band
    pack = draft.policies.packs[agreement.pack]
    return grant._replace(limit_fen=_earned_fen(pack, grant.limit_fen, draft.core.standing)), provider, band


def _earned_fen(pack: Pack, limit_fen: int, standing: Standing | None) -> int:
    """Return a tier's line after what the person's repayments earned and cost."""
    if standing is None:
        return limit_fen
    step = pack.step_up
    raised = min(limit_fen + standing.on_time * step.per_repayment_fen, step.maximum_fen)
    return reduced_fen(max(limit_fen, raised), standing.cut_percent)


def _tier_of(draft: Draft, agreement: Agreement, at: Instant) -> tuple[Grant | None, str, int]:
    """Return the tier; none while the score that gave the line may not be read (domain 5)."""
    pack = draft.policies.packs[agreement.pack]
    for provider in pack.providers:
        score = draft.core.scores.get(provider)
        if score is None or not _usable(agreement, provider, score, at):
            continue
        grant = draft.policies.grant(pack, provider, score.band, score.cut_points_hash, agreement.bank)
        if grant is not None:
            return grant, provider, score.band
    if is_frozen(draft.core, agreement):
        return None, "", -1
    unscored = draft.policies.unscored(pack, agreement.bank)
    return (unscored, "none", -1) if unscored else (None, "", -1)


def is_frozen(core: Core, agreement: Agreement) -> bool:
    """Return True when the score that gave the line may not be read any more: no new use until one comes again."""
    return agreement.provider not in ("", "none") and agreement.provider not in core.scores


def _usable(agreement: Agreement, provider: str, score: Score, at: Instant) -> bool:
    """A score past its validity gives no new line; the line that it gave stands (protocols 8.2)."""
    gave = (provider, score.band) == (agreement.provider, agreement.band)
    return provider in agreement.score_consents and (gave or at <= score.valid_until)
