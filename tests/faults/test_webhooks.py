"""Webhooks in the world in memory: what is told, when it is tried again, and who waits for whom."""

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.faults.accounts import START
from tests.faults.webhook_world import URL, Receiver, WebhookWorld, with_webhooks
from tests.faults.world import World

HOUR = 3600
DAY = 86400
OTHER = "https://other.example/hook?key=1"
# Sums of the waits, which are spread by a tenth at most; here by nothing.
TRIES = [0, 5, 305, 2105, 9305, 27305, 63305, 99305]


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    with with_webhooks():
        yield


def told(world: WebhookWorld, url: str = URL) -> list[str]:
    """Return the types of the events that an endpoint took."""
    return [receipt.body["type"] for receipt in world.receivers[url].receipts]


def test_an_endpoint_is_told_what_became_of_each_mail() -> None:
    world = WebhookWorld()
    world.hook()
    world.taqnyat.script = ["code_15", "hang"]
    world.post("failed")
    world.post("unknown")
    world.post("sent")
    world.post("later", scheduled_at=START + HOUR)
    world.cancel(world.post("canceled", scheduled_at=START + HOUR))
    world.run_until_told()

    assert sorted(told(world)) == [
        "email.canceled",
        "email.delivery_delayed",
        "email.failed",
        "email.scheduled",
        "email.scheduled",
        "email.sent",
        "email.sent",
    ]
    assert world.held == []
    assert {item["outcome"]["S"] for item in world.log()} == {"delivered"}


def test_what_is_told_has_resend_s_shape_and_no_address_subject_or_body() -> None:
    world = WebhookWorld()
    world.hook()
    world.taqnyat.script = ["code_15"]
    order = world.post("a secret subject", to=["nora@example.com"])
    world.run_until_told()
    [receipt] = world.receivers[URL].receipts
    body = receipt.body

    assert body["type"] == "email.failed"
    assert body["created_at"].endswith("Z")
    assert body["data"]["email_id"] == order.mail_id
    assert body["data"]["from"] == "shop@acme.sa"
    assert body["data"]["to"] == ["n***@example.com"]
    assert body["data"]["failed"] == {"reason": body["data"]["taqnyat"]["reason"]}
    known = body["data"]["taqnyat"]
    assert (known["state"], known["error_code"], known["attempt_count"]) == ("failed", 15, 1)
    assert {known["explanation"][language] for language in ("en", "ar")} != {""}
    for text in ("nora", "secret", "Hello"):
        assert text not in json.dumps(body)


def test_only_a_client_s_own_endpoints_are_told_and_only_what_they_asked_for() -> None:
    world = WebhookWorld()
    world.hook(OTHER, client="another")
    world.hook(events=["email.failed"])
    world.post("sent")
    world.run_until_told()

    assert told(world) == []
    assert told(world, OTHER) == []


def test_a_pause_is_told_to_whoever_subscribes() -> None:
    world = WebhookWorld(FAILURE_RUN="2", PROBE_DELAYS_SECONDS="90,150")
    world.hook()
    world.hook(OTHER, client="another", events=["sending.paused", "sending.resumed"])
    world.taqnyat.refusing = "code_2"
    world.at(200.0, lambda: setattr(world.taqnyat, "refusing", None))
    world.post("mail")
    world.run_until_told()

    assert sorted(told(world)) == ["email.sent", "sending.paused", "sending.resumed"]
    assert sorted(told(world, OTHER)) == ["sending.paused", "sending.resumed"]
    [paused] = [
        receipt.body
        for receipt in world.receivers[OTHER].receipts
        if receipt.body["type"] == "sending.paused"
    ]
    assert paused["data"]["taqnyat"]["reason"] == "balance_empty"


def test_tries_come_at_the_times_that_are_documented_and_end_in_the_log() -> None:
    world = WebhookWorld()
    world.receivers[URL].answer = lambda _: 500
    world.hook()
    world.post("mail")
    world.run_until_told()
    calls = world.receivers[URL].calls

    assert [round(at - calls[0]) for at in calls] == pytest.approx(TRIES, abs=20)
    [item] = world.log()
    assert item["outcome"]["S"] == "failed"
    assert len(item["attempts"]["L"]) == len(TRIES)
    assert world.held == []


def test_a_repeat_has_the_same_id_and_a_signature_of_its_own_time() -> None:
    world = WebhookWorld()
    world.receivers[URL].answer = lambda number: 200 if number > 3 else 503
    world.hook()
    world.post("mail")
    world.run_until_told()

    assert len(world.receivers[URL].calls) == 4
    assert len({receipt.event_id for receipt in world.receivers[URL].receipts}) == 1


