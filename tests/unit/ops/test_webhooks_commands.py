"""`webhooks`, typed on a whole stack: endpoints, tests, the log, what is delivered again."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from outbox.mail.times import iso
from outbox.webhooks.deliveries import DELIVERED, FAILED, Changes, Deliveries, Delivery
from outbox.webhooks.endpoint import MAIL_EVENTS, Endpoint
from outbox.webhooks.endpoints import Endpoints
from outbox.webhooks.events import Event, event_id

from tests.unit.ops.cloud import HOOKS, NOW, WAKES, Cloud, lines

URL = "http://127.0.0.1:9/hook"
ONCE = "This is the only time that the secret is shown."
NO_SUCH = ["Error: shop has no endpoint of this id", "`webhooks list shop` shows them"]


@pytest.fixture
def shop(cloud: Cloud) -> Cloud:
    """Give a stack with webhooks on, and no endpoint."""
    cloud.webhooks()
    return cloud


def add(cloud: Cloud, client: str = "shop", *more: str) -> str:
    """Make an endpoint; return its id."""
    return str(cloud.json("webhooks", "add", client, URL, *more)["id"])


def of(cloud: Cloud, client: str = "shop") -> list[Endpoint]:
    """Return a client's endpoints, as the table has them."""
    return Endpoints(cloud.hooks, HOOKS).of(client)


def wakes(cloud: Cloud) -> list[dict[str, Any]]:
    """Return the endpoints that are woken."""
    return [json.loads(message.body) for message in cloud.sqs.queues[WAKES].messages]


def attempt(**more: Any) -> dict[str, Any]:
    """Return a call that was made."""
    return {"at": iso(NOW - 50), "ms": 12, **more}


def done(
    cloud: Cloud,
    endpoint: str,
    ago: int,
    outcome: str = FAILED,
    *attempts: dict[str, Any],
    waits: bool = False,
) -> str:
    """Have an event that is done, or that waits; return its id."""
    at = NOW - ago
    event = Event(
        id=event_id(at, ago),
        kind="email.sent",
        created_at=iso(at),
        client="shop",
        data={"email_id": f"m{ago}"},
    )
    store, changes = Deliveries(cloud.hooks, HOOKS, lambda: NOW), Changes()
    made = Delivery(event=event, due=at, attempts=attempts, outcome="" if waits else outcome)
    (store.wait if waits else store.done)(changes, made)
    store.write(endpoint, changes)
    return event.id


def test_an_endpoint_is_made_and_its_secret_is_shown_once(shop: Cloud) -> None:
    code, out, err = shop.run("webhooks", "add", "shop", URL)

    [endpoint] = of(shop)
    made, secret = lines(out)
    assert (code, made, lines(err)) == (0, endpoint.id, [ONCE])
    assert secret.startswith("whsec_")
    assert (endpoint.client, endpoint.url) == ("shop", URL)
    assert (endpoint.events, endpoint.include_tags) == (MAIL_EVENTS, False)
    assert secret not in repr(shop.hooks.items)


def test_an_endpoint_has_the_events_that_were_named(shop: Cloud) -> None:
    words = ("--event", "sending.paused", "--event", "email.sent", "--include-tags")
    told = shop.json("webhooks", "add", "shop", URL, *words)

    [endpoint] = of(shop)
    assert told == {"id": endpoint.id, "signing_secret": told["signing_secret"]}
    assert endpoint.events == ("sending.paused", "email.sent")
    assert endpoint.include_tags is True


def test_a_url_that_must_not_be_called_is_told(shop: Cloud) -> None:
    code, out, err = shop.run("webhooks", "add", "shop", "http://acme.sa/hook")

    assert (code, out) == (1, "")
    assert lines(err) == ["Error: `endpoint` must begin with https://"]
    assert of(shop) == []


def test_webhooks_of_this_machine_need_the_local_stack_s_setting(shop: Cloud) -> None:
    shop.webhooks(WEBHOOK_LOOPBACK="off")

    assert shop.run("webhooks", "add", "shop", URL)[0] == 1


@pytest.mark.parametrize("words", [("list",), ("add", "shop", URL), ("rotate", "shop", "h1")])
def test_a_stack_without_webhooks_says_how_to_get_them(
    cloud: Cloud, words: tuple[str, ...]
) -> None:
    code, _, err = cloud.run("webhooks", *words)

    assert code == 1
    assert lines(err) == [
        "Error: webhooks are not turned on in taqnyat-mail (nowhere)",
        "deploy it with the parameter Webhooks=on",
    ]


