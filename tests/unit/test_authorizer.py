"""The API's gate: who is let in, as whom, and that all doubt keeps it shut."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mail_authorize import handler as authorizer
from mail_authorize.handler import UnreadableKeysError, handler, identify
from outbox import aws

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abcde12345/v1/POST/emails"
KEY = "tqm_a-made-up-key"


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


SHOP = {"sha256": sha256(KEY), "from": ["*@acme.sa"], "scopes": ["send", "read"]}


class Secrets:
    def __init__(self) -> None:
        self.value: Any = {"shop": SHOP}
        self.reads = 0
        self.now = 100.0

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        assert SecretId == "arn:keys"
        self.reads += 1
        self.now += 10  # every call of a test is a while after the last one
        if isinstance(self.value, Exception):
            raise self.value
        return {"SecretString": json.dumps(self.value)}


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    stand_in = Secrets()
    monkeypatch.setenv("API_KEYS_SECRET_ID", "arn:keys")
    monkeypatch.setattr(aws, "client", lambda _: stand_in)
    monkeypatch.setattr(authorizer, "_keys", authorizer.Keys(lambda: stand_in.now))
    return stand_in


def ask(header: str | None = f"Bearer {KEY}") -> dict[str, Any]:
    event = {"type": "TOKEN", "authorizationToken": header, "methodArn": ARN}
    return handler(event, None)


def effect(answer: dict[str, Any]) -> str:
    [statement] = answer["policyDocument"]["Statement"]
    return str(statement["Effect"])


@pytest.mark.usefixtures("secrets")
def test_a_known_key_opens_the_whole_stage() -> None:
    assert ask() == {
        "principalId": "shop",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": "arn:aws:execute-api:eu-central-1:123456789012:abcde12345/v1/*",
                }
            ],
        },
        "context": {"client": "shop", "from": '["*@acme.sa"]', "scopes": "read send"},
    }


def test_lane_and_limits_are_told_where_a_key_has_them() -> None:
    rules = SHOP | {"priority": "bulk", "rate": 20, "daily": 10_000}
    found = identify(KEY, json.dumps({"shop": rules}))
    assert found is not None
    assert {name: found[name] for name in ("priority", "rate", "daily")} == {
        "priority": "bulk",
        "rate": "20",
        "daily": "10000",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("rate", "daily") for value in (0, -1, "20", 1.5, True, None)),
        *(("priority", value) for value in ("urgent", "", 1, None, ["bulk"])),
    ],
)
def test_a_limit_that_cannot_be_read_lets_nobody_in(name: str, value: object) -> None:
    assert identify(KEY, json.dumps({"shop": SHOP | {name: value}})) is None


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    "header", [f"bearer {KEY}", f"BEARER   {KEY}  ", f" Bearer {KEY}\t", f"Bearer {KEY}"]
)
def test_the_scheme_in_any_case(header: str) -> None:
    assert effect(ask(header)) == "Allow"


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("key", [KEY.upper(), KEY[:-1], f"{KEY}x", "é", "\x00", sha256(KEY)])
def test_a_wrong_key_is_denied_everywhere(key: str) -> None:
    answer = ask(f"Bearer {key}")
    assert effect(answer) == "Deny"
    assert (answer["principalId"], answer["context"]) == ("nobody", {})
    assert answer["policyDocument"]["Statement"][0]["Resource"].endswith("abcde12345/v1/*")


@pytest.mark.parametrize(
    "header", [None, "", " ", "Bearer", "Bearer ", KEY, f"Basic {KEY}", f"Token {KEY}"]
)
def test_without_a_bearer_key_the_answer_is_no_and_nothing_is_read(
    secrets: Secrets, header: str | None
) -> None:
    """API Gateway answers 401 itself; an error here would ring an alarm for every stranger."""
    secrets.value = AssertionError("the secret was read")
    assert effect(ask(header)) == "Deny"


def test_strangers_cost_a_read_a_second_and_a_new_key_works_as_soon(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(authorizer, "_keys", authorizer.Keys(lambda: now[0]))
    for number in range(1000):
        now[0] += 0.01
        assert effect(ask(f"Bearer tqm_{number}")) == "Deny"
    assert secrets.reads <= 11
    secrets.value = {"shop": SHOP | {"sha256": [sha256(KEY), sha256("tqm_new")]}}
    now[0] += 1.01
    assert effect(ask("Bearer tqm_new")) == "Allow"
    secrets.value = {}
    now[0] += 5.01
    assert effect(ask()) == "Deny"


def test_a_frozen_container_lets_no_revoked_key_in(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monotonic clock may stand still while Lambda freezes a container, for hours in all."""
    assert authorizer.Keys.__init__.__defaults__ == (time.time,)
    now = [100.0]
    monkeypatch.setattr(authorizer, "_keys", authorizer.Keys(lambda: now[0]))
    assert effect(ask()) == "Allow"
    secrets.value = {}
    now[0] -= 0.01  # a clock that was put back shows no age
    assert effect(ask()) == "Deny"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_without_the_secret_nobody_is_let_in(secrets: Secrets, code: str) -> None:
    secrets.value = ClientError({"Error": {"Code": code, "Message": ""}}, "GetSecretValue")
    with pytest.raises(ClientError):
        ask()


