"""What clients of Resend's wire require, where no registry here holds the client itself.

Each test names the client's file; the shapes are what that file sends or reads.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import openapi
from tests.faults.installation import installed
from tests.faults.world import World
from tests.infrastructure.expansion import resources
from tests.unit.api.caller import Caller, Reply, mail, sent

# resend/resend-php, src/Transporters/HttpTransporter.php, isResendError: another name is no error.
PHP = {
    "application_error",
    "concurrent_idempotent_requests",
    "daily_quota_exceeded",
    "internal_server_error",
    "invalid_access",
    "invalid_api_key",
    "invalid_attachment",
    "invalid_from_address",
    "invalid_idempotency_key",
    "invalid_idempotent_request",
    "invalid_parameter",
    "invalid_region",
    "method_not_allowed",
    "missing_api_key",
    "missing_required_field",
    "monthly_quota_exceeded",
    "not_found",
    "rate_limit_exceeded",
    "restricted_api_key",
    "security_error",
    "validation_error",
}
# resend/resend-dotnet, src/Resend/ErrorType.cs: another name fails to parse. The same names.
DOTNET = PHP
# resend/resend-rust, src/emails.rs, EmailEvent: another word fails to parse.
RUST_EVENTS = {
    "bounced",
    "canceled",
    "clicked",
    "complained",
    "delivered",
    "delivery_delayed",
    "failed",
    "opened",
    "queued",
    "scheduled",
    "sent",
}
(API,) = resources("AWS::ApiGateway::RestApi").values()
GATEWAY: dict[str, Any] = API["Body"]["x-amazon-apigateway-gateway-responses"]


@pytest.fixture
def world() -> Iterator[World]:
    with installed():
        yield World()


@pytest.fixture
def shop(world: World) -> Caller:
    return Caller(world)


def until_200(send: Callable[[], Reply], tries: int = 4) -> int:
    """Send as Symfony's bridge does under Messenger; return how many tries it took.

    symfony/resend-mailer, Transport/ResendApiTransport.php, doSendApi: all but 200 is thrown.
    """
    for number in range(1, tries + 1):
        if send().status == 200:
            return number
    return tries


@pytest.mark.parametrize("batch", [False, True])
def test_a_client_that_takes_only_200_for_success_sends_one_mail(
    world: World, *, batch: bool
) -> None:
    shop = Caller(world)

    tries = until_200(lambda: shop.batch([mail()]) if batch else shop.send())
    world.run_until_quiet()

    assert (tries, sent(world)) == (1, {"Hi": 1})


def test_our_names_are_known_to_every_sdk() -> None:
    described = set(
        openapi.description()["components"]["schemas"]["Error"]["properties"]["name"]["enum"]
    )
    of_the_gateway = {
        json.loads(answer["responseTemplates"]["application/json"])["name"]
        for answer in GATEWAY.values()
    }

    assert described | of_the_gateway <= PHP & DOTNET


def test_our_events_are_known_to_rust() -> None:
    email = openapi.description()["components"]["schemas"]["Email"]["properties"]

    assert set(email["last_event"]["enum"]) <= RUST_EVENTS


def test_what_is_too_large_is_an_error_to_php(shop: Caller) -> None:
    reply = shop.send(html="x" * 1_100_000)

    assert (reply.status, reply.body["name"] in PHP) == (413, True)


def test_get_and_list_as_rust_reads_them(shop: Caller) -> None:
    """resend/resend-rust, src/emails.rs, Email: these are no options."""
    mail_id = shop.accepted(subject="Hello")

    for email in (shop.show(mail_id).body, shop.list().body["data"][0]):
        assert all(isinstance(email[key], str) for key in ("id", "from", "subject", "created_at"))
        assert all(isinstance(entry, str) for entry in email["to"])
        assert email["last_event"] in RUST_EVENTS
        assert {"bcc", "cc", "reply_to", "scheduled_at", "html", "text"} <= email.keys()


def test_ruby_repeats_the_id_as_email_id(shop: Caller) -> None:
    """resend/resend-ruby, lib/resend/emails.rb, update: the whole hash is the body."""
    mail_id = shop.accepted(scheduled_at=shop.world.now + 7200)
    body = {"email_id": mail_id, "scheduled_at": shop.world.now + 9000}

    assert shop.call("PATCH", "/emails/{id}", body, mail_id=mail_id).status == 200
    other = body | {"email_id": "another"}
    assert shop.call("PATCH", "/emails/{id}", other, mail_id=mail_id).status == 422


def test_ruby_reads_an_error_from_the_body_alone(shop: Caller) -> None:
    """resend/resend-ruby, lib/resend/request.rb, perform: statusCode is what tells an error."""
    assert shop.send(to=[]).body["statusCode"] == 422
    assert "statusCode" not in shop.send().body


def test_go_rust_and_ruby_are_told_the_rate_on_429() -> None:
    """resend/resend-go, resend.go, handleError: these headers make a RateLimitError."""
    headers = GATEWAY["THROTTLED"]["responseParameters"]

    for name in ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "Retry-After"):
        value = headers[f"gatewayresponse.header.{name}"]
        assert re.fullmatch(r"'\d+'", value if isinstance(value, str) else "'1'")
    limit = headers["gatewayresponse.header.ratelimit-limit"]
    assert limit == {"Fn::Sub": "'${ApiRateLimit}'"}


@pytest.mark.parametrize("field", ["cc", "bcc", "reply_to", "attachments", "headers", "template"])
@pytest.mark.parametrize("nothing", ["", None, [], {}, [""], [None]])
def test_payload_and_others_send_fields_that_say_nothing(
    shop: Caller, field: str, nothing: object
) -> None:
    """payloadcms/payload, packages/email-resend/src/index.ts sends "" for them."""
    assert shop.call("POST", "/emails", mail() | {field: nothing}).status == 200


def test_laravel_sends_lists_for_all(shop: Caller) -> None:
    """laravel/framework, src/Illuminate/Mail/Transport/ResendTransport.php, doSend."""
    given = mail(html="<p>Hi</p>", text=None) | {
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "attachments": [],
        "headers": {
            "X-Tag": "welcome",
            "X-Metadata-user": "7",
            "X-Priority": "1 (Highest)",
            "Resend-Idempotency-Key": "w-7",
        },
        "text": None,
    }

    first, second = (shop.call("POST", "/emails", given) for _ in range(2))
    assert first.body == second.body
    shown = shop.show(first.body["id"]).body
    assert shown["tags"] == [{"name": "tag", "value": "welcome"}, {"name": "user", "value": "7"}]
    assert shown["taqnyat"]["headers"] == {"X-Priority": "1 (Highest)"}


def test_symfony_names_its_reply_address_twice(shop: Caller) -> None:
    """symfony/resend-mailer, ResendApiTransport.php: as `reply_to` and among the headers."""
    given = mail(
        reply_to="Acme <orders@acme.sa>",
        headers={"Reply-To": "Acme <orders@acme.sa>"},
        tags=[{"X-Tag": "welcome"}],
    )

    reply = shop.call("POST", "/emails", given)
    assert reply.status == 200
    assert shop.show(reply.body["id"]).body["tags"] == [{"name": "tag", "value": "welcome"}]


def test_rails_sends_what_describes_its_own_form(shop: Caller) -> None:
    """resend/resend-ruby, lib/resend/mailer.rb, headers_values: all headers of the mail object."""
    headers = {"Mime-Version": "1.0", "Content-Transfer-Encoding": "7bit", "X-Mailer": "Rails"}

    assert shop.send(headers=headers, reply_to=["orders@acme.sa"]).status == 200


def test_adonis_sends_the_headers_that_nodemailer_has_written(shop: Caller) -> None:
    """adonisjs/mail, src/transports/resend.ts, #preparePayload: with those of a priority."""
    given = mail(
        to=["Nora <a@example.com>", "b@example.com"],
        reply_to=["Acme <orders@acme.sa>"],
        html="<p>Hi</p>",
        tags=[{"name": "campaign", "value": "orders"}],
        headers={"X-Priority": "1 (Highest)", "X-Msmail-Priority": "High", "Importance": "High"},
    )

    shown = shop.show(shop.call("POST", "/emails", given).body["id"]).body["taqnyat"]
    assert (shown["headers"], shown["campaign_name"]) == (given["headers"], "orders")