def test_endpoints_are_listed_of_one_or_of_all(shop: Cloud) -> None:
    till = add(shop, "till", "--event", "email.sent", "--event", "email.failed")
    first = add(shop, "shop", "--event", "email.sent", "--include-tags")
    [kept] = of(shop, "till")

    told = shop.json("webhooks", "list")
    alone = shop.json("webhooks", "list", "till")
    _, out, _ = shop.run("webhooks", "list", "till")

    assert [entry["id"] for entry in told] == [first, till]
    assert told[0]["include_tags"] is True
    assert alone == [
        {
            "client": "till",
            "id": till,
            "status": "enabled",
            "events": ["email.sent", "email.failed"],
            "endpoint": URL,
            "include_tags": False,
            "created": kept.created,
        }
    ]
    assert lines(out) == [
        "client  id  status  events  endpoint".replace("id  ", "id  "),
        f"till  {till}  enabled  email.sent email.failed  {URL}",
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"enabled": False}, "disabled"),
        ({"paused_at": "2026-11-18T08:00:00.000Z"}, "paused since 2026-11-18T08:00:00.000Z"),
    ],
)
def test_an_endpoint_that_is_not_called_is_told_as_such(
    shop: Cloud, change: dict[str, Any], status: str
) -> None:
    made = add(shop)
    stop(shop, made, **change)

    assert [entry["status"] for entry in shop.json("webhooks", "list", "shop")] == [status]
    code, _, err = shop.run("webhooks", "test", "shop", made)
    assert code == 1
    assert lines(err) == [
        "Error: this endpoint is disabled or paused",
        "enable it with `PATCH /webhooks`",
    ]
    assert wakes(shop) == []


def stop(cloud: Cloud, endpoint: str, **change: Any) -> None:
    """Have an endpoint that is not called."""
    item = next(item for item in cloud.hooks.items.values() if item.get("id") == {"S": endpoint})
    for name, value in change.items():
        item[name] = {"BOOL": value} if isinstance(value, bool) else {"S": value}


@pytest.mark.parametrize(
    "words",
    [("test",), ("rotate",), ("remove", "--yes"), ("log",), ("replay", "--since", "1h", "--yes")],
)
def test_an_endpoint_that_there_is_not_is_told(shop: Cloud, words: tuple[str, ...]) -> None:
    made = add(shop, "till")

    code, out, err = shop.run("webhooks", words[0], "shop", made, *words[1:])

    assert (code, out, lines(err)) == (1, "", NO_SUCH)
    assert len(of(shop, "till")) == 1


Calls = Callable[[float], None]


def called(shop: Cloud, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Event], Any]) -> None:
    """Have the test event handled while the command sleeps."""

    def sleep(seconds: float) -> None:
        assert seconds == 0.3
        [endpoint] = of(shop)
        store = Deliveries(shop.hooks, HOOKS)
        [waiting] = store.waiting(endpoint.id, 10)
        changes = Changes()
        answer(waiting.event)(store, changes, waiting)
        store.write(endpoint.id, changes)

    monkeypatch.setattr("ops.commands.webhooks.time.sleep", sleep)


def delivered(_event: Event) -> Any:
    """Deliver at the first try."""

    def write(store: Deliveries, changes: Changes, waiting: Delivery) -> None:
        one = attempt(status=204)
        store.done(
            changes,
            Delivery(event=waiting.event, due=0, attempts=(one,), outcome=DELIVERED),
        )
        store.leave(changes, waiting)

    return write


def refused(_event: Event) -> Any:
    """Be refused; it waits for the next try."""

    def write(store: Deliveries, changes: Changes, waiting: Delivery) -> None:
        later = Delivery(event=waiting.event, due=waiting.due + 5, attempts=(attempt(status=500),))
        store.wait(changes, later)
        store.leave(changes, waiting)

    return write


def given_up(_event: Event) -> Any:
    """Be done, and not delivered."""

    def write(store: Deliveries, changes: Changes, waiting: Delivery) -> None:
        one = attempt(reason="timeout")
        store.done(changes, Delivery(event=waiting.event, due=0, attempts=(one,), outcome=FAILED))
        store.leave(changes, waiting)

    return write


