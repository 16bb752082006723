"""The doctor's findings: the level, the words, and what to do. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from outbox.queues.message import STRANGE
from outbox.sending.control import ControlRecord
from taqnyat import Scope, Verdict
from taqnyat.classification import CODES

from ops import version
from ops.remedies import FAILED_REMEDIES, remedy
from ops.screen import ago, clock
from ops.webhooks import Standing

_LATE_SECONDS: Final = 1800  # a webhook's own timers take 15 minutes
_SECTION: Final = re.compile(r'docs/operations\.md, "([^"]+)"')
_FAILED: Final = (
    ("unknown", "unknown", "unknown: ask, then `failed resolve --sent` or `--resend`"),
    ("failed", "failed", "failed: when the cause is gone `failed redrive`, else `failed discard`"),
    ("invalid", "invalid", "invalid: correct the producer, then `failed discard --state invalid`"),
    ("", "moved here by SQS", "moved here by SQS: see the worker's log, then `failed redrive`"),
    (STRANGE, "not ours", "not ours: find whose queue names this one as its dead-letter queue"),
)


class Level(StrEnum):
    """The level of a finding."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "failed"


Finding = tuple[Level, str, str]


def good(found: str) -> Finding:
    """Make a finding without a problem."""
    return Level.GOOD, found, ""


def warning(found: str, what_to_do: str) -> Finding:
    """Make a finding that a person should see, but not at once."""
    return Level.WARNING, found, what_to_do


def bad(found: str, what_to_do: str) -> Finding:
    """Make a finding that stops mails."""
    return Level.BAD, found, what_to_do


def alarms_finding(active: Mapping[str, str]) -> Finding:
    """Check the active alarms by their descriptions, which name sections of docs/operations.md."""
    if not active:
        return good("none is active")
    named = dict.fromkeys(title for text in active.values() for title in _SECTION.findall(text))
    sections = ", ".join(f'"{title}"' for title in named)
    found = f"active: {', '.join(active)}"
    return warning(found, f"see docs/operations.md{sections and ': '}{sections}")


def version_finding(deployed: str | None, local: str) -> Finding:
    """Compare the stack's version with that of this command line."""
    if deployed is None:
        return warning(f"deployed: older than 0.2.0; here: {local}", "deploy the stack again")
    found = f"deployed: {deployed}; here: {local}"
    if deployed == version.UNKNOWN:
        return warning(found, "build with `make build`, which writes the version, and deploy again")
    if deployed != local:
        return warning(found, "deploy the stack again, or use the deployed version's command line")
    return good(found)


def sending_finding(record: ControlRecord, now: float) -> Finding:
    """Check the pause or the suspicion; name the mails whose answers caused it."""
    state, suspicion = record.pause, record.suspicion
    if not state.paused and suspicion is not None and record.sent_at < suspicion.at:
        found = f"active; refused, and nothing sent since: {suspicion.refusal.answer}"
        return warning(found, "wait: the next mails show whether it is this mail or the account")
    if not state.paused:
        return good("active")
    since = f"since {clock(state.since)} ({ago(now - state.since)})"
    if state.by == "operator":
        return bad(f"paused by hand {since}: {state.reason}", "`resume` when that is over")
    probe = f"tried again by itself in {ago(max(0, state.next_probe - now))}"
    answers = "; ".join(refusal.answer for refusal in state.blamed)
    by = f"; paused by {answers}" if answers else ""
    return bad(f"paused {since}: {state.reason}; {probe}{by}", remedy(state.reason))


def failed_finding(kinds: Mapping[tuple[str, str], int], incomplete: str) -> Finding:
    """Check the failed queue, by state and reason; "" means that SQS itself moved the message."""
    states: Counter[str] = Counter()
    for (state, _), count in kinds.items():
        states[state] += count
    found = [f"{states[state]:,} {name}" for state, name, _ in _FAILED if states[state]]
    what = [
        line
        for state, _, do in _FAILED
        for line in dict.fromkeys(_advice(state, reason, do) for reason in _reasons(kinds, state))
    ]
    if incomplete:
        found.append(incomplete)
        what.append("run doctor again when the other terminal has ended")
    return warning(", ".join(found), "; ".join(what) or "see `failed`")


def _reasons(kinds: Mapping[tuple[str, str], int], state: str) -> list[str]:
    """Return the reasons of a state, the commonest first."""
    of_state = {reason: count for (one, reason), count in kinds.items() if one == state}
    return sorted(of_state, key=lambda reason: (-of_state[reason], reason))


def _advice(state: str, reason: str, default: str) -> str:
    """Return what to do about mails of one reason, without a producer's own words."""
    if state == "failed" and (what := FAILED_REMEDIES.get(reason)):
        return f"{reason}: {what}"
    return default


def webhooks_finding(standing: Standing) -> Finding:
    """Check the endpoints and their queue."""
    oldest = standing.oldest_seconds
    waited = "" if oldest is None else f", the oldest for {ago(oldest)}"
    found = f"{standing.endpoints} endpoint(s); {standing.queue.total} message(s) wait{waited}"
    if standing.paused:
        which = ", ".join(f"{one.client} {one.id}" for one in standing.paused)
        found = f"{len(standing.paused)} paused: {which}; {found}"
        return warning(found, "see `webhooks log`, and docs/operations.md, A webhook is paused")
    if oldest is not None and oldest > _LATE_SECONDS:
        return warning(found, "see docs/operations.md, Webhooks wait too long")
    return good(found)


def account_finding(answer: dict[str, Any]) -> Finding:
    """Judge what Taqnyat answered to a mail without a recipient: the account is asked for first."""
    reason, code = answer["reason"], answer.get("code")
    if answer["scope"] == Scope.ACCOUNT:
        address = f", address {answer['ip']}" if answer.get("ip") else ""
        return bad(f"Taqnyat refuses: {reason}{address}", remedy(reason))
    if answer["scope"] == Scope.PROVIDER:
        return warning(f"cannot tell: {reason}", "look again when Taqnyat answers")
    if answer["verdict"] == Verdict.TERMINAL and code not in CODES:
        return warning(
            f"token not refused, but the answer is not in the guide (code {code})",
            "send one mail to yourself with `send`",
        )
    return good("token and address accepted")
