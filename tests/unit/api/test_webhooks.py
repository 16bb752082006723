"""The API's webhooks: Resend's shapes, a caller's own, and what is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.installation import installed
from tests.faults.webhook_world import EVENTS, URL, WebhookWorld, with_webhooks
from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply


@pytest.fixture(autouse=True)
def _webhooks() -> Iterator[None]:
    with installed(), with_webhooks():
        yield


@pytest.fixture
def shop(_webhooks: None) -> Caller:
    """Give a caller whose key has the scope."""
    return Caller(WebhookWorld(), scopes="webhooks")


def create(caller: Caller, **fields: Any) -> Reply:  # noqa: ANN401 - JSON
    """Make an endpoint; None takes a field away."""
    body = {"endpoint": URL, "events": EVENTS, **fields}
    return caller.call(
        "POST", "/webhooks", {name: value for name, value in body.items() if value is not None}
    )


def test_the_secret_is_shown_once_and_kept_nowhere(shop: Caller) -> None:
    made = create(shop)
    assert made.status == 201
    secret, hook = made.body["signing_secret"], made.body["id"]
    shown = shop.call("GET", "/webhooks/{id}", mail_id=hook)
    listed = shop.call("GET", "/webhooks")

    assert secret.startswith("whsec_")
    assert shown.body["signing_secret"] is None
    assert listed.body["data"] == [shown.body]
    assert isinstance(shop.world, WebhookWorld)
    assert secret not in json.dumps(list(shop.world.hooks.items.values()))


def test_each_caller_has_its_own(shop: Caller) -> None:
    hook = create(shop).body["id"]
    other = Caller(shop.world, client="other", scopes="webhooks")

    assert other.call("GET", "/webhooks").body["data"] == []
    for method, route, body in (
        ("GET", "/webhooks/{id}", None),
        ("PATCH", "/webhooks/{id}", {"status": "disabled"}),
        ("DELETE", "/webhooks/{id}", None),
        ("POST", "/webhooks/{id}/signing-secret/rotate", None),
    ):
        assert other.call(method, route, body, mail_id=hook).status == 404
    assert shop.call("GET", "/webhooks/{id}", mail_id=hook).body["status"] == "enabled"


def test_the_eleventh_is_refused_and_room_is_made_by_removing_one(shop: Caller) -> None:
    hooks = [create(shop).body["id"] for _ in range(10)]
    refused = create(shop)

    assert (refused.status, refused.body["name"]) == (422, "validation_error")
    assert "`endpoint`" in refused.body["message"]
    shop.call("DELETE", "/webhooks/{id}", mail_id=hooks[4])
    assert create(shop).status == 201
    assert len(shop.call("GET", "/webhooks").body["data"]) == 10


def test_a_change_changes_what_it_names(shop: Caller) -> None:
    hook = create(shop).body["id"]
    changed = shop.call(
        "PATCH",
        "/webhooks/{id}",
        # As Resend's own client writes it.
        {"webhook_id": hook, "events": ["email.sent"], "status": "disabled"},
        mail_id=hook,
    )
    assert changed.body == {"object": "webhook", "id": hook}
    shown = shop.call("GET", "/webhooks/{id}", mail_id=hook).body

    assert shown["endpoint"] == URL
    assert shown["events"] == ["email.sent"]
    assert shown["status"] == "disabled"


def test_an_id_in_capitals_is_the_same(shop: Caller) -> None:
    hook = create(shop).body["id"]
    body = {"id": hook.upper(), "webhook_id": None, "status": "enabled"}

    assert shop.call("PATCH", "/webhooks/{id}", body, mail_id=hook.upper()).body["id"] == hook
    assert shop.call("GET", "/webhooks/{id}", mail_id=hook.upper()).status == 200
    assert shop.call("DELETE", "/webhooks/{id}", mail_id=hook.upper()).body["id"] == hook


def test_a_removed_one_is_gone(shop: Caller) -> None:
    hook = create(shop).body["id"]

    assert shop.call("DELETE", "/webhooks/{id}", mail_id=hook).body["deleted"] is True
    assert shop.call("DELETE", "/webhooks/{id}", mail_id=hook).status == 404
    assert shop.call("GET", "/webhooks/{id}", mail_id=hook).status == 404


@pytest.mark.parametrize(
    ("fields", "name", "field"),
    [
        ({"endpoint": None}, "missing_required_field", "endpoint"),
        ({"events": None}, "missing_required_field", "events"),
        ({"endpoint": 5}, "validation_error", "endpoint"),
        ({"endpoint": "http://app.example/a-secret"}, "validation_error", "endpoint"),
        ({"endpoint": "https://169.254.169.254/a-secret"}, "validation_error", "endpoint"),
        ({"endpoint": "https://user:a-secret@app.example/"}, "validation_error", "endpoint"),
        ({"events": []}, "validation_error", "events"),
        ({"events": "email.sent"}, "validation_error", "events"),
        ({"events": ["email.sent", "email.a-secret"]}, "validation_error", "events[1]"),
        ({"events": [["email.sent"]]}, "validation_error", "events[0]"),
        ({"include_tags": "a-secret"}, "validation_error", "include_tags"),
        ({"secret": "a-secret"}, "validation_error", "secret"),
    ],
)
def test_what_is_not_valid_is_refused_by_name_and_not_repeated(
    shop: Caller, fields: dict[str, Any], name: str, field: str
) -> None:
    refused = create(shop, **fields)

    assert (refused.status, refused.body["name"]) == (422, name)
    assert f"`{field}`" in refused.body["message"]
    assert "a-secret" not in refused.body["message"]
    assert shop.call("GET", "/webhooks").body["data"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ([], "body"),
        ({"status": "paused"}, "status"),
        ({"webhook_id": "another"}, "webhook_id"),
        ({"events": ["email.opened"]}, "events[0]"),
        ({"created_at": "now"}, "created_at"),
    ],
)
def test_a_change_that_is_not_valid_is_refused(shop: Caller, body: object, field: str) -> None:
    hook = create(shop).body["id"]
    refused = shop.call("PATCH", "/webhooks/{id}", body, mail_id=hook)

    assert refused.status == 422
    assert f"`{field}`" in refused.body["message"]


def test_a_key_without_the_scope_may_not(shop: Caller) -> None:
    sender = Caller(shop.world, scopes="read send")

    assert create(sender).status == 401
    assert sender.call("GET", "/webhooks").status == 401


def test_where_they_are_off_there_is_nothing() -> None:
    shop = Caller(World(), scopes="webhooks")

    assert create(shop).status == 404
    assert shop.call("GET", "/webhooks").status == 404
