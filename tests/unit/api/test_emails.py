"""GET /emails, GET /emails/{id}, GET /status: what a caller sees, and what nobody else does."""

from typing import Any

import pytest
from mail_send.wire import LAST_EVENT
from outbox.mail.states import State

from tests.faults.world import World
from tests.unit.api.caller import Caller, mail

NOBODY_S = "00000000-0000-4000-8000-000000000000"


def test_what_became_of_a_mail(shop: Caller, world: World) -> None:
    world.taqnyat.script = ["status_503"]
    mail_id = shop.accepted(to=["nora@example.com", "omar@example.com"], campaign_name="orders")
    world.run_until_quiet()

    shown = shop.show(mail_id).body
    assert shown["last_event"] == "sent"
    assert shown["to"] == ["n***@example.com", "o***@example.com"]
    known = shown["taqnyat"]
    assert (known["state"], known["attempt_count"], known["msg_id"]) == ("sent", 2, "1")
    assert known["campaign_name"] == "orders"
    assert known["price"] is not None
    assert [attempt["reason"] for attempt in known["attempts"]] == ["provider_unavailable", "sent"]
    assert (known["explanation"], known["remedy"]) == (None, None)


@pytest.mark.parametrize(
    ("reply", "state", "event", "code", "reason"),
    [
        ("code_14", "failed", "failed", 14, "sender_refused"),
        ("code_99", "failed", "failed", 99, "unknown_code"),
        ("status_500", "unknown", "delivery_delayed", None, "provider_error"),
        ("code_2", "queued", "queued", 2, "balance_empty"),
    ],
)
def test_a_trouble_is_explained_in_both_languages(
    shop: Caller, world: World, reply: str, state: str, event: str, code: int | None, reason: str
) -> None:
    world.taqnyat.script = [reply]
    mail_id = shop.accepted()
    world.poll()

    shown = shop.show(mail_id).body
    known = shown["taqnyat"]
    assert (shown["last_event"], known["state"]) == (event, state)
    assert (known["reason"], known["error_code"]) == (reason, code)
    for text in (known["explanation"], known["remedy"]):
        assert text["en"].isascii()
        assert any("\u0600" <= char <= "\u06ff" for char in text["ar"])


def test_each_state_has_an_event_that_clients_know() -> None:
    assert set(LAST_EVENT) == set(State)


@pytest.mark.parametrize(
    "mail_id", [NOBODY_S, "#pause", "#provider", "x" * 3000, "a b", "%00", "\u0000", "🌙"]
)
def test_what_is_not_there_is_not_found(shop: Caller, world: World, mail_id: str) -> None:
    world.check()

    for reply in (
        shop.show(mail_id),
        shop.cancel(mail_id),
        shop.move(mail_id, "2027-02-01T00:00:00Z"),
    ):
        assert (reply.status, reply.body["name"]) == (404, "not_found")


def test_an_id_in_capitals_is_the_same_mail(shop: Caller, world: World) -> None:
    """Some databases give a UUID back so."""
    mail_id = shop.accepted(scheduled_at=world.now + 7200)
    capitals = mail_id.upper()

    assert shop.show(capitals).body["id"] == mail_id
    assert shop.list(after=capitals).status == 200
    assert shop.move(capitals, world.now + 9000).body == {"object": "email", "id": mail_id}
    assert shop.cancel(capitals).body == {"object": "email", "id": mail_id}
    assert shop.state(mail_id) == "canceled"


def test_another_caller_s_mail_is_not_there(shop: Caller, world: World) -> None:
    other = Caller(world, client="news")
    mail_id = shop.accepted(scheduled_at=world.now + 7200)

    nothing = other.show(NOBODY_S).body
    for reply in (
        other.show(mail_id),
        other.cancel(mail_id),
        other.move(mail_id, "2027-02-01T00:00:00Z"),
    ):
        assert (reply.status, reply.body) == (404, nothing)
    assert other.list().body["data"] == []
    assert other.list(after=mail_id).status == 422
    assert shop.state(mail_id) == "scheduled"


def test_a_direct_producer_s_mail_is_nobody_s(shop: Caller, world: World) -> None:
    order = world.drop("direct")
    world.run_until_quiet()

    assert shop.show(order.mail_id).status == 404


