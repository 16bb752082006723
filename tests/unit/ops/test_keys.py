"""API keys: only hashes are kept, the authorizer takes what is written, a change is not lost."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mail_authorize.handler import identify

from ops import keys
from ops.errors import OpsError
from ops.secret import Secret
from tests.unit.ops.office import Office

ALL = ("send", "read")


def added(key: str = "first") -> keys.Document:
    """Make a document with one client."""
    return keys.add({}, "shop", ["*@acme.sa"], ALL, key)


def test_the_authorizer_takes_a_key_that_was_added() -> None:
    found = identify("first", keys.dump(added()))

    assert found == {"client": "shop", "from": '["*@acme.sa"]', "scopes": "read send"}
    assert "first" not in keys.dump(added())


def test_a_key_is_long_and_never_the_same() -> None:
    assert len({keys.new_key() for _ in range(100)}) == 100
    assert len(keys.new_key()) >= 43


def test_rotating_keeps_both_and_finishing_the_newest() -> None:
    both = keys.rotate(added(), "shop", "second")
    newest = keys.finish(both, "shop")

    assert [bool(identify(key, keys.dump(both))) for key in ("first", "second")] == [True, True]
    assert [bool(identify(key, keys.dump(newest))) for key in ("first", "second")] == [False, True]


def test_a_hash_that_was_written_by_hand_is_kept_when_rotating() -> None:
    by_hand = {"shop": {**added()["shop"], "sha256": keys.hashes(added()["shop"])[0]}}

    assert identify("first", keys.dump(keys.rotate(by_hand, "shop", "second")))


def test_limits_are_chosen_changed_and_taken_away() -> None:
    limited = keys.add({}, "shop", ["*"], ALL, "first", rate=20, daily=None, priority="bulk")
    assert {name: limited["shop"].get(name) for name in ("rate", "daily", "priority")} == {
        "rate": 20,
        "daily": None,
        "priority": "bulk",
    }
    changed = keys.change(limited, "shop", ["rate"], daily=100, priority=None)
    assert "rate" not in changed["shop"]
    assert (changed["shop"]["daily"], changed["shop"]["priority"]) == (100, "bulk")
    assert keys.faults(changed) == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rate": "x"}, "rate"),
        ({"rate": 0, "daily": 0}, "rate and daily"),
        ({"priority": "x"}, "priority"),
    ],
)
def test_an_option_that_cannot_be_read_is_named(options: dict[str, Any], named: str) -> None:
    document = {"shop": added()["shop"] | options}
    assert keys.faults(document) == [f"shop is refused everywhere: {named} cannot be read"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--rate", "0"), "--rate"),
        (("--rate", "fast"), "--rate"),
        (("--rate", "1.5"), "--rate"),
        (("--daily", "0"), "--daily"),
        (("--daily", "-5"), "--daily"),
        (("--priority", "urgent"), "--priority"),
    ],
)
def test_a_limit_that_there_is_not_is_named_before_anything_is_asked(
    office: Office, words: tuple[str, ...], named: str
) -> None:
    for command in (("keys", "add", "shop", "--from", "*"), ("keys", "change", "shop")):
        code, _, error = office.run(*command, *words)
        assert code == 2
        assert f"Invalid value for '{named}'" in error


def test_a_quota_needs_a_day_that_ends(office: Office) -> None:
    office.time_zone = "Asia/Nowhere"
    code, _, error = office.run("keys", "add", "shop", "--from", "*", "--daily", "10")
    assert code == 1
    assert "QuotaTimeZone Asia/Nowhere" in error


def test_revoking_takes_all_keys() -> None:
    assert keys.revoke(added(), "shop") == {}


@pytest.mark.parametrize("change", [keys.finish, keys.revoke])
def test_an_unknown_client_is_told(change: Callable[[keys.Document, str], object]) -> None:
    with pytest.raises(OpsError, match="there is no client"):
        change({}, "shop")


@pytest.mark.parametrize(
    ("client", "senders"),
    [("Shop", ["*"]), ("", ["*"]), ("a b", ["*"]), ("shop", ["acme"]), ("shop", ["a@b c"])],
)
def test_adding_refuses(client: str, senders: list[str]) -> None:
    with pytest.raises(OpsError):
        keys.add({}, client, senders, ALL, "key")


def test_a_client_is_not_added_twice() -> None:
    with pytest.raises(OpsError, match="already"):
        keys.add(added(), "shop", ["*"], ALL, "key")


@pytest.mark.parametrize("text", ["[]", "{", '"x"', '{"shop": 1}'])
def test_a_secret_that_is_no_object_of_clients_is_told(text: str) -> None:
    with pytest.raises(OpsError, match="not a JSON object"):
        keys.load(text)


@pytest.mark.parametrize(
    "rules",
    [
        {"sha256": "abc", "from": ["*"], "scopes": ["send"]},
        {"sha256": [], "from": ["*"], "scopes": ["send"]},
        {"sha256": ["0" * 64], "from": ["*"], "scopes": ["sned"]},
        {"sha256": ["0" * 64], "from": [], "scopes": ["send"]},
    ],
)
def test_faults_are_found(rules: dict[str, Any]) -> None:
    assert keys.faults({"shop": rules})
    assert not keys.faults(added())


class Secrets:
    """A secret as Secrets Manager keeps it: versions and labels."""

    def __init__(self) -> None:
        self.versions = {"v0": "{}"}
        self.labels = {"AWSCURRENT": "v0"}

    def get_secret_value(self, **_: object) -> dict[str, str]:
        version = self.labels["AWSCURRENT"]
        return {"SecretString": self.versions[version], "VersionId": version}

    def put_secret_value(self, **given: Any) -> None:
        self.versions[given["ClientRequestToken"]] = given["SecretString"]
        for label in given["VersionStages"]:
            self.labels[label] = given["ClientRequestToken"]

    def update_secret_version_stage(self, **given: Any) -> None:
        label = given["VersionStage"]
        if self.labels[label] != given["RemoveFromVersionId"]:
            raise ClientError(
                {"Error": {"Code": "InvalidParameterException"}}, "UpdateSecretVersionStage"
            )
        del self.labels[label]
        if "MoveToVersionId" in given:
            self.labels[label] = given["MoveToVersionId"]


def test_of_two_changes_at_once_the_second_is_told_and_nothing_is_lost() -> None:
    secrets = Secrets()
    mine, theirs = Secret(secrets, "keys"), Secret(secrets, "keys")
    _, seen = mine.read()
    theirs.write(keys.dump(added()), seen)

    with pytest.raises(OpsError, match="somebody else changed"):
        mine.write("{}", seen)

    assert keys.load(mine.read()[0]) == added()
    assert list(secrets.labels) == ["AWSCURRENT"]  # no draft keeps a label


def test_a_secret_without_a_value_gets_its_first() -> None:
    class Empty:
        """A secret that was created without a value."""

        written: dict[str, str] = {}  # noqa: RUF012

        def get_secret_value(self, **_: object) -> None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")

        def put_secret_value(self, **given: str) -> None:
            self.written |= given

    client = Empty()
    text, seen = Secret(client, "token").read()
    Secret(client, "token").write("t", seen)

    assert (text, seen) == ("", None)
    assert client.written == {"SecretId": "token", "SecretString": "t"}
    assert json.loads(keys.dump({})) == {}


def test_a_policy_that_there_is_not_is_told() -> None:
    document = keys.add({}, "shop", ["*"], ["send"], "k", unsupported="drop")

    assert keys.faults(document) == ["shop has an unknown policy `unsupported`"]
    known = keys.add({}, "shop", ["*"], ["send"], "k", unsupported="report")
    assert (keys.faults(known), keys.reporting(known, "refuse")) == ([], ["shop"])
    assert keys.reporting(keys.add({}, "shop", ["*"], ["send"], "k"), "report") == ["shop"]


def test_what_a_client_chose_can_be_changed() -> None:
    document = keys.add({}, "shop", ["*"], ["send"], "k", unsupported="report")

    changed = keys.change(document, "shop", unsupported=None, duplicates="join", within=60)

    assert changed["shop"] == document["shop"] | {"duplicates": "join", "within": 60}
    assert keys.faults(changed) == []
    broken = keys.change(changed, "shop", duplicates="jion", within=0)
    assert keys.faults(broken) == [
        "shop has an unknown policy `duplicates`",
        "shop joins calls within a time that is not valid",
    ]
    with pytest.raises(OpsError):
        keys.change(document, "other", within=60)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("*", ""),
        ("*@acme.sa", ""),
        ("orders@acme.sa", ""),
        ("*@*.acme.sa", ""),
        ("*@acme.sa.", "matches no domain"),
        ("*@acme", "matches no domain"),
        ("*@.acme.sa", "matches no domain"),
        ("*@acme.sa*", "matches domains of others"),
        ("*@*acme.sa", "matches domains of others"),
        ("*@acme.*", "matches domains of others"),
        ("acme.sa", "is no address"),
        ("*@\u0645\u062b\u0627\u0644.sa", "not ASCII"),
    ],
)
def test_a_pattern_that_matches_nothing_or_too_much_is_told(pattern: str, fault: str) -> None:
    assert fault in keys.pattern_fault(pattern)
    assert bool(keys.pattern_fault(pattern)) is bool(fault)
    if fault and pattern.isascii():
        with pytest.raises(OpsError, match=fault):
            keys.add({}, "shop", [pattern], ["send"], "key")
    rules = {"sha256": "0" * 64, "from": [pattern], "scopes": ["send"]}
    assert keys.faults({"shop": rules}) == (
        [f"shop has a sender that {keys.pattern_fault(pattern)}"] if fault else []
    )


def test_an_arabic_domain_is_kept_as_senders_have_it() -> None:
    document = keys.add({}, "shop", ["*@\u0645\u062b\u0627\u0644.sa"], ["send"], "key")

    assert document["shop"]["from"] == ["*@xn--mgbh0fb.sa"]


def test_the_command_lines_own_name_and_a_key_of_two_are_told() -> None:
    rules = {"sha256": "0" * 64, "from": ["*"], "scopes": ["send"]}

    with pytest.raises(OpsError, match="operator"):
        keys.add({}, "operator", ["*"], ["send"], "key")
    assert keys.faults({"shop": rules, "till": rules}) == ["shop and till have one key"]
    [fault] = keys.faults({"operator": rules})
    assert "command line's own name" in fault


@pytest.mark.parametrize(
    ("within", "fine"),
    [(1, True), (86400, True), (0, False), (86401, False), (True, False), ("60", False)],
)
def test_the_time_within_which_calls_are_joined_has_bounds(within: object, *, fine: bool) -> None:
    document = {"shop": added()["shop"] | {"within": within}}

    assert keys.faults(document) == (
        [] if fine else ["shop joins calls within a time that is not valid"]
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": []}, ["shop has no key, or one that is no SHA-256"]),
        ({"sha256": ["0" * 63]}, ["shop has no key, or one that is no SHA-256"]),
        ({"sha256": ["0" * 64, "x"]}, ["shop has no key, or one that is no SHA-256"]),
        ({"scopes": ["sned"]}, ["shop may neither send nor read"]),
        ({"scopes": None}, ["shop may neither send nor read"]),
        ({"from": None}, ["shop may send from no address"]),
        ({"from": None, "scopes": ["read"]}, []),
        ({"scopes": ["webhooks"]}, []),
        ({"unsupported": "report", "duplicates": "join"}, []),
        ({"from": ["acme"]}, ["shop has a sender that is no address"]),
    ],
)
def test_each_fault_of_a_client_is_told_word_for_word(
    changes: dict[str, Any], said: list[str]
) -> None:
    assert keys.faults({"shop": added()["shop"] | changes}) == said


def test_a_key_of_two_is_told_whatever_its_case() -> None:
    rules: dict[str, Any] = {"from": ["*"], "scopes": ["send"]}
    document: keys.Document = {
        "a": rules | {"sha256": ["A" * 64, "b" * 64]},
        "b": rules | {"sha256": "a" * 64},
        "c": rules | {"sha256": ["a" * 64]},
    }

    assert keys.faults(document) == ["a and b have one key", "a and c have one key"]


def test_the_right_form_of_the_secret_is_told() -> None:
    assert keys.load("") == {}
    with pytest.raises(OpsError) as error:
        keys.load("[]")
    assert str(error.value) == "the API keys secret is not a JSON object of clients"
    assert error.value.remedy == (
        "the API refuses every call until you correct it in Secrets Manager: "
        '{"shop": {"sha256": ["<hex>"], "from": ["*@acme.sa"], "scopes": ["send", "read"]}}'
    )
    assert keys.dump({"b": {}, "a": {"x": 1}}) == '{\n "a": {"x":1},\n "b": {}\n}'


def test_the_secret_has_room_for_450_clients_and_a_full_one_is_told() -> None:
    def clients(count: int) -> keys.Document:
        document: keys.Document = {}
        for number in range(count):
            name = f"shop-{number}"
            document = keys.add(document, name, ["*@example.com"], keys.SCOPES[:2], "key")
        return document

    assert len(keys.dump(clients(450))) < 65_536
    too_many = clients(500)
    with pytest.raises(OpsError, match="the API keys' secret is full: 500 clients") as full:
        keys.dump(too_many)
    assert "keys revoke" in full.value.remedy
    full_at = {"x": {"y": "z" * (65_536 - len(keys.dump({"x": {"y": ""}})))}}
    assert len(keys.dump(full_at)) == 65_536


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("*@acme.sa", "*@acme.sa"),
        ("a@\u0645\u062b\u0627\u0644.sa", "a@xn--mgbh0fb.sa"),
        ("*@*.\u0645\u062b\u0627\u0644.sa", "*@*.\u0645\u062b\u0627\u0644.sa"),
        ("\u0645", "xn--hhb"),
    ],
)
def test_a_domain_is_kept_in_ascii_where_it_has_such_a_form(pattern: str, kept: str) -> None:
    assert keys.in_ascii(pattern) == kept
