"""The event of a change: its type, its id, its content; and the body of a call."""

import json
from typing import Any

import pytest
from outbox.storage.expressions import pack_item
from outbox.webhooks.events import Event, event_id, event_of, first_id, render, trial

AT = "2027-01-15T08:00:00.500Z"
ID = "msg_1a3185c51f4"  # 1,800,000,000,500 ms
ROW: dict[str, Any] = {
    "pk": "m-1",
    "state": "sent",
    "client": "shop",
    "sender": "shop@acme.sa",
    "to": ["n***@example.com"],
    "campaign": "orders",
    "created": "2027-01-15T07:59:00.000Z",
    "updated": AT,
    "attempt_count": 2,
    "resends": 1,
    "msg_id": "7",
    "price": "0.5",
    "tags": [{"name": "n", "value": "v"}],
}
PAUSE = {"pk": "#pause", "paused": True, "reason": "ip_refused", "since": 1_800_000_000}


def change(old: dict[str, Any], new: dict[str, Any]) -> Event | None:
    images = {"OldImage": pack_item(old), "NewImage": pack_item(new)}
    return event_of({name: image for name, image in images.items() if image})


def mail(**fields: Any) -> Event:  # noqa: ANN401 - a row's attributes
    found = change({**ROW, "state": "sending"}, ROW | fields)
    assert found is not None
    return found


def test_a_mail_that_was_sent() -> None:
    found = mail()
    assert found == Event(
        id=event_id(1_800_000_000.5, "m-1", "sent", 2),
        kind="email.sent",
        created_at=AT,
        client="shop",
        data={
            "email_id": "m-1",
            "created_at": "2027-01-15T07:59:00.000Z",
            "from": "shop@acme.sa",
            "to": ["n***@example.com"],
            "taqnyat": {
                "state": "sent",
                "campaign_name": "orders",
                "reason": None,
                "error_code": None,
                "attempt_count": 2,
                "resends": 1,
                "msg_id": "7",
                "price": "0.5",
            },
        },
        tags={"n": "v"},
    )


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("failed", "email.failed"),
        ("unknown", "email.delivery_delayed"),
        ("scheduled", "email.scheduled"),
        ("canceled", "email.canceled"),
    ],
)
def test_each_state_that_is_told_has_its_type(state: str, kind: str) -> None:
    assert mail(state=state).kind == kind


def test_what_only_some_states_have() -> None:
    failed = mail(state="failed", reason="bad_address", code=15, scheduled_at=1_800_000_000)
    assert failed.data["failed"] == {"reason": "bad_address"}
    assert failed.data["scheduled_at"] == "2027-01-15T08:00:00.000Z"
    assert failed.data["taqnyat"]["reason"] == "bad_address"
    assert failed.data["taqnyat"]["error_code"] == 15
    assert mail(state="failed").data["failed"] == {"reason": ""}


def test_another_attempt_with_the_same_end_is_another_event() -> None:
    again = change({**ROW, "attempt_count": 1}, ROW)
    assert again is not None
    assert again.id != mail(attempt_count=3).id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ROW, ROW | {"price": "0.6"}),
        (ROW, {}),
        ({}, ROW | {"state": "queued"}),
        ({}, {key: value for key, value in ROW.items() if key != "client"}),
        ({}, {key: value for key, value in ROW.items() if key != "state"}),
        (PAUSE, PAUSE | {"detail": "x"}),
        ({}, {"pk": "#pause", "paused": False, "since": 0}),
        (PAUSE | {"paused": False, "since": 5}, PAUSE | {"paused": False, "since": 6}),
    ],
)
def test_what_is_no_event(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert change(old, new) is None


def test_a_pause_and_its_end() -> None:
    data = {"taqnyat": {"reason": "ip_refused", "since": "2027-01-15T08:00:00.000Z"}}
    assert change({}, PAUSE) == Event(
        id=event_id(1_800_000_000, "#pause", True),  # noqa: FBT003
        kind="sending.paused",
        created_at="2027-01-15T08:00:00.000Z",
        client=None,
        data=data,
    )
    resumed = PAUSE | {"paused": False, "resumed_at": 1_800_000_060}
    assert change(PAUSE, resumed) == Event(
        id=event_id(1_800_000_060, "#pause", False),  # noqa: FBT003
        kind="sending.resumed",
        created_at="2027-01-15T08:01:00.000Z",
        client=None,
        data=data,
    )
    assert change(PAUSE, PAUSE | {"since": 1_800_000_001}) is not None


def test_ids_are_stable_and_sort_by_time() -> None:
    assert first_id(1_800_000_000.5) == ID
    found = event_id(1_800_000_000.5, "m-1", "sent", 2)
    assert found.startswith(ID)
    assert found == mail().id
    assert len(found) == len(ID) + 20
    assert found != event_id(1_800_000_000.5, "m-1", "sent", 3)
    # Stored events have this id: it must never be made in another way.
    assert event_id(0, "a").removeprefix("msg_00000000000") == "0eb5b8d6f81bc677da8a"


def test_a_trial_has_no_content() -> None:
    found = trial(1_800_000_000.5, "u")
    assert found == Event(
        id=event_id(1_800_000_000.5, "webhook.test", "u"),
        kind="webhook.test",
        created_at=AT,
        client=None,
        data={},
    )
    assert json.loads(render(found, include_tags=True)) == {
        "type": "webhook.test",
        "created_at": AT,
        "data": {},
    }


def test_a_body_explains_the_reason_in_both_languages() -> None:
    found = json.loads(render(mail(reason="balance_empty"), include_tags=False))["data"]["taqnyat"]
    assert {*found["explanation"]} == {*found["remedy"]} == {"en", "ar"}
    assert found["explanation"] != found["remedy"]
    assert found["state"] == "sent"
    unknown = json.loads(render(mail(), include_tags=False))["data"]["taqnyat"]
    assert unknown["explanation"] is unknown["remedy"] is None


def test_tags_go_out_where_they_are_asked_for_and_arabic_as_it_is() -> None:
    event = mail(tags=[{"name": "n", "value": "مرحبا"}])
    body = render(event, include_tags=True)
    assert json.loads(body)["data"]["tags"] == {"n": "مرحبا"}
    assert "مرحبا".encode() in body
    assert b": " not in body
    assert "tags" not in json.loads(render(event, include_tags=False))["data"]
    assert json.loads(render(mail(tags=[]), include_tags=True))["data"]["tags"] == {}
    assert event.data.keys() == mail().data.keys()  # what is stored has not changed