@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [("600", 600), ("2", 5), ("999999999", 3600), ("soon", 5), ("-7", 5), (None, 5)],
)
def test_an_endpoint_that_asks_for_time_gets_it_within_an_hour(
    retry_after: str | None, waited: float
) -> None:
    world = WebhookWorld()
    receiver = world.receivers[URL]
    receiver.answer, receiver.retry_after = lambda number: 200 if number > 1 else 429, retry_after
    world.hook()
    world.post("mail")
    while not receiver.calls:
        world.run_until_quiet()
        _ = world.tell() or world.call_hooks()
    if waited > 5:
        world.post("another mail, meanwhile")
        world.run_until_quiet()
        while world.tell() or world.call_hooks():
            pass
        assert len(receiver.calls) == 1
    world.run_until_told()

    assert receiver.calls[1] - receiver.calls[0] == pytest.approx(
        waited, abs=20 if waited > 5 else 4
    )
    assert min(receipt.at for receipt in receiver.receipts) >= receiver.calls[0] + 0.9 * waited
    assert world.held == []


def test_the_events_of_a_dead_endpoint_wait_in_the_table_and_one_is_tried() -> None:
    world = WebhookWorld(WEBHOOK_RETRY_SECONDS="3600")
    world.hook()
    world.receivers[URL].answer = lambda _: 500
    for number in range(300):
        world.post(f"mail {number}")
    world.run_until_quiet()
    while world.tell() or world.call_hooks():
        pass

    assert len(world.receivers[URL].calls) == 10  # at once, until it was found dead
    assert len(world.held) == 300
    assert len(world.hook_queue.messages) <= 2
    for number in range(300, 400):
        world.post(f"mail {number}")
    world.run_until_quiet()
    while world.tell() or world.call_hooks():
        pass
    assert len(world.receivers[URL].calls) == 10
    assert len(world.hook_queue.messages) <= 2

    world.receivers[URL].answer = lambda _: 200
    world.run_until_told()
    assert len({receipt.event_id for receipt in world.receivers[URL].receipts}) == 400
    assert world.held == []


def test_an_endpoint_that_failed_for_three_days_is_paused_and_the_operators_told() -> None:
    world = WebhookWorld()
    hook = world.hook()
    world.receivers[URL].answer = lambda _: 500
    for number in range(40):
        world.post(f"mail {number}")
    world.run_until_told()

    shown = json.loads(world.manage("GET", "/webhooks/{id}", hook=hook)["body"])
    assert shown["status"] == "disabled"
    assert shown["taqnyat"]["paused_at"]
    [notice] = [
        notice for notice in world.sns.notices if notice["Subject"].endswith("a webhook is paused")
    ]
    assert hook in notice["Message"]
    assert "example" not in notice["Message"]
    since = world.receivers[URL].calls[0]
    assert 3 * DAY <= world.now - since < 4 * DAY

    waiting = len(world.held)
    assert waiting
    world.post("while it is paused")
    world.run_until_told()
    assert len(world.held) == waiting + 1
    calls = len(world.receivers[URL].calls)

    world.receivers[URL].answer = lambda _: 200
    answer = world.manage("PATCH", "/webhooks/{id}", {"status": "enabled"}, hook=hook)
    assert answer["statusCode"] == 200
    world.run_until_told()
    assert len(world.receivers[URL].calls) == calls + waiting + 1
    assert world.held == []


def test_a_slow_endpoint_is_called_for_one_event_at_a_time() -> None:
    world = WebhookWorld()
    world.hook()
    world.hook(OTHER)
    world.receivers[URL].seconds = 8.0
    for number in range(40):
        world.post(f"mail {number}")
    world.run_until_told()

    assert len(told(world)) == len(told(world, OTHER)) == 40
    calls = world.receivers[URL].calls
    assert min(later - sooner for sooner, later in pairwise(calls[10:])) >= 8.0


def test_an_endpoint_that_is_removed_or_disabled_is_not_called() -> None:
    world = WebhookWorld()
    first, second = world.hook(), world.hook(OTHER)
    world.manage("DELETE", "/webhooks/{id}", hook=first)
    world.manage("PATCH", "/webhooks/{id}", {"status": "disabled"}, hook=second)
    world.post("mail")
    world.run_until_told()

    assert world.receivers[URL].calls == world.receivers[OTHER].calls == []
    assert world.held == []


