"""Mails through the real template: by the API, by the queue, failed, tried again, paused."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import World

EVENTS = Path(__file__).parents[2] / "events"
ARABIC = "تم استلام طلبك رقم ١٠٤٢ — شكرًا لك 🌙"
HTML = """<!DOCTYPE html>
<html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>طلبك</title></head>
<body>\t<p style="color:#0a0">100 % &amp; more + "quotes" \\ and 'apostrophes' = ;,?</p>
<p>مرحبًا يا نورة، é ü 漢字 🚀\u200f \u200f</p>\r\n<a href="https://acme.sa/?a=1&b=%20#x">رابط</a></body></html>
"""


def test_a_mail_through_the_api(world: World) -> None:
    mail_id = world.post(world.mail())
    row = world.until_state(mail_id, "sent", "failed", "unknown")
    assert row["state"] == "sent"
    [mail] = world.received()
    assert (mail["auth"], mail["token"]["right"]) == ("body+header", True)
    assert mail["content_type"] == "application/x-www-form-urlencoded"
    assert mail["fields"] == {
        "campaignName": "transactional",
        "subject": "Hello",
        "from": "shop@acme.sa",
        "to": world.address(),
        "msg": "Hello, Nora.",
    }
    status, _, shown = world.call("GET", f"/emails/{mail_id}")
    assert (status, shown["last_event"]) == (200, "sent")
    assert shown["taqnyat"]["msg_id"] == str(mail["msg_id"]) == row["msg_id"]


def test_the_same_idempotency_key_is_the_same_mail(world: World) -> None:
    mail, key = world.mail(), {"Idempotency-Key": world.domain}
    first = world.post(mail, **key)
    world.until_state(first, "sent")
    assert world.post(mail, **key) == first
    status, _, answer = world.call(
        "POST", "/emails", json.dumps(world.mail(subject="Other")).encode(), key
    )
    assert (status, answer["name"]) == (409, "invalid_idempotent_request")
    assert len(world.received()) == 1


def test_a_mail_through_the_queue(world: World) -> None:
    mail_id = world.put_on_queue(world.mail())
    row = world.until_state(mail_id, "sent", "failed", "unknown")
    assert row["state"] == "sent"
    assert [mail["fields"]["msg"] for mail in world.received()] == ["Hello, Nora."]


@pytest.mark.parametrize("door", ["api", "queue"])
def test_arabic_and_html_arrive_to_the_byte(world: World, door: str) -> None:
    mail = world.mail(subject=ARABIC, html=HTML)
    del mail["text"]
    mail["from"] = "متجر النخبة <shop@acme.sa>"
    mail_id = world.post(mail) if door == "api" else world.put_on_queue(mail)
    world.until_state(mail_id, "sent")
    [received] = world.received()
    assert received["fields"]["subject"] == ARABIC
    assert received["fields"]["msg"] == HTML
    assert received["fields"]["from"] == "shop@acme.sa"


def test_the_sample_event_of_a_direct_producer(world: World) -> None:
    event = json.loads((EVENTS / "sqs-direct-producer.json").read_text(encoding="utf-8"))
    mail = json.loads(event["Records"][0]["body"]) | {"to": [world.address()]}
    world.until_state(world.put_on_queue(mail), "sent")
    assert len(world.received()) == 1


def test_a_terminal_failure_is_in_the_failed_queue_with_its_reason(world: World) -> None:
    world.simulator.script({"answer": "code:14", "to": f"*@{world.domain}"})
    mail = world.mail()
    mail_id = world.post(mail)
    row = world.until_state(mail_id, "sent", "failed", "unknown")
    assert (row["state"], row["code"]) == ("failed", 14)
    message = world.failed_message(mail_id)
    attributes = {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }
    assert attributes["state"] == "failed"
    assert attributes["code"] == "14"
    assert attributes["reason"] == row["reason"]
    assert attributes["attempt"] == "1"
    assert json.loads(message["Body"])["text"] == mail["text"]
    assert world.received() == []
    assert world.call("GET", f"/emails/{mail_id}")[2]["last_event"] == "failed"


def test_an_invalid_message_is_in_the_failed_queue_and_sinks_no_neighbour(world: World) -> None:
    bad = world.put_on_queue(world.mail(subject=""))
    good = world.put_on_queue(world.mail())
    attributes = world.failed_message(bad)["MessageAttributes"]
    assert attributes["state"]["StringValue"] == "invalid"
    assert "subject" in attributes["reason"]["StringValue"]
    world.until_state(good, "sent")


def test_a_retryable_failure_is_sent_on_the_second_try(world: World) -> None:
    rule = {"answer": "status:503", "to": f"*@{world.domain}", "times": 1, "retry_after": 1}
    world.simulator.script(rule)
    mail_id = world.post(world.mail())
    row = world.until_state(mail_id, "sent", "failed", "unknown")
    assert row["state"] == "sent"
    assert [attempt["verdict"] for attempt in row["attempts"]] == ["retryable", "sent"]
    assert len(world.received()) == 1


def test_an_accepted_mail_whose_answer_is_lost_is_held_and_not_sent_again(world: World) -> None:
    world.simulator.script({"answer": "accept_then_cut", "to": f"*@{world.domain}"})
    mail_id = world.post(world.mail())
    assert world.until_state(mail_id, "sent", "failed", "unknown")["state"] == "unknown"
    assert world.failed_message(mail_id)["MessageAttributes"]["state"]["StringValue"] == "unknown"
    assert len(world.received()) == 1


def test_an_empty_account_pauses_and_a_top_up_resumes(world: World) -> None:
    world.simulator.account(balance=0)
    ids = [world.post(world.mail(to=[world.address(f"u{n}")])) for n in range(5)]
    world.until(lambda: _status(world)["sending"] == "paused")
    assert _status(world)["reason"]
    world.simulator.account(balance=100)
    for mail_id in ids:
        assert world.until_state(mail_id, "sent", "failed", "unknown")["state"] == "sent"
    world.until(lambda: _status(world)["sending"] == "active")
    assert [len(world.received(f"u{n}")) for n in range(5)] == [1] * 5


def test_a_hundred_mails_at_once_each_arrive_once(world: World) -> None:
    def send(number: int) -> str:
        return world.post(world.mail(to=[world.address(f"u{number}")]))

    with ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(send, range(100)))
    assert len(set(ids)) == 100
    for mail_id in ids:
        world.until_state(mail_id, "sent")
    assert [len(world.received(f"u{n}")) for n in range(100)] == [1] * 100


def _status(world: World) -> Any:  # noqa: ANN401 - JSON
    return world.call("GET", "/status")[2]
