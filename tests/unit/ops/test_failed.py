"""The failed queue: who is moved, who is removed, who is left; and a look that takes nothing."""

import json
from typing import Any

import pytest
from outbox.mail.states import State
from outbox.storage.row import Row

from ops.errors import OpsError
from ops.failed import Choice, FailedQueue, Fate, Parked, carry_out, fate, only, plan


class Sqs:
    """Two queues in memory; a message that is held is hidden."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.failed = {message["MessageId"]: message for message in messages}
        self.hidden: set[str] = set()
        self.mail: list[dict[str, object]] = []

    def receive_message(self, *, MaxNumberOfMessages: int, **_: object) -> dict[str, Any]:  # noqa: N803
        seen = [key for key in self.failed if key not in self.hidden][:MaxNumberOfMessages]
        self.hidden |= set(seen)
        return {"Messages": [self.failed[key] for key in seen]} if seen else {}

    def change_message_visibility(self, *, ReceiptHandle: str, **_: object) -> None:  # noqa: N803
        self.hidden.discard(ReceiptHandle)

    def delete_message(self, *, ReceiptHandle: str, **_: object) -> None:  # noqa: N803
        del self.failed[ReceiptHandle]

    def send_message(self, **arguments: object) -> None:
        self.mail.append(arguments)


def message(mail_id: str = "m1", sent_at: float = 100.0, **attributes: object) -> dict[str, Any]:
    """Make a message as SQS gives it; its receipt handle is its id."""
    given: dict[str, object] = {
        "id": mail_id,
        "state": "failed",
        "reason": "sender_refused",
        "attempt": 1,
    }
    given = {key: value for key, value in (given | attributes).items() if value is not None}
    return {
        "MessageId": f"{mail_id}-{sent_at}",
        "ReceiptHandle": f"{mail_id}-{sent_at}",
        "Body": json.dumps({"id": mail_id, "from": "shop@acme.sa", "subject": "secret"}),
        "Attributes": {"SentTimestamp": str(int(sent_at * 1000))},
        "MessageAttributes": {
            key: {
                "DataType": "Number" if isinstance(value, int) else "String",
                "StringValue": str(value),
            }
            for key, value in given.items()
        },
    }


def parked(**changes: Any) -> Parked:  # noqa: ANN401  as `message` takes them
    """Make one message of the failed queue."""
    (found,) = [*looked(Sqs(message(**changes)))]
    return found


def looked(sqs: Sqs) -> list[Parked]:
    """Return what a look shows."""
    with FailedQueue(sqs, "failed", "mail").look() as held:
        return held


def row(state: State, attempts: int = 1) -> Row:
    """Make a mail's row."""
    return Row(id="m1", state=state, attempt_count=attempts)


@pytest.mark.parametrize(
    ("attributes", "standing", "expected"),
    [
        ({}, row(State.FAILED), Fate.MOVE),
        ({"state": "unknown"}, row(State.UNKNOWN), Fate.MOVE),
        ({}, row(State.SENT), Fate.REMOVE),
        ({}, row(State.CANCELED), Fate.REMOVE),
        ({}, row(State.FAILED, attempts=2), Fate.REMOVE),
        ({}, row(State.QUEUED), Fate.LEAVE),
        ({}, row(State.SENDING), Fate.LEAVE),
        ({}, None, Fate.LEAVE),
        ({"state": "invalid"}, None, Fate.MOVE),
        ({"state": None, "attempt": None}, None, Fate.MOVE),
        ({"state": None, "attempt": None}, row(State.QUEUED), Fate.MOVE),
        ({"state": None, "attempt": None}, row(State.FAILED), Fate.LEAVE),
    ],
)
def test_the_ledger_decides_what_redrive_does(
    attributes: dict[str, Any], standing: Row | None, expected: Fate
) -> None:
    assert fate(parked(**attributes), standing)[0] is expected


def test_a_look_takes_nothing_and_hides_nothing_afterwards() -> None:
    sqs = Sqs(*(message(f"m{number}", number) for number in range(25)))

    found = looked(sqs)

    assert [entry.mail_id for entry in found] == [f"m{number}" for number in range(25)]
    assert len(sqs.failed) == 25
    assert not sqs.hidden


def test_a_look_ends_well_when_its_reader_fails() -> None:
    sqs = Sqs(message())

    with pytest.raises(KeyError), FailedQueue(sqs, "failed", "mail").look():
        raise KeyError

    assert not sqs.hidden


def test_moving_keeps_the_attributes_and_the_body() -> None:
    sqs = Sqs(message(code=14), message("m2", 101.0))
    queue = FailedQueue(sqs, "failed", "mail")

    with queue.look() as held:
        carry_out(plan(held, Choice(mail_id="m1"), lambda _: row(State.FAILED)), queue)

    (moved,) = sqs.mail
    original = message(code=14)
    assert moved["QueueUrl"] == "mail"
    assert moved["MessageBody"] == original["Body"]
    assert moved["MessageAttributes"] == original["MessageAttributes"]
    assert [entry.mail_id for entry in looked(sqs)] == ["m2"]


@pytest.mark.parametrize(("bulk_url", "expected"), [("bulk", "bulk"), ("", "mail")])
def test_moving_keeps_the_lane_and_the_group(bulk_url: str, expected: str) -> None:
    given = message(lane="bulk")
    given["Attributes"]["MessageGroupId"] = "shop"
    sqs = Sqs(given)
    queue = FailedQueue(sqs, "failed", "mail", bulk_url)

    with queue.look() as held:
        carry_out(plan(held, Choice(), lambda _: row(State.FAILED)), queue)

    (moved,) = sqs.mail
    assert (moved["QueueUrl"], moved["MessageGroupId"]) == (expected, "shop")
    assert moved["MessageAttributes"] == given["MessageAttributes"]


def test_a_mail_that_was_sent_is_removed_and_not_moved() -> None:
    sqs = Sqs(message())
    queue = FailedQueue(sqs, "failed", "mail")

    with queue.look() as held:
        carry_out(plan(held, Choice(), lambda _: row(State.SENT)), queue)

    assert not sqs.mail
    assert not sqs.failed


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(reason="sender_refused"), True),
        (Choice(reason="expired"), False),
        (Choice(code=14), True),
        (Choice(code=15), False),
        (Choice(since=100.0), True),
        (Choice(since=100.5), False),
        (Choice(sender="@ACME.sa"), True),
        (Choice(sender="@other.sa"), False),
        (Choice(states=frozenset({"failed"})), True),
        (Choice(states=frozenset({"unknown"})), False),
        (Choice(mail_id="m2"), False),
    ],
)
def test_choosing(choice: Choice, *, taken: bool) -> None:
    assert choice.takes(parked(code=14)) is taken


def test_a_summary_shows_nothing_of_the_mail() -> None:
    assert "secret" not in json.dumps(parked().summary())
    assert "secret" not in repr(parked())


def test_only_takes_the_newest_copy() -> None:
    found = looked(Sqs(message(sent_at=1.0), message(sent_at=2.0, attempt=2)))

    assert only(found, "m1").message.redrive_attempt == 2
    with pytest.raises(OpsError, match="no message of this mail"):
        only(found, "m2")


def test_a_body_that_is_no_json_can_be_listed() -> None:
    broken = message() | {"Body": "{"}
    (found,) = looked(Sqs(broken))

    assert found.summary()["from"] is None
    assert found.mail_id == "m1"
