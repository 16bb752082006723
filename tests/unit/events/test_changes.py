"""Events for applications: each settled mail and each pause tells once, as the schema says."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from jsonschema import Draft202012Validator
from mail_events import handler as entry
from mail_events.changes import event_of
from outbox.storage.expressions import pack_item

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/events.schema.json").read_text("utf-8"))
ROW = {
    "pk": "m1",
    "state": "sent",
    "updated": "2026-11-23T08:00:00.000Z",
    "client": "shop",
    "sender": "shop@acme.sa",
    "to": ["n***@example.com"],
    "campaign": "orders",
    "reason": "sent",
    "msg_id": "7",
    "price": "0.5",
    "attempt_count": 1,
}
PAUSED = {"pk": "#pause", "paused": True, "reason": "ip_refused", "detail": "1.2.3.4"}
PAUSED |= {"by": "system", "since": 1_795_000_000, "next_probe": 1}
RESUMED = PAUSED | {"paused": False, "resumed_at": 1_795_000_100}


def record(
    old: dict[str, Any] | None, new: dict[str, Any] | None, number: int = 1
) -> dict[str, Any]:
    """Make a record of the stream."""
    images = {"OldImage": old, "NewImage": new}
    change = {name: pack_item(image) for name, image in images.items() if image}
    return {"eventID": f"e{number}", "dynamodb": {"SequenceNumber": str(number), **change}}


def told(old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return the event of a change, held to the schema."""
    found = event_of(record(old, new))
    assert found
    kind, detail = found
    Draft202012Validator(SCHEMA["$defs"][kind]).validate(detail)
    assert "example.com" not in json.dumps(detail)
    assert "acme" not in json.dumps(detail)
    return kind, detail


def test_a_mail_that_was_sent() -> None:
    kind, detail = told(ROW | {"state": "sending"}, ROW)

    assert kind == "Mail sent"
    assert detail == {
        "version": 1,
        "event_id": "e1",
        "id": "m1",
        "state": "sent",
        "at": "2026-11-23T08:00:00.000Z",
        "client": "shop",
        "campaign": "orders",
        "reason": "sent",
        "msg_id": "7",
        "price": "0.5",
        "attempts": 1,
        "resends": 0,
    }


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_a_mail_that_was_not(state: str) -> None:
    row = ROW | {"state": state, "reason": "sender_refused", "code": 14}
    row = {key: value for key, value in row.items() if key not in {"msg_id", "price", "client"}}

    kind, detail = told(row | {"state": "sending"}, row)

    assert kind == f"Mail {state}"
    assert detail["code"] == 14


def test_an_unknown_mail_that_a_person_resolved() -> None:
    assert told(ROW | {"state": "unknown"}, ROW)[0] == "Mail sent"


def test_pause_and_resume() -> None:
    kind, detail = told(None, PAUSED)
    assert kind == "Sending paused"
    assert (detail["reason"], detail["address"], detail["by"]) == (
        "ip_refused",
        "1.2.3.4",
        "system",
    )
    assert told(PAUSED, RESUMED)[0] == "Sending resumed"
    assert told(RESUMED, PAUSED | {"since": 1_795_000_200})[0] == "Sending paused"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ROW, ROW | {"to": ["erased"]}),
        (None, ROW | {"state": "queued"}),
        (ROW | {"state": "queued"}, ROW | {"state": "sending"}),
        (ROW | {"state": "queued"}, ROW | {"state": "canceled"}),
        (ROW, None),
        (PAUSED, PAUSED | {"probes": 1, "next_probe": 2}),
        (RESUMED, RESUMED | {"announced": True}),
        (None, {"pk": "#provider", "up": True}),
    ],
)
def test_what_tells_nothing(old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    assert event_of(record(old, new)) is None


def published(monkeypatch: pytest.MonkeyPatch, bus: Mock, count: int) -> dict[str, Any]:
    """Handle a batch of mails that were sent."""
    monkeypatch.setenv("EVENT_BUS_NAME", "apps")
    monkeypatch.setattr("mail_events.handler.aws.client", lambda _: bus)
    records = [record(None, ROW | {"pk": f"m{n}"}, n) for n in range(count)]
    return entry.handler({"Records": records}, None)


def test_all_are_published_in_order_ten_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Mock()
    bus.put_events.return_value = {"FailedEntryCount": 0}

    answer = published(monkeypatch, bus, 25)

    calls = [call.kwargs["Entries"] for call in bus.put_events.call_args_list]
    assert answer == {"batchItemFailures": []}
    assert [len(entries) for entries in calls] == [10, 10, 5]
    ids = [json.loads(one["Detail"])["id"] for entries in calls for one in entries]
    assert ids == [f"m{n}" for n in range(25)]
    assert {key: calls[0][0][key] for key in ("EventBusName", "Source", "DetailType")} == {
        "EventBusName": "apps",
        "Source": "taqnyat-mail",
        "DetailType": "Mail sent",
    }


def test_what_the_bus_does_not_take_comes_again_with_all_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus = Mock()
    refused = {"FailedEntryCount": 1, "Entries": [{}, {"ErrorCode": "ThrottlingException"}, {}]}
    bus.put_events.return_value = refused

    answer = published(monkeypatch, bus, 3)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


@pytest.mark.parametrize(("said", "told"), [("yes", True), ("no", False), ("", False)])
def test_a_stack_says_whether_tags_are_told(
    monkeypatch: pytest.MonkeyPatch, said: str, *, told: bool
) -> None:
    monkeypatch.setenv("INCLUDE_TAGS", said)
    change = record(None, ROW | {"tags": [{"name": "n", "value": "v"}]})
    [(number, found)] = entry.entries([change], "apps")
    assert number == "1"
    assert ("tags" in json.loads(found["Detail"])) is told


@pytest.mark.parametrize("include_tags", [False, True])
def test_tags_are_told_only_where_asked_for(*, include_tags: bool) -> None:
    tags = [{"name": "order", "value": "1042"}, {"name": "for", "value": "n***@x.sa"}]
    change = record(ROW | {"state": "sending"}, ROW | {"tags": tags})

    found = event_of(change, include_tags=include_tags)

    assert found
    kind, detail = found
    Draft202012Validator(SCHEMA["$defs"][kind]).validate(detail)
    assert detail.get("tags") == (tags if include_tags else None)
