"""The enumeration bites: each of these breaks of the real code is found by it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from outbox.mail.report import Report
from outbox.mail.states import State
from outbox.queues.message import ReceivedMessage
from outbox.queues.queue import MailQueue
from outbox.sending import policy
from outbox.sending.batch import BatchProcessor, Turn
from outbox.sending.delivery import Delivery
from outbox.storage import claims
from outbox.storage.claims import Claims
from outbox.storage.expressions import Expression
from outbox.storage.row import Row
from taqnyat import Outcome, Verdict

from tests.faults.enumeration import Counts, Plan, pairs, singles, usual
from tests.faults.scenarios import Case

Break = Callable[[pytest.MonkeyPatch], None]


def _claims_whatever_the_state(patch: pytest.MonkeyPatch) -> None:
    claim = Claims.claim

    def broken(self: Claims, *given: Any, **more: Any) -> Any:
        _, row = claim(self, *given, **more)
        return True, row

    patch.setattr(Claims, "claim", broken)


def _settles_whosever_claim_it_is(patch: pytest.MonkeyPatch) -> None:
    """Let a late answer overwrite what another has found out; a lease that is too short lets it."""

    def still(write: Expression, _: str) -> str:
        return f"attribute_exists({write.name('state')})"

    patch.setattr(claims, "_claim_is_ours", still)
    _has_no_lease(patch)


def _has_no_lease(patch: pytest.MonkeyPatch) -> None:
    of = Row.of
    patch.setattr(Row, "of", lambda item: of(item)._replace(lease=0))


def _takes_unknown_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    decide = policy.decide

    def broken(row: Row, outcome: Outcome, *given: Any) -> Any:
        if outcome.verdict is Verdict.UNKNOWN:
            outcome = outcome._replace(verdict=Verdict.RETRYABLE)
        return decide(row, outcome, *given)

    patch.setattr(policy, "decide", broken)


def _takes_a_dead_claim_for_not_sent(patch: pytest.MonkeyPatch) -> None:
    died = policy.WORKER_DIED._replace(verdict=Verdict.RETRYABLE)
    patch.setattr(policy, "WORKER_DIED", died)


def _forgets_that_it_may_have_sent(patch: pytest.MonkeyPatch) -> None:
    settle = Claims.settle

    def broken(self: Claims, row: Row, state: State, attempt: Any, **changes: Any) -> bool:
        changes.pop("possibly_sent", None)
        return settle(self, row, state, attempt, **changes)

    patch.setattr(Claims, "settle", broken)


def _does_not_park(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MailQueue, "dead_letter", lambda *_: None)


def _passes_over_what_has_ended_badly(patch: pytest.MonkeyPatch) -> None:
    """Lose the message of a row that was settled and not parked."""
    skip = Delivery._skip_unclaimable  # noqa: SLF001 - to be broken

    def broken(self: Delivery, message: ReceivedMessage, row: Row, now: float) -> Any:
        if row.state in {State.FAILED, State.UNKNOWN}:
            return Report(mail_id=row.id, state=row.state)
        return skip(self, message, row, now)

    patch.setattr(Delivery, "_skip_unclaimable", broken)


def _acknowledges_everything(patch: pytest.MonkeyPatch) -> None:
    process = BatchProcessor.process

    def broken(self: BatchProcessor, records: Any, seconds: float) -> list[str]:
        process(self, records, seconds)
        return []

    patch.setattr(BatchProcessor, "process", broken)


def _re_drives_without_the_ledger(patch: pytest.MonkeyPatch) -> None:
    """Take a message from the failed queue for a new one."""
    patch.setattr(ReceivedMessage, "redrive_attempt", None)


def _drops_before_it_settles(patch: pytest.MonkeyPatch) -> None:
    deliver = Delivery.deliver

    def broken(self: Delivery, message: ReceivedMessage, deadline: float) -> Any:
        queue = self._queue
        queue.delete(message)
        return deliver(self, message, deadline)

    patch.setattr(Delivery, "deliver", broken)


def _deletes_its_record_on_an_error(patch: pytest.MonkeyPatch) -> None:
    """Delete the record on an error, as Powertools' Idempotency does."""
    one = BatchProcessor._process_message  # noqa: SLF001 - to be broken

    def broken(self: BatchProcessor, message: ReceivedMessage, turn: Turn, deadline: float) -> Any:
        report = one(self, message, turn, deadline)
        if report.reason == "aws_failed":
            rows = self._delivery._claims._table.dynamo  # noqa: SLF001
            rows._stand_in.items.pop(message.mail_id, None)  # type: ignore[attr-defined]  # noqa: SLF001
        return report

    patch.setattr(BatchProcessor, "_process_message", broken)


BREAKS: dict[str, tuple[Break, tuple[Case, ...]]] = {
    "claims whatever the state": (_claims_whatever_the_state, (Case("direct", "hold"),)),
    "settles whosever claim it is": (
        _settles_whosever_claim_it_is,
        (Case("direct", "resend"),),
    ),
    "has no lease": (_has_no_lease, (Case("direct", "hold"), Case("direct", "resend"))),
    "takes unknown for a failure": (_takes_unknown_for_a_failure, (Case("direct", "hold"),)),
    "takes a dead claim for not sent": (
        _takes_a_dead_claim_for_not_sent,
        (Case("direct", "hold"),),
    ),
    "forgets that it may have sent": (
        _forgets_that_it_may_have_sent,
        (Case("doubtful", "resend"),),
    ),
    "does not park": (_does_not_park, (Case("refused", "hold"),)),
    "passes over what has ended badly": (
        _passes_over_what_has_ended_badly,
        (Case("refused", "hold"),),
    ),
    "acknowledges everything": (_acknowledges_everything, (Case("retried", "hold"),)),
    "re-drives without the ledger": (_re_drives_without_the_ledger, (Case("doubtful", "hold"),)),
    "drops before it settles": (_drops_before_it_settles, (Case("direct", "hold"),)),
    "deletes its record on an error": (_deletes_its_record_on_an_error, (Case("direct", "hold"),)),
}


# An answer that is late needs another that was faster, and an end that differs.
NEED_TWO = {"settles whosever claim it is"}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, cases = BREAKS[name]
    plans = [(case, plan) for case in cases for plan in _plans(case, name)]
    broken(monkeypatch)
    assert any(_found(plans))


def _plans(case: Case, name: str) -> list[Plan]:
    usual(case)  # kept before it is broken
    if name in NEED_TWO:
        return list(pairs(case, 3000, seed=3))
    return [{}, *singles(case, thorough=True)]


def _found(plans: list[tuple[Case, Plan]]) -> Iterator[bool]:
    for case, plan in plans:
        counts = Counts()
        counts.add(case, plan)
        yield bool(counts.faults)
