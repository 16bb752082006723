"""Each limit at its edge: the last that is taken, and the first that is not.

The numbers stand here as callers know them. A limit that is off by one, in its number or in its
comparison, is a broken promise to somebody.
"""

from collections.abc import Callable
from typing import Any

import pytest
from mail_send import create_emails, emails, wire
from outbox.mail import parties, tags, validation
from outbox.queues import message, schedules

from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, mail

DAY = 86_400
KNOWN = {
    create_emails: {"MAX_BATCH": 100},
    emails: {"DEFAULT_LIMIT": 20, "MAX_LIMIT": 100},
    message: {
        "MAX_MESSAGE_BYTES": 1_048_576,
        "MAX_BODY_BYTES": 1_044_480,
        "MAX_RECEIVES": 900,
        "MAX_AGE_SECONDS": 432_000,
    },
    parties: {"MAX_RECIPIENTS": 50},
    schedules: {"MAX_INPUT_BYTES": 262_144},
    tags: {"MAX_CAMPAIGN": 128, "MAX_TAGS": 50, "MAX_TAG": 256, "MAX_TAG_BYTES": 4096},
    validation: {"MAX_SUBJECT": 998, "MAX_CLIENT": 128, "MAX_SCHEDULE_SECONDS": 366 * DAY},
    wire: {"MAX_KEY": 256, "MAX_REQUEST_BYTES": 4_500_000},
}

Send = Callable[[Caller, int], Reply]


def to(shop: Caller, number: int) -> Reply:
    return shop.send(to=[f"a{n}@example.com" for n in range(number)])


def subject(shop: Caller, number: int) -> Reply:
    return shop.send(subject="x" * number)


def campaign(shop: Caller, number: int) -> Reply:
    return shop.send(campaign_name="x" * number)


def tags_of(shop: Caller, number: int) -> Reply:
    return shop.send(tags=[{"name": f"n{n}", "value": "v"} for n in range(number)])


def tag_value(shop: Caller, number: int) -> Reply:
    return shop.send(tags=[{"name": "n", "value": "v" * number}])


def key(shop: Caller, number: int) -> Reply:
    return shop.send(key="k" * number)


def batch(shop: Caller, number: int) -> Reply:
    return shop.batch([mail()] * number)


def listed(shop: Caller, number: int) -> Reply:
    return shop.list(limit=str(number))


def scheduled(shop: Caller, number: int) -> Reply:
    # The clock moves on by a call's time.
    return shop.send(scheduled_at=int(shop.world.now) + number)


@pytest.mark.parametrize(
    ("send", "most", "refusal"),
    [
        (to, 50, 422),
        (subject, 998, 422),
        (campaign, 128, 422),
        (tags_of, 50, 422),
        (tag_value, 256, 422),
        (key, 256, 400),
        (batch, 100, 422),
        (listed, 100, 422),
        (scheduled, 366 * DAY, 422),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_most_is_taken_and_one_more_is_not(
    shop: Caller, send: Send, most: int, refusal: int
) -> None:
    assert send(shop, most).status == 200
    assert send(shop, most + 1).status == refusal


@pytest.mark.parametrize("send", [to, subject, key, batch, listed], ids=lambda send: send.__name__)
def test_one_is_taken_and_none_is_not(shop: Caller, send: Send) -> None:
    assert send(shop, 1).status == 200
    assert send(shop, 0).status != 200


@pytest.mark.parametrize("module", KNOWN, ids=lambda module: module.__name__)
def test_a_limit_has_the_number_that_callers_know(module: Any) -> None:  # noqa: ANN401 - a module
    limits = {
        name: value
        for name, value in vars(module).items()
        if name.startswith(("MAX_", "DEFAULT_")) and isinstance(value, int)
    }

    assert KNOWN[module].items() <= limits.items()


@pytest.mark.parametrize(
    ("pattern", "sender"),
    [
        ("*@acme.sa", "orders@ACME.SA"),
        ("*@acme.sa", "Orders@acme.sa"),
        ("*@Acme.SA", "orders@acme.sa"),
        ("Orders@acme.sa", "orders@acme.sa"),
    ],
)
def test_a_sender_s_allow_list_does_not_mind_case(world: World, pattern: str, sender: str) -> None:
    assert Caller(world, senders=[pattern]).send(**{"from": sender}).status == 200


@pytest.mark.parametrize(
    "sender", ["orders@acme.sa.evil.com", "orders@xacme.sa", "orders@acme.com"]
)
def test_a_sender_beside_the_allow_list_is_refused(shop: Caller, sender: str) -> None:
    assert shop.send(**{"from": sender}).status == 403
