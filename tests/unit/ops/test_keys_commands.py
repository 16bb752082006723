"""`keys`, typed: what is shown once, what the secret holds afterwards, what is said."""

import hashlib
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from mail_authorize.handler import identify

from tests.unit.ops.cloud import RULES, Cloud, lines

SOON = "within a minute, or the stack's KeyCacheSeconds if that is longer"
ONCE = (
    "This is the only time that the key is shown. It works within seconds: an earlier call"
    " can be refused, and API Gateway then keeps refusing the key for a minute."
)


def kept(cloud: Cloud) -> dict[str, Any]:
    """Return the clients as the authorizer reads them."""
    found: dict[str, Any] = json.loads(cloud.secrets.text("keys"))
    return found


def sha256(key: str) -> str:
    """Return what the stack keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_new_key_is_shown_once_and_its_hash_is_kept(cloud: Cloud) -> None:
    code, out, err = cloud.run("keys", "add", "till", "--from", "*@acme.sa", "--from", "a@b.sa")

    key = out.strip()
    assert (code, lines(err)) == (0, [ONCE])
    assert key.startswith("tqm_")
    assert len(key) == 47
    assert kept(cloud) == {
        "shop": RULES,
        "till": {
            "sha256": [sha256(key)],
            "from": ["*@acme.sa", "a@b.sa"],
            "scopes": ["send", "read"],
        },
    }
    assert list(cloud.secrets.labels["arn:keys"]) == ["AWSCURRENT"]
    found = identify(key, cloud.secrets.text("keys"))
    assert found is not None
    assert found["client"] == "till"


def test_what_a_key_may_have_is_kept_as_it_was_given(cloud: Cloud) -> None:
    told = cloud.json(
        *("keys", "add", "till", "--from", "*", "--scope", "webhooks", "--scope", "read"),
        *("--unsupported", "report", "--duplicates", "join", "--within", "60"),
        *("--priority", "bulk", "--rate", "20", "--daily", "1000"),
    )

    assert told == {"client": "till", "key": told["key"]}
    assert kept(cloud)["till"] == {
        "sha256": [sha256(told["key"])],
        "from": ["*"],
        "scopes": ["webhooks", "read"],
        "unsupported": "report",
        "duplicates": "join",
        "within": 60,
        "priority": "bulk",
        "rate": 20,
        "daily": 1000,
    }


def test_the_first_key_of_a_stack_makes_its_document(cloud: Cloud) -> None:
    cloud.secrets.labels["arn:keys"] = {}

    told = cloud.json("keys", "add", "shop", "--from", "*")

    assert kept(cloud)["shop"]["sha256"] == [sha256(told["key"])]


def test_the_clients_are_listed_in_order(cloud: Cloud) -> None:
    more = {"priority": "bulk", "rate": 20, "daily": 1000, "from": ["*@b.sa", "c@d.sa"]}
    two = {"sha256": ["1" * 64, "2" * 64], "scopes": ["send", "read"]}
    document = {"till": RULES | more | two, "shop": RULES, "bare": {}}
    cloud.secrets.versions["arn:keys"]["keys-0"] = json.dumps(document)

    code, out, _ = cloud.run("keys", "list")

    assert code == 0
    assert [" ".join(line.split()) for line in lines(out)] == [
        "client keys may send from scopes lane a second a day",
        "bare 0 - - normal - -",
        "shop 1 *@acme.sa send normal - -",
        "till 2 *@b.sa c@d.sa send read bulk 20 1000",
    ]
    assert cloud.json("keys", "list")[1:] == [
        {
            "client": "shop",
            "keys": 1,
            "from": ["*@acme.sa"],
            "scopes": ["send"],
            "priority": "normal",
            "rate": None,
            "daily": None,
        },
        {
            "client": "till",
            "keys": 2,
            "from": ["*@b.sa", "c@d.sa"],
            "scopes": ["send", "read"],
            "priority": "bulk",
            "rate": 20,
            "daily": 1000,
        },
    ]
    assert cloud.json("keys", "list")[0]["from"] == []
    assert cloud.json("keys", "list")[0]["scopes"] == []


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (("--rate", "7"), {"rate": 7, "daily": 9, "priority": "bulk"}),
        (("--no-rate",), {"daily": 9, "priority": "bulk"}),
        (("--no-daily", "--unsupported", "refuse"), {"rate": 5, "priority": "bulk"}),
        (("--no-rate", "--no-daily", "--priority", "normal"), {"priority": "normal"}),
        (("--within", "86400", "--duplicates", "allow"), {"rate": 5, "daily": 9}),
    ],
)
def test_a_change_changes_what_it_names(
    cloud: Cloud, words: tuple[str, ...], after: dict[str, Any]
) -> None:
    before = RULES | {"rate": 5, "daily": 9, "priority": "bulk"}
    cloud.secrets.versions["arn:keys"]["keys-0"] = json.dumps({"shop": before})

    code, out, _ = cloud.run("keys", "change", "shop", *words)
    found = kept(cloud)["shop"]

    assert (code, lines(out)) == (0, [f"Changed; it counts {SOON}."])
    assert found | after == found
    assert ("rate" in found, "daily" in found) == (
        "--no-rate" not in words,
        "--no-daily" not in words,
    )
    assert {name: found[name] for name in RULES} == RULES
    given = dict(itertools.pairwise(words))
    for option, name in (("--unsupported", "unsupported"), ("--duplicates", "duplicates")):
        assert found.get(name) == given.get(option)
    assert cloud.json("keys", "change", "shop", *words) == {"client": "shop"}


def test_a_rotation_keeps_the_older_key_until_it_is_finished(cloud: Cloud) -> None:
    code, out, err = cloud.run("keys", "rotate", "shop")
    key = out.strip()
    both = kept(cloud)["shop"]["sha256"]
    done = cloud.run("keys", "rotate", "shop", "--finish")

    assert code == 0
    assert lines(err) == [ONCE, "The older key works on until `keys rotate shop --finish`."]
    assert both == ["0" * 64, sha256(key)]
    assert (done[0], lines(done[1]), done[2]) == (0, [f"Older keys stop working {SOON}."], "")
    assert kept(cloud) == {"shop": RULES | {"sha256": [sha256(key)]}}
    assert cloud.json("keys", "rotate", "shop", "--finish") == {"client": "shop"}
    assert cloud.json("keys", "rotate", "shop").keys() == {"client", "key"}


def test_revoking_asks_deletes_and_names_what_still_goes_out(cloud: Cloud) -> None:
    document = {"shop": RULES, "till": RULES}
    cloud.secrets.versions["arn:keys"]["keys-0"] = json.dumps(document)

    refused = cloud.run("keys", "revoke", "shop")
    unchanged = kept(cloud)
    code, out, err = cloud.run("keys", "revoke", "shop", "--yes")

    assert refused[0] == 1
    assert lines(refused[2]) == [
        (
            "Error: not done without an answer to: Delete all keys of shop away in "
            "taqnyat-mail (nowhere)?"
        ),
        "add --yes",
    ]
    assert unchanged == document
    assert (code, lines(out)) == (0, [f"Revoked; its keys stop working {SOON}."])
    assert lines(err) == [
        "Mails that it sent and that wait still go out; `mail cancel --client shop`."
    ]
    assert kept(cloud) == {"till": RULES}
    assert cloud.json("keys", "revoke", "till", "--yes") == {"client": "till"}


@pytest.mark.parametrize(
    "words", [("change", "nobody"), ("rotate", "nobody"), ("revoke", "nobody", "--yes")]
)
def test_a_client_that_there_is_not_is_told(cloud: Cloud, words: tuple[str, ...]) -> None:
    code, _, err = cloud.run("keys", *words)

    assert code == 1
    assert lines(err) == ["Error: there is no client nobody", "`keys list` shows them"]


@pytest.mark.parametrize(
    ("client", "sender", "error", "remedy"),
    [
        (
            "Shop",
            "*",
            "a client's name is 1 to 64 small letters, digits, dots, hyphens or underscores",
            "",
        ),
        ("shop", "*", "there is a client shop already", "use `keys rotate shop`"),
        (
            "operator",
            "*",
            "operator is the command line's own name: its mails would be seen",
            "",
        ),
        (
            "till",
            "*@acme",
            "--from takes an address or a pattern such as *@acme.sa: one matches no domain",
            "",
        ),
    ],
)
def test_what_is_no_client_is_told(
    cloud: Cloud, client: str, sender: str, error: str, remedy: str
) -> None:
    code, out, err = cloud.run("keys", "add", client, "--from", sender)

    assert (code, out) == (1, "")
    assert lines(err) == [f"Error: {error}", *([remedy] if remedy else [])]
    assert kept(cloud) == {"shop": RULES}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda cloud: cloud.run("keys", "change", "shop", "--daily", "5"), 1),
        (lambda cloud: cloud.run("keys", "add", "till", "--from", "*", "--daily", "5"), 1),
        (lambda cloud: cloud.run("keys", "change", "shop", "--rate", "5"), 0),
    ],
)
def test_a_day_needs_a_time_zone(
    cloud: Cloud, change: Callable[[Cloud], tuple[int, str, str]], code: int
) -> None:
    cloud.functions.settings["check"]["QUOTA_TIME_ZONE"] = "Asia/Nowhere"

    done = change(cloud)

    assert done[0] == code
    if code:
        assert lines(done[2]) == [
            "Error: the stack's QuotaTimeZone Asia/Nowhere is no time zone that is known here",
            "deploy with one such as Asia/Riyadh",
        ]


def test_a_day_of_a_known_time_zone_is_taken(cloud: Cloud) -> None:
    assert cloud.run("keys", "change", "shop", "--daily", "5")[0] == 0
    assert kept(cloud)["shop"]["daily"] == 5
