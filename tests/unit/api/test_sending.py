"""POST /emails: what is accepted, what is refused, and what a repeat gives."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.faults.world import World
from tests.unit.api.caller import Caller, interrupt, mail, sent, waiting


def test_a_mail_is_recorded_and_queued_and_then_sent(shop: Caller, world: World) -> None:
    mail_id = shop.accepted(**{"from": "Acme أكمي <orders@acme.sa>"}, subject="طلبك 🌙")

    [message] = waiting(world)
    assert (message["id"], message["from"], message["client"]) == (
        mail_id,
        "orders@acme.sa",
        "shop",
    )
    assert shop.state(mail_id) == "queued"
    world.run_until_quiet()
    assert shop.state(mail_id) == "sent"
    assert sent(world) == {"طلبك 🌙": 1}


def test_taqnyat_s_own_names_and_the_tag_named_campaign(shop: Caller, world: World) -> None:
    shop.accepted(text=None, msg="<b>Hi</b>", campaignName="orders")
    shop.accepted(tags=[{"name": "kind", "value": "x"}, {"name": "campaign", "value": "news"}])

    first, second = waiting(world)
    assert (first["html"], first["campaign_name"]) == ("<b>Hi</b>", "orders")
    assert second["campaign_name"] == "news"


def test_a_repeat_with_the_same_key_gives_the_same_id_and_one_mail(
    shop: Caller, world: World
) -> None:
    first = shop.accepted("order-1")
    world.run_until_quiet()
    second = shop.accepted("order-1")
    world.run_until_quiet()

    assert first == second
    assert sent(world) == {"Hi": 1}


@pytest.mark.parametrize("number", range(3))
def test_two_identical_calls_at_once_make_one_mail(shop: Caller, world: World, number: int) -> None:
    answered: list[str] = []
    interrupt(world, len(world.calls) + number, lambda: answered.append(shop.accepted("order-1")))
    answered.append(shop.accepted("order-1"))
    world.run_until_quiet()

    assert len(answered) == 2
    assert len(set(answered)) == 1
    assert sent(world) == {"Hi": 1}


def test_a_repeat_queues_again_what_no_worker_has_seen(shop: Caller, world: World) -> None:
    mail_id = shop.accepted("order-1")
    world.mail.messages.clear()  # the function died before it could queue the message

    assert shop.accepted("order-1") == mail_id
    world.run_until_quiet()
    assert shop.state(mail_id) == "sent"


def test_the_order_of_keys_makes_no_other_payload(shop: Caller) -> None:
    fields = mail()

    first = shop.call("POST", "/emails", fields, headers={"idempotency-key": "k"})
    again = dict(reversed(fields.items()))
    assert shop.call("POST", "/emails", again, headers={"IDEMPOTENCY-KEY": "k"}).body == first.body


def test_the_same_key_with_another_payload_is_refused(shop: Caller, world: World) -> None:
    shop.accepted("order-1")

    reply = shop.send("order-1", subject="Another")

    assert (reply.status, reply.body["name"]) == (409, "invalid_idempotent_request")
    assert len(waiting(world)) == 1


def test_two_callers_may_use_the_same_key(shop: Caller, world: World) -> None:
    other = Caller(world, client="news")

    assert shop.accepted("order-1") != other.accepted("order-1")


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_a_key_of_another_length_is_refused(shop: Caller, key: str) -> None:
    reply = shop.send(key)

    assert (reply.status, reply.body["name"]) == (400, "invalid_idempotency_key")


@pytest.mark.parametrize("key", ["k", "k" * 256, "مفتاح"])
def test_any_other_text_is_a_key(shop: Caller, key: str) -> None:
    assert shop.accepted(key) == shop.accepted(key)


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("orders@acme.sa", 200),
        ("ORDERS@ACME.SA", 200),
        ("Acme <orders@acme.sa>", 200),
        ("orders@other.sa", 403),
        ("orders@acme.sa.other.sa", 403),
        ("Acme acme.sa <orders@other.sa>", 403),
    ],
)
def test_a_key_sends_from_its_own_senders_only(
    shop: Caller, world: World, sender: str, status: int
) -> None:
    reply = shop.send(**{"from": sender})

    assert reply.status == status
    assert len(waiting(world)) == (status == 200)
    if status == 403:
        assert reply.body["name"] == "validation_error"
        assert "`from`" in reply.body["message"]


def test_what_taqnyat_cannot_do_is_refused_by_name(shop: Caller, world: World) -> None:
    for field in ("cc", "bcc", "reply_to", "attachments", "headers", "template"):
        reply = shop.send(**{field: "x"})
        assert reply.status == 422
        assert f"`{field}` is not supported" in reply.body["message"]
    assert waiting(world) == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"to": []}, "missing_required_field"),
        ({"from": "nobody"}, "invalid_from_address"),
        ({"attachments": [{}]}, "invalid_attachment"),
        ({"scheduled_at": "tomorrow"}, "invalid_parameter"),
        ({"to": "a@b@c"}, "validation_error"),
        ({"surprise": 1}, "validation_error"),
    ],
)
def test_an_error_has_the_name_that_clients_know(
    shop: Caller, fields: Mapping[str, Any], name: str
) -> None:
    reply = shop.send(**fields)

    assert (reply.status, reply.body["name"]) == (422, name)


@pytest.mark.parametrize("body", [None, "", "{", "nul", b'"\xff"', "[" * 100_000])
def test_what_is_not_json_is_refused(shop: Caller, body: str | bytes | None) -> None:
    assert shop.call("POST", "/emails", body).status == 400


@pytest.mark.parametrize("body", ["null", "[]", "5", '"text"'])
def test_what_is_not_an_object_is_refused(shop: Caller, body: str) -> None:
    reply = shop.call("POST", "/emails", body)

    assert reply.status == 422
    assert "`body` must be a JSON object" in reply.body["message"]


def test_a_body_in_base64_is_read(world: World) -> None:
    event = {
        "httpMethod": "POST",
        "resource": "/emails",
        "headers": None,
        "body": base64.b64encode(json.dumps(mail(subject="é")).encode()).decode(),
        "isBase64Encoded": True,
        "requestContext": {
            "authorizer": {"client": "shop", "from": '["*"]', "scopes": "send"},
        },
    }

    assert world.ask(event)["statusCode"] == 200
    assert world.ask(event | {"body": "é"})["statusCode"] == 400


ARABIC = '{"from":"orders@acme.sa","to":["a@example.com"],"subject":"مرحبا","text":"أهلا"}'


@pytest.mark.parametrize("encoding", ["windows-1256", "iso-8859-6", "utf-16"])
def test_a_body_of_another_encoding_is_refused(shop: Caller, world: World, encoding: str) -> None:
    reply = shop.call("POST", "/emails", ARABIC.encode(encoding))

    assert (reply.status, reply.body["name"]) == (400, "validation_error")
    assert "UTF-8" in reply.body["message"]
    assert world.dynamo.items == {}


@pytest.mark.parametrize(
    "odd", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"]
)
def test_no_byte_sequence_that_is_not_utf_8_arrives_as_another(shop: Caller, odd: bytes) -> None:
    for place in ("subject", "text"):
        body = json.dumps(mail(**{place: "a@b"})).encode().replace(b"a@b", odd)
        assert shop.call("POST", "/emails", body).status == 400


def test_the_replacement_character_itself_is_text(shop: Caller, world: World) -> None:
    shop.accepted(subject="a\ufffdb")

    assert waiting(world)[0]["subject"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"to": ["a@example.com"], "to": ["b@example.com"]}', "twice"),
        ('{"tags": [{"name": "a", "name": "b"}]}', "twice"),
        ('{"subject": "a", "subj\\u0065ct": "a"}', "twice"),
        ('{"expires_at": NaN}', "JSON"),
        ('{"expires_at": -Infinity}', "JSON"),
    ],
)
def test_what_json_leaves_open_is_refused(shop: Caller, body: str, said: str) -> None:
    for route in ("/emails", "/emails/batch"):
        reply = shop.call("POST", route, body if route == "/emails" else f"[{body}]")
        assert (reply.status, reply.body["name"]) == (400, "validation_error")
        assert said in reply.body["message"]


@pytest.mark.parametrize("size", [1_048_000, 1_100_000])
def test_a_mail_that_is_too_large_is_refused(shop: Caller, world: World, size: int) -> None:
    reply = shop.send(text="x" * size)

    assert (reply.status, reply.body["name"]) == (413, "validation_error")
    assert waiting(world) == []
    assert world.dynamo.items == {}


def test_a_caller_without_the_scope_is_refused(world: World) -> None:
    reader, writer = Caller(world, scopes="read"), Caller(world, scopes="send")
    calls = [
        reader.send(),
        reader.batch([mail()]),
        reader.cancel("x"),
        reader.move("x", "2027-01-15T09:00:00Z"),
        writer.show("x"),
        writer.list(),
        writer.call("GET", "/status"),
    ]

    for reply in calls:
        assert (reply.status, reply.body["name"]) == (401, "restricted_api_key")


@pytest.mark.parametrize(
    ("method", "route", "allowed"),
    [
        ("DELETE", "/emails", "GET, POST"),
        ("GET", "/emails/batch", "POST"),
        ("POST", "/emails/{id}", "GET, PATCH"),
        ("GET", "/emails/{id}/cancel", "POST"),
        ("HEAD", "/status", "GET"),
    ],
)
def test_another_method_is_told_which_there_are(
    shop: Caller, method: str, route: str, allowed: str
) -> None:
    reply = shop.call(method, route, mail_id="x")

    assert (reply.status, reply.body["name"]) == (405, "method_not_allowed")
    assert reply.headers["Allow"] == allowed


def test_another_path_is_not_there(shop: Caller) -> None:
    assert shop.call("GET", "/{proxy+}").body["name"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/emails", 200),
        ("POST", "emails/", 200),
        ("GET", "//emails//", 200),
        ("POST", "/emails//batch", 422),
        ("GET", "emails//none", 404),
        ("DELETE", "/emails", 405),
        ("GET", "/nothing", 404),
        ("GET", "emails/a/b", 404),
        ("GET", "", 404),
        ("GET", "emails/{id}/cancel", 405),
    ],
)
def test_a_slash_too_many_is_passed_over(world: World, method: str, path: str, status: int) -> None:
    event = {
        "httpMethod": method,
        "resource": "/{proxy+}",
        "pathParameters": {"proxy": path},
        "headers": None,
        "body": json.dumps(mail()),
        "isBase64Encoded": False,
        "requestContext": {
            "authorizer": {"client": "shop", "from": '["*"]', "scopes": "read send"},
        },
    }

    assert world.ask(event)["statusCode"] == status


def test_a_failure_of_aws_is_a_500_that_a_repeat_heals(world: World, shop: Caller) -> None:
    world.plan = {0: "error_before", 2: "error_before"}

    assert [shop.send("k").status for _ in range(3)] == [500, 500, 200]
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}