def test_swoosh_lists_its_headers(shop: Caller) -> None:
    """swoosh/swoosh, lib/swoosh/adapters/resend.ex, prepare_headers_body: a list of objects."""
    headers = [
        {"name": "X-Tag", "value": "welcome"},
        {"name": "X-Entity-Ref-ID", "value": "7"},
        {"name": "Idempotency-Key", "value": "w-7"},
    ]

    first, second = (shop.send(headers=headers) for _ in range(2))
    assert first.body == second.body
    shown = shop.show(first.body["id"]).body
    assert shown["tags"] == [{"name": "tag", "value": "welcome"}]
    assert shown["taqnyat"]["headers"] == {"X-Entity-Ref-ID": "7"}
    refused = shop.send(headers=[{"name": "List-Unsubscribe", "value": "<https://acme.sa/u>"}])
    assert "it cannot take `List-Unsubscribe`" in refused.body["message"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("replyTo", "reply_to"),
        ("scheduledAt", "scheduled_at"),
        ("campaign-name", "campaign_name"),
        ("Subject", "subject"),
        ("onUnknown", "on_unknown"),
        ("sendAt", "scheduled_at"),
        ("recipients", "to"),
        ("fromEmail", "from"),
        ("body", "html"),
        ("idempotencyKey", "Idempotency-Key"),
    ],
)
def test_a_name_in_another_style_is_told_the_right_one(shop: Caller, name: str, meant: str) -> None:
    """n8n's node and resend 3 for Node have camel case."""
    reply = shop.call("POST", "/emails", mail() | {name: "x"})

    assert reply.status == 422
    assert reply.body["message"].startswith(f"`{name}` ")
    assert f"`{meant}`" in reply.body["message"]


