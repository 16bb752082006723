"""What the outbox does with DynamoDB: the ways of a row and of the pause."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from outbox.mail.mail import Mail
from outbox.mail.states import State
from outbox.sending.pause import Pause
from outbox.storage.claims import Claims
from outbox.storage.ledger import Ledger
from outbox.storage.table import LedgerTable

from ops.history import History, Note
from tests.integration.standins.three import TABLE, Aws


def _mail(mail_id: str = "mail", subject: str = "Hello") -> Mail:
    return Mail(
        id=mail_id,
        sender="shop@acme.sa",
        recipients=("a@example.com",),
        subject=subject,
        body="Hello",
        campaign="transactional",
        client="shop",
        accepted_at=1_800_000_000.0,
    )


def test_the_ledger_goes_its_way(aws: Aws) -> None:
    """The row of one mail through all that can befall it, with the code that writes it."""
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, claims = Ledger(table), Claims(table, 60)
    assert ledger.create(_mail(), State.QUEUED, "request") is None
    standing = ledger.create(_mail(), State.QUEUED, "request")
    assert standing is not None
    assert (standing.state, standing.request) == (State.QUEUED, "request")
    taken, row = claims.claim(_mail(), "first")
    assert (taken, row.attempt_count, row.resends, row.lease) == (True, 1, 0, int(1e9) + 60)
    assert claims.claim(_mail(), "first")[0]  # repeated by the SDK
    assert not claims.claim(_mail(), "second")[0]
    attempt = {"at": "now", "ms": 5, "verdict": "unknown", "scope": "provider", "reason": "hang"}
    taken, again = claims.take_over(row, "second", attempt)
    assert (taken, again.resends, again.possibly_sent, len(again.attempts)) == (True, 1, 1, 1)
    assert not claims.settle(row, State.SENT, attempt, reason="sent", msg_id="1")
    assert claims.settle(again, State.UNKNOWN, attempt, reason="hang", code=None, possibly_sent=1)
    assert claims.settle(again, State.UNKNOWN, attempt, reason="hang", code=None, possibly_sent=1)
    assert not claims.claim(_mail(), "third")[0]
    assert not claims.claim(_mail(), "third", redrive_attempt=1)[0]
    taken, redriven = claims.claim(_mail(), "third", redrive_attempt=2)
    assert (taken, redriven.resends, redriven.attempt_count) == (True, 2, 3)
    assert claims.settle(redriven, State.SENT, attempt, reason="sent", msg_id="1", price="0.1")
    row = ledger.get("mail")  # type: ignore[assignment]  # it is there
    assert (row.state, row.msg_id, len(row.attempts)) == (State.SENT, "1", 3)
    taken, standing = claims.claim(_mail(subject="another"), "fourth")
    assert (taken, standing.state) == (False, State.SENT)


def test_the_ledger_ends_a_mail_by_hand(aws: Aws) -> None:
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, claims = Ledger(table), Claims(table, 60)
    assert ledger.create_all([(_mail(name), State.QUEUED, None) for name in "ab"]) == []
    assert [row.id for row in ledger.create_all([(_mail("b"), State.QUEUED, None)])] == ["b"]
    assert ledger.cancel("a").state is State.CANCELED
    assert not claims.claim(_mail("a"), "token")[0]
    taken, row = claims.claim(_mail("b"), "token")
    assert taken
    assert ledger.cancel("b").state is State.SENDING
    assert claims.settle(row, State.UNKNOWN, None, reason="hang", possibly_sent=1)


def test_what_an_operator_did_is_written_for_many_rows_at_once_or_for_each(aws: Aws) -> None:
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, history = Ledger(table), History(table, "Nora")
    names = ("a", "b", "c")
    assert ledger.create_all([(_mail(name), State.QUEUED, None) for name in names]) == []
    rows = [found for name in names if (found := ledger.get(name)) is not None]

    def notes() -> list[Note]:
        return [history.redriven(row, possibly_twice=False) for row in rows]

    assert history.write_all(notes()) == {"a", "b", "c"}
    assert ledger.cancel("b").state is State.CANCELED
    assert history.write_all(notes()) == {"a", "c"}
    standing = [found for name in names if (found := ledger.get(name)) is not None]
    assert [len(row.actions) for row in standing] == [2, 1, 2]


def test_mails_are_withdrawn_together_or_not_at_all(aws: Aws) -> None:
    table = LedgerTable(aws.dynamodb, TABLE, 30, lambda: 1e9)
    ledger, claims = Ledger(table), Claims(table, 60)
    ledger.create_all([(_mail(name), State.QUEUED, None) for name in "abc"])
    assert claims.claim(_mail("c"), "token")[0]
    with pytest.raises(ClientError) as refused:
        ledger.withdraw(["a", "c"])
    reasons: Any = refused.value.response
    codes = [reason["Code"] for reason in reasons["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed"]
    ledger.withdraw(["a", "b"])
    states = [row.state for name in "abc" if (row := ledger.get(name))]
    assert states == [State.CANCELED, State.CANCELED, State.SENDING]


def test_the_pause_goes_its_way(aws: Aws) -> None:
    pause = Pause(aws.dynamodb, TABLE, (10, 20), clock=lambda: 1e9)
    assert not pause.read().paused
    assert pause.begin("balance_empty", "", seen_at=1e9)
    assert not pause.begin("balance_empty", "", seen_at=1e9)
    state = pause.read()
    assert (state.paused, state.by, state.next_probe) == (True, "system", int(1e9) + 10)
    assert pause.take_probe(state, 1e9 + 60)
    assert not pause.take_probe(state, 1e9 + 60)
    pause.probe_failed(state, "api_disabled", "")
    state = pause.read()
    assert (state.reason, state.probes, state.next_probe) == ("api_disabled", 1, int(1e9) + 20)
    assert pause.end(state)
    assert not pause.end(state)
    assert not pause.begin("balance_empty", "", seen_at=1e9 - 1)
    assert pause.begin("balance_empty", "", seen_at=1e9)
    pause.begin_by_hand("maintenance")
    assert not pause.end(state)
    assert pause.read().by == "operator"
