"""Whose a message is, and how long its mail has waited."""

import json

import pytest
from outbox.mail.times import iso
from outbox.queues.message import MAX_BODY_BYTES, ReceivedMessage
from outbox.queues.origin import is_strange, is_strange_dead_letter, waited

NORMAL, BULK, OTHER = "arn:mail", "arn:bulk", "arn:somebody-else"
LANES = (NORMAL, BULK)
NOW = 1_800_000_000.0


def message(
    body: str = "{}", /, source: str = "", sent_ago: float = 0.0, **given: str
) -> ReceivedMessage:
    """Make a message as it was received; `given` are its own attributes."""
    return ReceivedMessage("m", "h", body, given, NOW - sent_ago, source=source)


@pytest.mark.parametrize(
    ("source", "attributes", "strange"),
    [
        ("", {}, False),  # a producer's
        (NORMAL, {}, False),
        (BULK, {}, False),
        (OTHER, {}, True),
        (OTHER, {"state": "failed"}, False),
        (OTHER, {"state": "queued"}, False),
        (OTHER, {"state": "other"}, True),
        ("", {"state": "strange"}, True),  # given back before
    ],
)
def test_a_lane_takes_no_mail_from_another_queue_s_dead_letters(
    source: str, attributes: dict[str, str], *, strange: bool
) -> None:
    found = message(source=source)._replace(attributes=attributes)

    assert is_strange(found, LANES) is strange


@pytest.mark.parametrize(
    ("found", "strange"),
    [
        (message(state="failed"), False),
        (message(state="unknown"), False),
        (message(state="invalid"), False),
        (message(source=NORMAL), False),  # SQS moved it, after a thousand receives
        (message(source=OTHER), True),
        (message(source=OTHER, state="failed"), True),
        (message(), True),
        (message(state="strange"), True),
        (message(SCHEDULE_ARN="arn:schedule", TARGET_ARN=BULK), False),
        (message(SCHEDULE_ARN="arn:schedule", TARGET_ARN=OTHER), True),
        (message("x" * MAX_BODY_BYTES), True),
        (message("x" * (MAX_BODY_BYTES + 1)), False),  # no room for attributes
    ],
)
def test_a_dead_letter_is_ours_by_where_it_came_from_or_what_it_carries(
    found: ReceivedMessage, *, strange: bool
) -> None:
    assert is_strange_dead_letter(found, LANES) is strange


def accepted(seconds_ago: float) -> str:
    return json.dumps({"id": "a", "accepted_at": iso(NOW - seconds_ago)})


@pytest.mark.parametrize(
    ("body", "sent_ago", "seconds"),
    [
        (accepted(500), 100, 500),
        (accepted(-500), 100, 100),  # nothing is accepted after its message was sent
        ('{"id": "a"}', 100, 100),
        ('["accepted_at"]', 100, 100),
        ('"accepted_at"', 100, 100),
        ('{"accepted_at": "soon"}', 100, 100),
        ('{"accepted_at"', 100, 100),
        ('{"version":1,"batch":[{"id":"a","accepted_at":"2026-01-01T00:00:00Z"}]}', 100, 100),
    ],
)
def test_a_mail_waits_since_it_was_accepted(body: str, sent_ago: float, seconds: float) -> None:
    assert waited(message(body, sent_ago=sent_ago), NOW) == seconds


def test_a_message_without_a_time_has_not_waited() -> None:
    assert waited(message()._replace(sent_at=0.0), NOW) == 0.0