@pytest.mark.parametrize(
    ("answer", "code", "outcome", "status"),
    [
        (delivered, 0, "delivered", 204),
        (refused, 1, "waiting", 500),
        (given_up, 1, "failed", "timeout"),
    ],
)
def test_a_test_waits_for_what_its_event_comes_to(
    shop: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Event], Any],
    code: int,
    outcome: str,
    status: object,
) -> None:
    made = add(shop)
    called(shop, monkeypatch, answer)

    told = shop.json("webhooks", "test", "shop", made, code=code)
    found, out, _ = shop.run("webhooks", "test", "shop", made) if code == 0 else (1, "", "")

    assert wakes(shop)[0] == {"client": "shop", "endpoint": made, "timer": 0, "now": True}
    assert told == {
        "event": told["event"],
        "type": "webhook.test",
        "outcome": outcome,
        "tries": 1,
        "at": iso(NOW - 50),
        "status": status,
        "ms": 12,
        "attempts": told["attempts"],
    }
    assert [one.get("status", one.get("reason")) for one in told["attempts"]] == [status]
    if code == 0:
        assert found == 0
        assert "outcome  delivered" in lines(out)
        assert "status  204" in lines(out)


def test_a_test_that_nobody_calls_ends_by_itself(
    shop: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add(shop)
    done(shop, made, 100, FAILED, attempt(status=500), waits=True)
    ticks = iter(range(0, 1000, 10))
    slept: list[float] = []
    monkeypatch.setattr("ops.commands.webhooks.time.sleep", slept.append)
    monkeypatch.setattr("ops.commands.webhooks.time.monotonic", lambda: next(ticks))

    code, out, err = shop.run("webhooks", "test", "shop", made)

    assert (code, out) == (1, "")
    assert lines(err) == [
        "Error: no call was made within 30 seconds",
        "earlier events may come first: see `webhooks log`",
    ]
    assert slept == [0.3, 0.3]


def test_a_new_secret_is_shown_once_and_the_old_one_signs_for_a_day(shop: Cloud) -> None:
    made = add(shop)
    before = of(shop)[0].secrets[0]

    code, out, err = shop.run("webhooks", "rotate", "shop", made)
    [endpoint] = of(shop)

    shown, secret = lines(out)
    assert (code, shown) == (0, made)
    assert secret.startswith("whsec_")
    assert lines(err) == [ONCE, "For a day each call is also signed with the old secret."]
    assert [sealed.text for sealed in endpoint.secrets][1:] == [before.text]
    assert endpoint.secrets[1].until > 0
    assert shop.json("webhooks", "rotate", "shop", made).keys() == {"id", "signing_secret"}


def test_removing_asks_first(shop: Cloud) -> None:
    made, other = add(shop), add(shop)

    asked = shop.run("webhooks", "remove", "shop", made)
    still = len(of(shop))
    code, out, _ = shop.run("webhooks", "remove", "shop", made, "--yes")

    assert asked[0] == 1
    assert lines(asked[2])[0] == (
        "Error: not done without an answer to: Remove this endpoint of shop in "
        "taqnyat-mail (nowhere)?"
    )
    assert (still, code, lines(out)) == (2, 0, ["Removed."])
    assert [endpoint.id for endpoint in of(shop)] == [other]
    told = shop.json("webhooks", "remove", "shop", other, "--yes")
    assert told == {"id": other, "deleted": True}


def test_the_log_has_what_waits_then_what_is_done(shop: Cloud) -> None:
    made = add(shop)
    waits = done(shop, made, 30, "", attempt(status=503), waits=True)
    newer = done(shop, made, 100, DELIVERED, attempt(reason="timeout"), attempt(status=200, ms=7))
    older = done(shop, made, 4000, FAILED, attempt(reason="connection_lost"))

    told = shop.json("webhooks", "log", "shop", made)
    hour = shop.json("webhooks", "log", "shop", made, "--since", "1h")
    one = shop.json("webhooks", "log", "shop", made, "--limit", "1")
    code, out, _ = shop.run("webhooks", "log", "shop", made)

    assert [entry["event"] for entry in told] == [waits, newer, older]
    assert [entry["event"] for entry in hour] == [waits, newer]
    assert [entry["event"] for entry in one] == [waits, newer]
    assert told[1] == {
        "event": newer,
        "type": "email.sent",
        "outcome": "delivered",
        "tries": 2,
        "at": iso(NOW - 50),
        "status": 200,
        "ms": 7,
        "attempts": told[1]["attempts"],
    }
    assert len(told[1]["attempts"]) == 2
    at = iso(NOW - 50)
    assert (code, [" ".join(line.split()) for line in lines(out)]) == (
        0,
        [
            "event type outcome tries at status ms",
            f"{waits} email.sent waiting 1 {at} 503 12",
            f"{newer} email.sent delivered 2 {at} 200 7",
            f"{older} email.sent failed 1 {at} connection_lost 12",
            "1 waiting, 2 done",
        ],
    )


def test_an_event_that_was_not_tried_yet_has_no_time(shop: Cloud) -> None:
    made = add(shop)
    waits = done(shop, made, 30, "", waits=True)

    [told] = shop.json("webhooks", "log", "shop", made)

    assert (told["event"], told["tries"], told["attempts"]) == (waits, 0, [])
    assert (told["at"], told["status"], told["ms"]) == (None, None, None)


def test_failed_events_since_a_time_are_delivered_again(shop: Cloud) -> None:
    made = add(shop)
    failed = [done(shop, made, ago, FAILED) for ago in (4000, 100)]
    fine = done(shop, made, 50, DELIVERED)

    asked = shop.run("webhooks", "replay", "shop", made, "--since", "1h")
    untouched = wakes(shop)
    told = shop.json("webhooks", "replay", "shop", made, "--since", "1h", "--yes")
    _, out, _ = shop.run("webhooks", "replay", "shop", made, "--since", "2h", "--all", "--yes")

    assert asked[0] == 1
    assert "Deliver 1 event(s) to it again, in taqnyat-mail (nowhere)?" in asked[2]
    assert untouched == []
    assert told == {"replayed": [failed[1]]}
    assert lines(out) == ["3 event(s) will be delivered again."]
    assert [wake["endpoint"] for wake in wakes(shop)] == [made, made]
    waiting = Deliveries(shop.hooks, HOOKS).waiting(made, 10)
    assert {delivery.event.id for delivery in waiting} == {*failed, fine}


def test_all_pages_of_the_log_are_delivered_again(
    shop: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.commands.webhooks._PAGE", 2)
    made = add(shop)
    failed = [done(shop, made, ago, FAILED) for ago in (10, 20, 30, 40, 50)]

    told = shop.json("webhooks", "replay", "shop", made, "--since", "1h", "--yes")

    assert told == {"replayed": failed}


def test_a_replay_that_dynamodb_leaves_undone_is_told(
    shop: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add(shop)
    done(shop, made, 10, FAILED)
    monkeypatch.setattr("outbox.webhooks.deliveries._WRITE_TRIES", 1)
    shop.hooks.answers_at_once = 0
    code, _, err = shop.run("webhooks", "replay", "shop", made, "--since", "1h", "--yes")

    assert code == 1
    assert lines(err)[-2:] == [
        "Error: AWS answered ProvisionedThroughputExceededException to BatchWriteItem",
        "try again",
    ]


def test_one_event_is_delivered_again_whatever_it_came_to(shop: Cloud) -> None:
    made = add(shop)
    fine = done(shop, made, 50, DELIVERED)
    done(shop, made, 60, FAILED)

    told = shop.json("webhooks", "replay", "shop", made, "--event", fine, "--yes")
    code, _, err = shop.run("webhooks", "replay", "shop", made, "--event", "x", "--yes")

    assert told == {"replayed": [fine]}
    assert code == 1
    assert lines(err) == ["Error: there is no such event in the log", "it keeps 14 days"]


@pytest.mark.parametrize("words", [(), ("--since", "1h", "--event", "x")])
def test_what_is_delivered_again_is_named_in_one_way(shop: Cloud, words: tuple[str, ...]) -> None:
    made = add(shop)

    code, _, err = shop.run("webhooks", "replay", "shop", made, "--yes", *words)

    assert (code, lines(err)) == (1, ["Error: give --since or --event"])


def test_without_a_failed_event_nobody_is_asked(shop: Cloud) -> None:
    made = add(shop)
    done(shop, made, 50, DELIVERED)

    code, out, _ = shop.run("webhooks", "replay", "shop", made, "--since", "1h")

    assert (code, lines(out)) == (0, ["0 event(s) will be delivered again."])
    assert wakes(shop) == []
    assert time.time() == NOW
