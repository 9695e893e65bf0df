"""What agreement, line, score and consent events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, counted, disarmed, put, with_agreement, with_core, without
from hub.domain.state import AccountState, Agreement, Score
from schemas import events


def _signed(state: AccountState, event: events.AgreementSigned) -> AccountState:
    agreement = Agreement(
        event.agreement,
        event.pack,
        event.bank,
        event.channel,
        event.channel_agreement,
        event.score_consents,
        event.consent_until,
        event.debit_consent,
        event.signed_at,
        limit_fen=event.limit_fen,
        provider=event.provider,
        band=event.band,
        granted_fen=event.limit_fen,
    )
    core = state.core
    return with_core(
        state,
        agreement=agreement.id,
        agreements=put(core.agreements, agreement.id, agreement),
        counters=counted(core, "A"),
    )


def _ended(state: AccountState, event: events.AgreementEnded) -> AccountState:
    core = state.core
    ended = replace(core.agreements[event.agreement], ended_at=event.ended_at, limit_fen=0)
    current = "" if core.agreement == event.agreement else core.agreement
    return with_core(state, agreement=current, agreements=with_agreement(core, ended))


def _channel_ended(state: AccountState, event: events.ChannelAgreementEnded) -> AccountState:
    core = state.core
    ended = replace(core.agreements[event.agreement], channel_ended=True)
    return with_core(state, agreements=with_agreement(core, ended))


def _line_set(state: AccountState, event: events.LineSet) -> AccountState:
    core = state.core
    changed = replace(
        core.agreements[event.agreement], limit_fen=event.limit_fen, provider=event.provider, band=event.band
    )
    return with_core(state, agreements=with_agreement(core, changed))


def _score(state: AccountState, event: events.ScoreObserved) -> AccountState:
    score = Score(
        event.band,
        event.cut_points_hash,
        event.message_id,
        event.computed_at,
        event.valid_until,
        event.sequence,
        event.authorisation,
        event.authorisation_until,
        event.source,
    )
    return with_core(state, scores=put(state.core.scores, event.provider, score))


def _consent_revoked(state: AccountState, event: events.ConsentRevoked) -> AccountState:
    """A score read under another authorisation, in force since, is not withdrawn with it."""
    core = state.core
    known = core.scores.get(event.provider)
    kept = known is not None and known.authorisation != event.authorisation
    revoked = (*core.revoked.get(event.provider, ()), event.authorisation)
    return with_core(
        state,
        scores=core.scores if kept else without(core.scores, event.provider),
        revoked=put(core.revoked, event.provider, tuple(dict.fromkeys(revoked))),
    )


def _suspended(state: AccountState, _event: events.Suspended) -> AccountState:
    timers = disarmed(state.core.timers, "", "resume")
    return with_core(state, suspended=True, resume_at=0, timers=timers)


def _resume_planned(state: AccountState, event: events.ResumePlanned) -> AccountState:
    timers = armed(state.core.timers, "resume", "", event.resume_at, city=True, outside=False)
    return with_core(state, resume_at=event.resume_at, timers=timers)


def _resumed(state: AccountState, _event: events.Resumed) -> AccountState:
    timers = disarmed(state.core.timers, "", "resume")
    return with_core(state, suspended=False, resume_at=0, timers=timers)


APPLY: Final[Applications] = {
    events.AgreementSigned: _signed,
    events.AgreementEnded: _ended,
    events.ChannelAgreementEnded: _channel_ended,
    events.LineSet: _line_set,
    events.ScoreObserved: _score,
    events.ConsentRevoked: _consent_revoked,
    events.Suspended: _suspended,
    events.ResumePlanned: _resume_planned,
    events.Resumed: _resumed,
}
