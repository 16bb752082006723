"""The notices to the operators: of a pause, of its end, and of a suspicion.

Pauses that repeat within an hour share one notice each quarter of an hour. The notice of a resume
comes when it has lasted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.sending.control import PauseState, Suspicion

_FOLDED_SECONDS: Final = 900
_HELD_SECONDS: Final = 120
_SUSPICION_SECONDS: Final = 300
_ORDINALS: Final = {1: "first", 2: "second", 3: "third"}
_WHERE_NEXT: Final = 'Run: ./taqnyat-mail doctor\nSee docs/operations.md, "Sending is paused".'


class Notice(NamedTuple):
    """A message to the topic, and the fields of its log line."""

    subject: str
    message: str
    event: str
    fields: dict[str, Any]


def of_pause(state: PauseState, now: float, first_probe_seconds: int) -> Notice | None:
    """Return the notice that is due now for a pause or its end, or None.

    `now` is epoch seconds; a resume has lasted after two minutes, or after twice the first wait for
    a probe if that is shorter.
    """
    if state.announced:
        return None
    by_hand = state.by == "operator"
    if state.paused:
        if state.repeats and now - state.told_at < _FOLDED_SECONDS:
            return None
        return _paused(state, now)
    held = min(_HELD_SECONDS, 2 * first_probe_seconds)
    if not by_hand and now - state.resumed_at < held:
        return None
    return _resumed(state)


def of_suspicion(suspicion: Suspicion | None, sent_at: float, now: float) -> Notice | None:
    """Return the notice of a suspicion after five minutes in which nothing was sent, or None."""
    if suspicion is None or suspicion.told or sent_at >= suspicion.at:
        return None
    if now - suspicion.at < _SUSPICION_SECONDS:
        return None
    refusal = suspicion.refusal
    message = (
        f"Taqnyat refused a mail, and nothing was sent since: {refusal.answer}.\n"
        "It may be about this mail or the account. Sending goes on; the next mails will show it.\n"
        f"{_WHERE_NEXT}"
    )
    fields = {"reason": refusal.reason, "code": refusal.code, "correlation_id": refusal.mail_id}
    return Notice("Taqnyat mail gateway: a refusal stands", message, "refusal stands", fields)


def publish(notice: Notice, topic: Callable[[], Any], topic_arn: str) -> None:
    """Send a notice to the topic, if there is one. Raises botocore's errors."""
    if topic_arn:
        topic().publish(TopicArn=topic_arn, Subject=notice.subject, Message=notice.message)


def _paused(state: PauseState, now: float) -> Notice:
    detail = f" (refused address: {state.detail})" if state.detail else ""
    again = ""
    if state.repeats:
        count = state.repeats + 1
        minutes = max(1, round((now - state.series_since) / 60))
        again = f" for the {_ORDINALS.get(count, f'{count}th')} time in {minutes} minutes"
    blamed = "; ".join(refusal.answer for refusal in state.blamed)
    answers = f"The answers that paused: {blamed}.\n" if blamed else ""
    return Notice(
        "Taqnyat mail gateway: sending paused",
        f"Sending paused{again}: {state.reason}{detail}. Nothing is lost.\n{answers}{_WHERE_NEXT}",
        "sending paused",
        {"reason": state.reason, "detail": state.detail, "repeats": state.repeats},
    )


def _resumed(state: PauseState) -> Notice:
    times = f" (paused {state.repeats + 1} times)" if state.repeats else ""
    return Notice(
        "Taqnyat mail gateway: sending resumed",
        f"Sending resumed after: {state.reason}{times}. Nothing is lost. {_WHERE_NEXT}",
        "sending resumed",
        {"reason": state.reason, "detail": state.detail, "repeats": state.repeats},
    )