def _listed(shop: Caller, **query: str) -> tuple[list[str], bool]:
    reply = shop.list(**query)
    assert reply.status == 200, reply.body
    return [entry["id"] for entry in reply.body["data"]], reply.body["has_more"]


@pytest.fixture
def five(shop: Caller, world: World) -> list[str]:
    """Accept five mails; return their ids, newest first."""
    found = []
    for _ in range(5):
        found.append(shop.accepted())
        world.wait(1)
    return found[::-1]


def test_the_list_is_newest_first(shop: Caller, five: list[str]) -> None:
    assert _listed(shop) == (five, False)
    assert _listed(shop, limit="5") == (five, False)
    assert _listed(shop, limit="2") == (five[:2], True)


def test_after_and_before_walk_the_list(shop: Caller, five: list[str]) -> None:
    assert _listed(shop, limit="2", after=five[1]) == (five[2:4], True)
    assert _listed(shop, limit="2", after=five[3]) == (five[4:], False)
    assert _listed(shop, after=five[4]) == ([], False)
    assert _listed(shop, limit="2", before=five[4]) == (five[2:4], True)
    assert _listed(shop, limit="2", before=five[2]) == (five[:2], False)
    assert _listed(shop, before=five[0]) == ([], False)


def test_a_batch_is_walked_whole_although_its_mails_are_of_one_moment(
    shop: Caller, world: World
) -> None:
    world.dynamo.answers_at_once = 3
    accepted = {entry["id"] for entry in shop.batch([mail()] * 50).body["data"]}
    seen: list[str] = []
    more = True
    while more:
        query = {"after": seen[-1]} if seen else {}
        found, more = _listed(shop, limit="7", **query)
        seen += found

    assert len(seen) == 50
    assert set(seen) == accepted
    back, _ = _listed(shop, limit="7", before=seen[20])
    assert back == seen[13:20]


def test_the_default_is_20_and_100_the_most(shop: Caller) -> None:
    shop.batch([mail()] * 100)
    shop.accepted()

    assert [len(_listed(shop)[0]), len(_listed(shop, limit="100")[0])] == [20, 100]


def test_a_record_that_has_run_out_is_left_out(shop: Caller, world: World, five: list[str]) -> None:
    read = world.dynamo.batch_get_item

    def run_out(**arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
        world.dynamo.items.pop(five[1], None)
        return read(**arguments)

    world.dynamo.batch_get_item = run_out  # type: ignore[method-assign]

    assert _listed(shop)[0] == [five[0], *five[2:]]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "٥", "9" * 5000])
def test_another_limit_is_refused(shop: Caller, limit: str) -> None:
    reply = shop.list(limit=limit)

    assert (reply.status, reply.body["name"]) == (422, "validation_error")


def test_a_cursor_that_is_no_mail_of_the_caller_is_refused(shop: Caller, five: list[str]) -> None:
    for query in ({"after": NOBODY_S}, {"before": ""}, {"after": five[0], "before": five[1]}):
        assert shop.list(**query).status == 422


# ---- Status --------------------------------------------------------------------------------------


def test_before_the_first_check_nothing_is_known_of_taqnyat(shop: Caller) -> None:
    status = shop.call("GET", "/status").body

    assert status["sending"] == "active"
    assert status["provider"] == {"up": None, "checked_at": None}


def test_a_pause_says_why_since_when_and_when_it_is_tried_again(shop: Caller, world: World) -> None:
    world.check()
    world.taqnyat.refusing = "code_3"
    shop.accepted()
    shop.accepted()
    world.poll()

    status = shop.call("GET", "/status").body
    assert (status["sending"], status["reason"]) == ("paused", "balance_too_low")
    assert "does not cover" in status["explanation"]["en"]
    assert status["remedy"]["ar"]
    assert status["since"] < status["next_probe"]
    assert status["provider"]["up"] is True


def test_a_pause_by_hand_has_no_probe(shop: Caller, world: World) -> None:
    world.taqnyat.refusing = "code_3"
    shop.accepted()
    shop.accepted()
    world.poll()
    world.dynamo.items["#pause"]["next_probe"] = {"N": "0"}
    world.dynamo.items["#pause"]["reason"] = {"S": "moving house"}

    status = shop.call("GET", "/status").body
    assert (status["reason"], status["explanation"]) == ("moving house", None)
    assert status["next_probe"] is None
