"""Dead letters, purely: how they are read and chosen, and what is decided."""

from typing import Any

import pytest
from outbox.mail.states import State
from outbox.storage.row import Row

from ops.dead_letters import (
    DISCARDED,
    NO_RECORD,
    Action,
    Choice,
    DeadLetter,
    Step,
    Task,
    decide,
    groups,
    packed,
    read,
)


def letter(**changes: Any) -> DeadLetter:
    """Make one message of the failed queue."""
    given: dict[str, Any] = {
        "message_id": "q1",
        "packed": packed("h1"),
        "mail_id": "m1",
        "state": "failed",
        "reason": "sender_refused",
        "code": 14,
        "sender": "shop@acme.sa",
        "client": "shop",
        "attempt": 1,
        "sent_at": 100.0,
        "size": 10,
        "foreign": False,
    }
    return DeadLetter(**given | changes)


def row(state: State, tried: int = 1, **changes: Any) -> Row:
    """Make a mail's row."""
    return Row(id="m1", state=state, attempt_count=tried, **changes)


@pytest.mark.parametrize(
    ("task", "changes", "standing", "expected"),
    [
        (Task.REDRIVE, {}, row(State.FAILED), Action.MOVE),
        (Task.REDRIVE, {"state": "unknown"}, row(State.UNKNOWN), Action.MOVE),
        (Task.REDRIVE, {}, row(State.SENT), Action.REMOVE),
        (Task.REDRIVE, {}, row(State.CANCELED), Action.REMOVE),
        (Task.REDRIVE, {}, row(State.FAILED, 2), Action.REMOVE),
        (Task.REDRIVE, {}, row(State.QUEUED), Action.LEAVE),
        (Task.REDRIVE, {}, row(State.SENDING), Action.LEAVE),
        (Task.REDRIVE, {}, None, Action.LEAVE),
        (Task.REDRIVE, {"foreign": True}, None, Action.LEAVE),
        (Task.REDRIVE, {"state": "", "crowd": True}, None, Action.MOVE),
        (Task.DISCARD, {"state": "", "crowd": True}, None, Action.LEAVE),
        (Task.REDRIVE, {"state": "unknown"}, None, Action.MOVE),
        (Task.REDRIVE_WITHOUT_RECORD, {}, None, Action.MOVE),
        (Task.REDRIVE_WITHOUT_RECORD, {}, row(State.SENT), Action.REMOVE),
        (Task.RESEND, {"state": "unknown"}, None, Action.MOVE),
        (Task.REDRIVE, {"state": "invalid"}, None, Action.MOVE),
        (Task.REDRIVE, {"state": "", "attempt": None}, None, Action.MOVE),
        (Task.REDRIVE, {"state": "", "attempt": None}, row(State.QUEUED), Action.MOVE),
        (Task.REDRIVE, {"state": "", "attempt": None}, row(State.FAILED), Action.LEAVE),
        (Task.RESEND, {"state": "unknown"}, row(State.UNKNOWN), Action.MOVE),
        (Task.RESEND, {}, row(State.FAILED), Action.LEAVE),
        (Task.SENT, {"state": "unknown"}, row(State.UNKNOWN), Action.NOTE),
        (Task.SENT, {"state": "unknown"}, row(State.SENT), Action.REMOVE),
        (Task.SENT, {}, row(State.FAILED), Action.LEAVE),
        (Task.SENT, {"state": "invalid"}, None, Action.LEAVE),
        (Task.DISCARD, {}, row(State.FAILED), Action.NOTE),
        (Task.DISCARD, {"state": "unknown"}, row(State.UNKNOWN), Action.NOTE),
        (Task.DISCARD, {}, row(State.FAILED, 2), Action.REMOVE),
        (Task.DISCARD, {}, row(State.QUEUED), Action.LEAVE),
        (Task.DISCARD, {"state": "", "attempt": None}, row(State.QUEUED), Action.NOTE),
        (Task.DISCARD, {"state": "invalid"}, None, Action.REMOVE),
        (Task.DISCARD, {"foreign": True}, None, Action.LEAVE),
    ],
)
def test_the_ledger_decides_what_is_done(
    task: Task, changes: dict[str, Any], standing: Row | None, expected: Action
) -> None:
    assert decide(task, letter(**changes), standing)[0] is expected


