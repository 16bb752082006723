"""docs/openapi.yaml is the one description: code and template are held to it, and it to them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mail_send import api, create_emails, emails, wire
from outbox.mail import parties, tags, validation
from outbox.mail.states import State
from taqnyat import Scope, Verdict

from tests import openapi
from tests.faults.installation import installed
from tests.faults.webhook_world import WebhookWorld, with_webhooks
from tests.faults.world import World
from tests.infrastructure.expansion import ROOT, resources
from tests.unit.api.caller import Caller

(API,) = resources("AWS::ApiGateway::RestApi").values()
GATEWAY = API["Body"]["x-amazon-apigateway-gateway-responses"]
SCHEMAS: dict[str, Any] = openapi.description()["components"]["schemas"]
RESPONSES: dict[str, Any] = openapi.description()["components"]["responses"]
OPERATIONS = list(openapi.operations())
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def examples(content: dict[str, Any]) -> Iterator[Any]:
    """Yield the examples of a media type."""
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example["value"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_routes_of_the_code_are_those_described() -> None:
    with installed():
        world = World()
        Caller(world).call("GET", "/status")
        container = world._container("api", 0)  # noqa: SLF001 - what the function built
        routes, *_ = container.built(api._container)  # noqa: SLF001

    assert {f"{method} {path}" for path in routes for method in routes[path]} == set(NAMES)


def test_the_paths_of_the_template_are_those_described() -> None:
    assert set(API["Body"]["paths"]) == {*openapi.description()["paths"], "/{proxy+}"}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_what_the_gateway_answers_itself_is_described_everywhere(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    takes_a_body = method in {"POST", "PATCH"}
    for kind, answer in GATEWAY.items():
        status = str(answer["statusCode"])
        (text,) = answer["responseTemplates"].values()
        openapi.check("Error", json.loads(text))
        only_with_a_body = kind == "REQUEST_TOO_LARGE"
        if kind != "MISSING_AUTHENTICATION_TOKEN" and (takes_a_body or not only_with_a_body):
            assert status in operation["responses"], f"{method} {path}: {kind}"


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_the_examples_of_answers_are_as_described(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    for status, answer in operation["responses"].items():
        content = openapi.resolved(answer)["content"]["application/json"]
        for example in examples(content):
            headers = {"content-type": "application/json"}
            example_status = example.get("statusCode", int(status))
            openapi.check_answer(method, path, example_status, headers, example)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_the_examples_of_calls_are_accepted(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    if "requestBody" not in operation:
        return
    content = operation["requestBody"]["content"]["application/json"]
    found = list(examples(content))
    assert found
    for example in found:
        with installed(), with_webhooks():
            world = WebhookWorld()
            shop = Caller(world, scopes="read send webhooks")
            if path.startswith("/webhooks"):
                of = world.hook()
            else:
                of = shop.accepted(scheduled_at=shop.world.now + 7200)
            reply = shop.call(method, path, example, mail_id=of if "{id}" in path else "")

        assert reply.status // 100 == 2, reply.body


def test_the_fields_of_a_mail_are_those_of_the_code() -> None:
    mail = SCHEMAS["Mail"]
    assert {*mail["properties"], *mail["x-taqnyat-names"]} == validation.REQUEST_FIELDS


def test_the_limits_are_those_of_the_code() -> None:
    fields = SCHEMAS["Mail"]["properties"]
    parameters = openapi.description()["components"]["parameters"]
    batch = openapi.description()["paths"]["/emails/batch"]["post"]["requestBody"]
    (limit,) = [
        parameter["schema"]
        for parameter in openapi.description()["paths"]["/emails"]["get"]["parameters"]
        if parameter["name"] == "limit"
    ]

    assert fields["to"]["oneOf"][1]["maxItems"] == parties.MAX_RECIPIENTS
    assert fields["subject"]["maxLength"] == validation.MAX_SUBJECT
    assert fields["campaign_name"]["maxLength"] == tags.MAX_CAMPAIGN
    assert fields["tags"]["maxItems"] == tags.MAX_TAGS
    assert parameters["IdempotencyKey"]["schema"]["maxLength"] == wire.MAX_KEY
    assert batch["content"]["application/json"]["schema"]["maxItems"] == create_emails.MAX_BATCH
    assert (limit["default"], limit["maximum"]) == (emails.DEFAULT_LIMIT, emails.MAX_LIMIT)


def test_the_words_are_those_of_the_code() -> None:
    attempt = SCHEMAS["Attempt"]["properties"]

    assert set(SCHEMAS["Email"]["properties"]["last_event"]["enum"]) == set(
        wire.LAST_EVENT.values()
    )
    assert set(SCHEMAS["EmailState"]["properties"]["state"]["enum"]) == set(State)
    assert set(attempt["verdict"]["enum"]) == set(Verdict)
    assert set(attempt["scope"]["enum"]) == set(Scope)


def test_no_name_of_an_error_is_described_in_vain() -> None:
    sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers").rglob("*.py")]
    text = "".join(path.read_text("utf-8") for path in [ROOT / "template.yaml", *sources])

    for name in SCHEMAS["Error"]["properties"]["name"]["enum"]:
        assert f'"{name}"' in text


def test_each_answer_in_common_is_used() -> None:
    text = (ROOT / "docs/openapi.yaml").read_text("utf-8")

    for name in RESPONSES:
        assert f"#/components/responses/{name}" in text
    for name in SCHEMAS:
        assert f"#/components/schemas/{name}" in text


def parts(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Yield each schema within a schema."""
    if isinstance(schema, dict):
        yield schema
        for inside in schema.values():
            yield from parts(inside)
    elif isinstance(schema, list):
        for inside in schema:
            yield from parts(inside)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_plain_enough_for_code_generators(name: str) -> None:
    """They fail on, or leave out, what is looked for here."""
    assert name.lower() not in {"list", "dict", "object", "string", "date", "enum"}
    for part in parts(SCHEMAS[name]):
        assert "const" not in part
        assert "unevaluatedProperties" not in part
        assert all(isinstance(value, (str, bool)) for value in part.get("enum", ()))
        named = part.get("properties", {})
        folded = {key.replace("_", "").lower() for key in named}
        assert len(folded) == len(named)
        assert all(entry.get("type") != "null" for entry in named.values())


def test_whom_to_ask_is_named() -> None:
    assert openapi.description()["info"]["contact"]["name"]