def test_a_new_time_in_camel_case_is_told_the_right_name(shop: Caller) -> None:
    mail_id = shop.accepted(scheduled_at=shop.world.now + 7200)

    reply = shop.call("PATCH", "/emails/{id}", {"scheduledAt": 1}, mail_id=mail_id)
    assert "`scheduled_at` is meant" in reply.body["message"]


@pytest.mark.parametrize("letters", [120_000, 170_000])
def test_escaped_arabic_is_measured_as_the_mail_that_it_is(shop: Caller, letters: int) -> None:
    """Python's and PHP's JSON is ASCII: three times the size of the same text in UTF-8."""
    given = mail(html="ش" * letters)

    assert len(json.dumps(given)) > 700_000
    assert shop.call("POST", "/emails", given).status == 200
    batch = [mail(subject=f"{number}", html="ش" * 1_900) for number in range(100)]
    assert len(json.dumps(batch)) > 1_100_000
    assert shop.batch(batch).status == 200


def test_a_body_has_a_limit_of_its_own(shop: Caller) -> None:
    """Lambda takes 6 MB, with the body in base64 and the event around it."""
    reply = shop.call("POST", "/emails", json.dumps(mail()) + " " * 4_500_000)

    assert (reply.status, reply.body["name"]) == (413, "validation_error")
    assert "4500000" in reply.body["message"]


@pytest.mark.parametrize("route", ["/emails", "/emails/batch"])
def test_a_byte_order_mark_is_read(shop: Caller, route: str) -> None:
    given: Any = mail() if route == "/emails" else [mail()]

    assert shop.call("POST", route, "\ufeff" + json.dumps(given)).status == 200


def test_no_proxy_keeps_an_answer_and_no_browser_guesses_at_it(world: World) -> None:
    shop = Caller(world)
    for reply in (shop.send(), shop.show("nobody-s"), shop.send(to=[])):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