OLDER = "an older copy: the mail was tried again since, and failed again"


GONE = "its record is gone, so it may have been sent since: --without-record sends it again"


FOREIGN = "is none of this stack's: another queue's, or without our attributes"


ANOTHER = "another copy is in the queue"


@pytest.mark.parametrize(
    ("task", "changes", "standing", "why"),
    [
        (Task.REDRIVE, {}, row(State.FAILED), "one more try"),
        (Task.REDRIVE, {}, row(State.SENT), "the mail is sent already"),
        (Task.REDRIVE, {}, row(State.CANCELED), "the mail is canceled already"),
        (
            Task.REDRIVE,
            {},
            row(State.CANCELED, reason=DISCARDED),
            "the mail was discarded",
        ),
        (Task.REDRIVE, {}, row(State.FAILED, 2), OLDER),
        (Task.REDRIVE, {"state": "unknown"}, row(State.UNKNOWN, 2), OLDER),
        (Task.REDRIVE, {}, row(State.QUEUED, 2), f"the mail is queued: {ANOTHER}"),
        (Task.REDRIVE, {}, row(State.SENDING), f"the mail is sending: {ANOTHER}"),
        (
            Task.REDRIVE,
            {"state": "", "attempt": 1},
            row(State.QUEUED),
            f"the mail is queued: {ANOTHER}",
        ),
        (Task.REDRIVE, {}, None, GONE),
        (Task.REDRIVE, {"foreign": True}, row(State.FAILED), FOREIGN),
        (Task.REDRIVE, {"state": "unknown"}, None, NO_RECORD),
        (Task.REDRIVE_WITHOUT_RECORD, {}, None, NO_RECORD),
        (Task.REDRIVE_WITHOUT_RECORD, {}, row(State.FAILED), "one more try"),
        (Task.REDRIVE_WITHOUT_RECORD, {"state": "invalid"}, None, "is validated again"),
        (Task.REDRIVE, {"state": "invalid"}, None, "is validated again"),
        (Task.REDRIVE, {"state": "", "attempt": None}, None, "never tried"),
        (
            Task.REDRIVE,
            {"state": "", "attempt": None},
            row(State.QUEUED),
            "not settled yet: its worker did not finish",
        ),
        (
            Task.REDRIVE,
            {"attempt": None},
            row(State.FAILED),
            "carries no attempt number: send the mail again as a new one",
        ),
        (Task.RESEND, {}, row(State.FAILED), "the mail is failed, not unknown"),
        (Task.RESEND, {"state": "unknown"}, row(State.UNKNOWN), "one more try"),
        (Task.SENT, {}, row(State.FAILED), "the mail is failed, not unknown"),
        (Task.SENT, {}, None, "it has no record"),
        (Task.SENT, {"state": "unknown"}, row(State.UNKNOWN), "is noted as sent"),
        (Task.DISCARD, {}, row(State.FAILED), "is discarded"),
        (Task.DISCARD, {}, None, "has no record"),
        (Task.DISCARD, {}, row(State.SENDING), f"the mail is sending: {ANOTHER}"),
        (
            Task.DISCARD,
            {"state": "", "attempt": 1},
            row(State.QUEUED),
            f"the mail is queued: {ANOTHER}",
        ),
    ],
)
def test_each_decision_says_why(
    task: Task, changes: dict[str, Any], standing: Row | None, why: str
) -> None:
    assert decide(task, letter(**changes), standing)[1] == why