def test_both_secrets_are_good_for_a_day_after_a_rotation() -> None:
    world = WebhookWorld()
    hook = world.hook()
    old = world.receivers[URL].secret
    answer = world.manage("POST", "/webhooks/{id}/signing-secret/rotate", hook=hook)
    new = json.loads(answer["body"])["signing_secret"]
    assert new != old

    for secret, after in ((old, 0.0), (new, 0.0), (new, float(DAY))):
        world.wait(after)
        world.receivers[URL].secret = secret
        world.post(f"{secret} {after}")
        world.run_until_told()
    assert len(told(world)) == 3

    world.receivers[URL] = Receiver(secret=old)
    world.post("with the old one, too late")
    world.run_until_told()
    assert world.receivers[URL].calls
    assert told(world) == []


def test_a_rotation_that_is_repeated_keeps_the_secret_in_use() -> None:
    """The answer of the first call was lost: the application has only the oldest secret."""
    world = WebhookWorld()
    hook = world.hook()
    for number in range(3):
        world.manage("POST", "/webhooks/{id}/signing-secret/rotate", hook=hook)
        world.post(f"mail {number}")
        world.run_until_told()
    assert len(told(world)) == 3

    world.wait(DAY)
    world.post("a day later")
    world.run_until_told()
    assert len(told(world)) == 3


@pytest.mark.parametrize("mails", [2, 40])
@pytest.mark.parametrize("change", [{"status": "enabled"}, {"endpoint": OTHER}])
def test_an_endpoint_that_is_mended_is_called_at_once(mails: int, change: dict[str, str]) -> None:
    """Not after up to ten hours, when its next try would have come."""
    world = WebhookWorld()
    hook = world.hook()
    world.receivers[OTHER].secret = world.receivers[URL].secret
    world.receivers[URL].answer = lambda _: 500
    for number in range(mails):
        world.post(f"mail {number}")
    end = world.now + DAY / 4
    while world.now < end:
        world.run_until_quiet()
        while world.tell() or world.call_hooks():
            pass
        world.wait(60.0)
    assert len(world.held) == mails

    for _ in range(20):  # no number of changes uses up an event's tries
        world.manage("PATCH", "/webhooks/{id}", {"status": "enabled"}, hook=hook)
        while world.call_hooks():
            pass
    assert len(world.held) == mails

    mended = URL if "status" in change else OTHER
    world.receivers[mended].answer = lambda _: 200
    world.manage("PATCH", "/webhooks/{id}", change, hook=hook)
    began = world.now
    while world.call_hooks():
        pass
    assert world.now < began + 60
    assert len(told(world, mended)) == mails
    assert world.held == []


def test_an_endpoint_that_is_mended_during_a_slow_call_is_called_soon_after_it() -> None:
    world = WebhookWorld(WEBHOOK_RETRY_SECONDS="3600")
    hook = world.hook()
    world.receivers[URL].answer = lambda _: 500
    world.post("mail")
    world.run_until_quiet()
    while world.tell() or world.call_hooks():
        pass
    [turn] = [item for item in world.hooks.items.values() if item["sk"]["S"] == "health"]
    turn |= {"token": {"S": "another run"}, "lease": {"N": str(int(world.now) + 20)}}
    world.receivers[URL].answer = lambda _: 200
    world.manage("PATCH", "/webhooks/{id}", {"status": "enabled"}, hook=hook)
    began = world.now
    while world.held and world.now < began + 3600:
        if not world.call_hooks():
            world.wait(1.0)

    assert world.now < began + 60
    assert len(told(world)) == 1


def test_a_mail_s_own_way_makes_the_same_calls_with_and_without_webhooks() -> None:
    """They hang on the ledger's stream: nothing of them is on the way of a mail."""
    found = []
    for world in (WebhookWorld(), World()):
        if isinstance(world, WebhookWorld):
            world.hook()
            world.calls.clear()
        world.taqnyat.script = ["code_15", "hang", "status_503"]
        for number in range(6):
            world.post(f"mail {number}")
        world.post_batch(["a", "b"])
        if isinstance(world, WebhookWorld):
            world.run_until_told()
        else:
            world.run_until_quiet(schedules=True)
        found.append([call for call in world.calls if call.process in {"api", "worker"}])

    assert found[0] == found[1]
    assert len(found[0]) > 40


def test_tags_are_told_only_where_they_are_asked_for() -> None:
    world = WebhookWorld()
    world.hook()
    world.hook(OTHER, include_tags=True)
    world.post("mail", tags=[{"name": "order", "value": "1042"}])
    world.run_until_told()

    [without] = world.receivers[URL].receipts
    [tagged] = world.receivers[OTHER].receipts
    assert "tags" not in without.body["data"]
    assert tagged.body["data"]["tags"] == {"order": "1042"}