@pytest.mark.parametrize("value", [None, [], "text", 5, [SHOP]])
def test_a_secret_of_another_shape_lets_nobody_in(secrets: Secrets, value: object) -> None:
    secrets.value = value
    with pytest.raises(UnreadableKeysError):
        ask()


@pytest.mark.parametrize("text", ["", "{", "not json"])
def test_a_secret_that_is_not_json_lets_nobody_in(text: str) -> None:
    with pytest.raises(UnreadableKeysError):
        identify(KEY, text)


@pytest.mark.parametrize(
    "rules",
    [
        None,
        [],
        sha256(KEY),
        {},
        {"sha256": None},
        {"sha256": 5},
        {"sha256": ""},
        {"sha256": []},
        {"sha256": [None, 5, [sha256(KEY)]]},
        {"sha256": {"key": sha256(KEY)}},
        {"sha256": KEY},
        {"sha256": "é" * 64},
        {"sha256": f" {sha256(KEY)}"},
    ],
)
def test_rules_without_a_readable_hash_let_nobody_in(rules: object) -> None:
    assert identify(KEY, json.dumps({"shop": rules})) is None


def test_a_broken_client_does_not_shut_out_another() -> None:
    found = identify(KEY, json.dumps({"a": None, "b": {"sha256": 5}, "shop": SHOP, "z": []}))
    assert found is not None
    assert found["client"] == "shop"


@pytest.mark.parametrize("hashes", [sha256(KEY), [sha256(KEY)], [sha256("old"), sha256(KEY)]])
def test_two_keys_are_good_while_one_is_rotated(hashes: object) -> None:
    document = json.dumps({"shop": {**SHOP, "sha256": hashes}})
    assert identify(KEY, document) is not None
    assert (identify("old", document) is not None) is (hashes == [sha256("old"), sha256(KEY)])


def test_a_hash_in_capitals_is_the_same_hash() -> None:
    assert identify(KEY, json.dumps({"shop": {**SHOP, "sha256": sha256(KEY).upper()}})) is not None


def test_a_revoked_key_is_refused_at_the_next_reading(secrets: Secrets) -> None:
    assert effect(ask()) == "Allow"
    secrets.value = {}
    assert effect(ask()) == "Deny"


@pytest.mark.parametrize(
    ("given", "senders", "scopes"),
    [
        ({}, "[]", ""),
        ({"from": None, "scopes": None}, "[]", ""),
        ({"from": "*@acme.sa", "scopes": "send"}, "[]", ""),
        ({"from": ["*@acme.sa", 5, None], "scopes": ["send", "admin", 5]}, '["*@acme.sa"]', "send"),
        (
            {"from": ["*@متجر.sa"], "scopes": ["read"]},
            '["*@\\u0645\\u062a\\u062c\\u0631.sa"]',
            "read",
        ),
    ],
)
def test_what_is_not_granted_is_not_allowed(
    given: dict[str, Any], senders: str, scopes: str
) -> None:
    found = identify(KEY, json.dumps({"shop": {"sha256": sha256(KEY), **given}}))
    assert found == {"client": "shop", "from": senders, "scopes": scopes}


@pytest.mark.parametrize("name", ["", " ", "متجر", "a\nb", "x" * 129])
def test_a_client_s_name_must_fit_where_mails_carry_it(name: str) -> None:
    assert identify(KEY, json.dumps({name: SHOP})) is None


def test_every_hash_is_compared_whatever_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(left: str, right: str) -> bool:
        compared.append(right)
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    clients = {f"c{number}": {"sha256": [sha256(KEY), sha256(str(number))]} for number in range(5)}
    identify(KEY, json.dumps(clients))
    assert len(compared) == 10


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("report", "report"),
        ("refuse", "refuse"),
        ("drop", "refuse"),
        (None, "refuse"),
        (1, "refuse"),
    ],
)
def test_a_key_may_choose_what_happens_to_unsupported_fields(
    secrets: Secrets, given: object, told: str
) -> None:
    secrets.value = {"shop": SHOP | {"unsupported": given}}

    assert ask()["context"]["unsupported"] == told


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ({"duplicates": "join"}, "300"),
        ({"duplicates": "join", "within": 60}, "60"),
        ({"duplicates": "join", "within": 0}, "300"),
        ({"duplicates": "join", "within": "60"}, "300"),
        ({"duplicates": "join", "within": 86401}, "300"),
        ({"duplicates": "allow", "within": 60}, None),
        ({"duplicates": "jion"}, None),
        ({}, None),
    ],
)
def test_a_key_may_ask_for_equal_calls_to_be_one(
    secrets: Secrets, rules: dict[str, object], seconds: str | None
) -> None:
    secrets.value = {"shop": SHOP | rules}

    assert ask()["context"].get("join_within") == seconds