@pytest.mark.parametrize(
    ("action", "changes", "why", "doubtful"),
    [
        (Action.MOVE, {"state": "unknown"}, "one more try", True),
        (Action.MOVE, {}, NO_RECORD, True),
        (Action.MOVE, {}, "one more try", False),
        (Action.LEAVE, {"state": "unknown"}, NO_RECORD, False),
    ],
)
def test_a_mail_that_may_arrive_twice_is_known(
    action: Action, changes: dict[str, Any], why: str, *, doubtful: bool
) -> None:
    step = Step(letter(**changes), action, why)

    assert step.is_doubtful is doubtful
    assert step.summary() == letter(**changes).summary() | {"action": str(action), "why": why}


def test_a_mail_without_a_message_is_what_its_row_says() -> None:
    known = row(State.UNKNOWN, 3, reason="timeout", code=5, sender="shop@acme.sa", client="shop")

    found = DeadLetter.of_row(known)
    bare = DeadLetter.of_row(row(State.QUEUED, 0))

    assert found.summary() == {
        "id": "m1",
        "state": "unknown",
        "reason": "timeout",
        "code": 5,
        "from": "shop@acme.sa",
        "client": "shop",
        "since": "1970-01-01T00:00:00.000Z",
    }
    assert (found.attempt, found.message_id, found.handle) == (3, "", "")
    assert (found.size, found.foreign) == (0, False)
    assert (bare.attempt, bare.reason, bare.client) == (None, "", "")


def test_what_a_message_does_not_say_is_none() -> None:
    empty = letter(state="", reason="", code=None, sender="", client="", sent_at=0.0)

    assert empty.summary() == dict.fromkeys(("state", "reason", "code", "from", "client"), None) | {
        "id": "m1",
        "since": "1970-01-01T00:00:00.000Z",
    }


def test_groups_are_causes_the_largest_first_then_the_oldest() -> None:
    found = groups(
        [
            letter(sent_at=20.0),
            letter(sent_at=10.0),
            letter(sent_at=30.0),
            letter(state="unknown", sent_at=9.0),
            letter(reason="expired", sent_at=8.0),
            letter(code=None, sent_at=7.0),
            letter(sender="", sent_at=6.0),
            letter(client="", sent_at=5.0),
        ]
    )

    assert [(group.count, group.since, group.last) for group in found] == [
        (3, 10.0, 30.0),
        *((1, at, at) for at in (5.0, 6.0, 7.0, 8.0, 9.0)),
    ]
    assert found[0].summary() == {
        "count": 3,
        "state": "failed",
        "reason": "sender_refused",
        "code": 14,
        "from": "shop@acme.sa",
        "client": "shop",
        "since": "1970-01-01T00:00:10.000Z",
        "last": "1970-01-01T00:00:30.000Z",
    }
    assert [found[1].summary()[key] for key in ("client", "from")] == [None, "shop@acme.sa"]
    assert groups([letter(state="", reason="")])[0].summary()["state"] is None
    assert groups([letter(state="", reason="")])[0].summary()["reason"] is None
    assert groups([letter(sender="")])[0].summary()["from"] is None


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(reason="sender_refused"), True),
        (Choice(reason="expired"), False),
        (Choice(code=15), False),
        (Choice(code=14), True),
        (Choice(sender="@other.sa", client="shop"), False),
        (Choice(states=frozenset({"failed"}), ids=frozenset({"m2"})), False),
        (Choice(states=frozenset({"failed", "unknown"})), True),
        (Choice(states=frozenset({"failed"}), reason="expired"), False),
        (Choice(since=100.0), True),
        (Choice(since=100.5), False),
        (Choice(until=100.0), False),
        (Choice(until=100.5), True),
        (Choice(sender="@ACME.sa"), True),
        (Choice(sender="@other.sa"), False),
        (Choice(client="shop"), True),
        (Choice(client="other"), False),
        (Choice(states=frozenset({"unknown"})), False),
        (Choice(ids=frozenset({"m1", "m2"})), True),
        (Choice(ids=frozenset({"m2"})), False),
    ],
)
def test_choosing(choice: Choice, *, taken: bool) -> None:
    assert choice.takes(letter()) is taken


