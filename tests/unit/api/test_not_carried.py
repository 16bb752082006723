"""What Taqnyat cannot carry: refused, or left out and said where a key or the stack asks for it."""

from typing import Any

import pytest

from tests.faults.installation import installed
from tests.faults.world import World
from tests.unit.api.caller import Caller, mail, sent, waiting

UNSUBSCRIBE = {"List-Unsubscribe": "<https://acme.sa/bye?who=nora@example.com>"}


@pytest.fixture
def lenient(world: World) -> Caller:
    """Give a caller whose key leaves out what cannot be carried."""
    return Caller(world, unsupported="report")


@pytest.mark.parametrize(
    "reply_to",
    [
        "orders@acme.sa",
        "Acme <ORDERS@acme.sa>",
        ["orders@acme.sa"],
        ["Acme <orders@acme.sa>", "", "orders@ACME.sa"],
    ],
)
def test_replies_to_the_sender_are_what_happens_anyway(shop: Caller, reply_to: object) -> None:
    reply = shop.send(reply_to=reply_to)

    assert reply.status == 200
    assert "X-Not-Carried" not in reply.headers
    assert shop.show(reply.body["id"]).body["taqnyat"]["not_carried"] == []


@pytest.mark.parametrize(
    "reply_to", ["help@acme.sa", ["orders@acme.sa", "help@acme.sa"], 5, {"a": 1}, "nobody"]
)
def test_replies_to_another_address_are_refused(
    shop: Caller, world: World, reply_to: object
) -> None:
    reply = shop.send(reply_to=reply_to)

    assert (reply.status, reply.body["name"]) == (422, "validation_error")
    assert reply.body["message"].startswith("`reply_to` is not supported: ")
    assert waiting(world) == []


@pytest.mark.parametrize(
    "name", ["List-Unsubscribe", "In-Reply-To", "Message-ID", "Return-Path", "X-Custom"]
)
def test_a_header_that_would_change_the_mail_is_refused_by_its_name(
    shop: Caller, name: str
) -> None:
    message = shop.send(headers={name: "secret"}).body["message"]

    assert message.startswith("`headers` is not supported: ")
    assert f"`{name}`" in message
    assert "secret" not in message


def test_a_name_that_may_be_a_value_is_not_repeated(shop: Caller) -> None:
    for headers in ({"nora@example.com": "x"}, {"secret": "x"}, {"X-" + "a" * 60: "x"}, "secret"):
        reply = shop.send(headers=headers)
        assert (reply.status, "`headers`" in reply.body["message"]) == (422, True)
        assert "secret" not in reply.body["message"]
        assert "nora" not in reply.body["message"]


@pytest.mark.parametrize(
    ("fields", "left_out"),
    [
        ({"reply_to": "help@acme.sa"}, "reply_to"),
        ({"headers": UNSUBSCRIBE}, "headers"),
        ({"headers": UNSUBSCRIBE, "reply_to": ["help@acme.sa"]}, "reply_to, headers"),
        ({"headers": {"Reply-To": "help@acme.sa"}}, "headers"),
        ({"headers": "x"}, "headers"),
    ],
)
def test_what_is_left_out_is_said_everywhere(
    lenient: Caller, world: World, fields: dict[str, Any], left_out: str
) -> None:
    reply = lenient.send(**fields)

    assert (reply.status, reply.headers["X-Not-Carried"]) == (200, left_out)
    shown = lenient.show(reply.body["id"]).body["taqnyat"]["not_carried"]
    assert shown == left_out.split(", ")
    assert "help" not in str(world.dynamo.items)
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}


def test_a_batch_says_what_was_left_out_of_any(lenient: Caller) -> None:
    reply = lenient.batch([mail(), mail(reply_to="help@acme.sa"), mail(headers=UNSUBSCRIBE)])

    assert reply.headers["X-Not-Carried"] == "reply_to, headers"
    shown = [
        lenient.show(entry["id"]).body["taqnyat"]["not_carried"] for entry in reply.body["data"]
    ]
    assert shown == [[], ["reply_to"], ["headers"]]


def test_bookkeeping_beside_what_is_left_out_is_kept(lenient: Caller) -> None:
    reply = lenient.send(headers=UNSUBSCRIBE | {"X-Tag": "welcome"})

    assert lenient.show(reply.body["id"]).body["tags"] == [{"name": "tag", "value": "welcome"}]


@pytest.mark.parametrize("field", ["cc", "bcc", "attachments", "template", "topic_id"])
def test_what_makes_another_mail_is_refused_always(lenient: Caller, field: str) -> None:
    fields: dict[str, Any] = {field: ["x"]}

    assert f"`{field}` is not supported" in lenient.send(**fields).body["message"]


def test_the_stack_decides_for_keys_that_do_not() -> None:
    with installed():
        world = World(UNSUPPORTED="report")

        assert Caller(world).send(reply_to="help@acme.sa").status == 200
        assert Caller(world, unsupported="refuse").send(reply_to="help@acme.sa").status == 422