def raw(body: str, **attributes: str) -> dict[str, Any]:
    """Make a message as SQS gives it."""
    given = {key: {"DataType": "String", "StringValue": text} for key, text in attributes.items()}
    return {
        "MessageId": "q1",
        "ReceiptHandle": "h",
        "Body": body,
        "Attributes": {"SentTimestamp": "1000"},
        "MessageAttributes": given,
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"from": "Shop <shop@acme.sa>", "id": "a-1"}', ("a-1", "shop@acme.sa")),
        ('{"from": "\\u001b[2Jx@acme.sa", "id": "a\\u001b[1m"}', ("q1", "(not valid)")),
        ('{"from": ["x"], "id": 5}', ("q1", "(not valid)")),
        ('{"from": "\\u202eas.emca@pohs"}', ("q1", "(not valid)")),
        ("{", ("q1", "")),
        ("[]", ("q1", "")),
        ("[" * 100_000, ("q1", "")),
    ],
)
def test_what_a_producer_wrote_is_shown_only_where_it_is_valid(
    body: str, shown: tuple[str, str]
) -> None:
    found = read(raw(body), {"arn:mail"})

    assert (found.mail_id, found.sender) == shown


FROM_OURS = {"state": "failed", "attempt": "2", "id": "a-1", "reason": "invalid:to[0]"}


@pytest.mark.parametrize(
    ("attributes", "body", "expected"),
    [
        ({}, '{"client": "shop"}', {"mail_id": "a-1", "client": "shop", "attempt": 2}),
        ({}, '{"id": "b", "client": "a b"}', {"mail_id": "a-1", "client": ""}),
        ({"id": ""}, '{"id": "b"}', {"mail_id": "b"}),
        ({"code": "-3"}, "{}", {"code": -3}),
        ({"code": "3x"}, "{}", {"code": None}),
        ({"code": "1234567890"}, "{}", {"code": None}),
        ({}, "{}", {"code": None, "reason": "invalid:to[0]", "sender": "", "state": "failed"}),
        ({"reason": "<b>"}, "{}", {"reason": ""}),
        ({"state": "invalid"}, "{}", {"state": "invalid", "attempt": None}),
        ({"state": "unknown"}, "{}", {"state": "unknown"}),
        ({"state": "queued"}, "{}", {"state": "", "attempt": None}),
        ({}, '{"from": "a@b.sa"}', {"sender": "a@b.sa"}),
        ({}, f'{{"from": "{"a" * 600}@b.sa"}}', {"sender": "(not valid)"}),
        ({}, '{"from": "\u0645@b.sa"}', {"sender": "(not valid)"}),
        ({}, "\u0645", {"size": 2, "sent_at": 1.0, "message_id": "q1", "handle": "h"}),
    ],
)
def test_what_a_message_says_is_taken_by_its_form(
    attributes: dict[str, str], body: str, expected: dict[str, Any]
) -> None:
    found = read(raw(body, **FROM_OURS | attributes), {"arn:mail"})

    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("handle", ["AQEB/+w=", "AQEB", "AQE", "a-b#c", "QUI=\n", "QR=="])
def test_a_receipt_handle_is_kept_to_the_letter(handle: str) -> None:
    assert letter(packed=packed(handle)).handle == handle


def test_another_queue_s_dead_letters_are_known() -> None:
    message = raw("{}")
    message["Attributes"]["DeadLetterQueueSourceArn"] = "arn:other"

    assert read(message, {"arn:mail"}).foreign
    assert read(message, {"arn:mail"}).state == "strange"
    assert not read(message, {"arn:other"}).foreign
    assert read(raw("{}"), {"arn:mail"}).foreign  # nothing says that it is ours
    assert not read(raw("{}", state="failed"), {"arn:mail"}).foreign
    assert not read(raw("{}", TARGET_ARN="arn:mail"), {"arn:mail"}).foreign
