"""Tags and bookkeeping headers: kept in the row alone, given back, and nothing of them sent."""

import json
from typing import Any

import pytest

from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, mail, sent, waiting

TAGS = [{"name": "order", "value": "1042"}, {"name": "campaign", "value": "ربيع"}]


def tags_of(shop: Caller, **fields: Any) -> Any:  # noqa: ANN401 - JSON
    return shop.show(shop.accepted(**fields)).body["tags"]


def test_tags_are_given_back_in_full_and_in_lists(shop: Caller) -> None:
    mail_id = shop.accepted(tags=TAGS)

    assert shop.show(mail_id).body["tags"] == TAGS
    assert [entry["tags"] for entry in shop.list().body["data"]] == [TAGS]
    assert shop.show(mail_id).body["taqnyat"]["campaign_name"] == "ربيع"
    assert tags_of(shop) == []


def test_no_message_and_nothing_that_taqnyat_gets_has_a_tag(shop: Caller, world: World) -> None:
    headers = {"X-Metadata": '{"secret": "of the shop"}', "X-Entity-Ref-ID": "of the shop"}
    shop.accepted(tags=[{"name": "secret", "value": "of the shop"}], headers=headers)
    shop.batch([mail(tags=[{"name": "secret", "value": "of the shop"}])])

    assert "secret" not in json.dumps(waiting(world))
    assert "of the shop" not in json.dumps(waiting(world))
    world.run_until_quiet()
    assert sent(world) == {"Hi": 2}


def test_a_mail_without_tags_has_no_attribute_more(shop: Caller, world: World) -> None:
    shop.accepted()

    (row,) = world.dynamo.items.values()
    assert not {"tags", "headers", "not_carried"} & row.keys()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("nora@example.com", "n***@example.com"),
        ("Nora <nora@example.com>, sami@x.sa", "Nora <n***@example.com>, s***@x.sa"),
        ("https://x.sa/?to=nora%40example.com&a=1", "https://x.sa/?to=n***@example.com&a=1"),
        ("نورة@مثال.السعودية", "ن***@مثال.السعودية"),
        ("user:nora＠example.com", "user:n***@example.com"),
        ("no address @ all", "no address @ all"),
        ("", ""),
    ],
)
def test_an_address_in_a_tag_is_masked(shop: Caller, value: str, kept: str) -> None:
    assert tags_of(shop, tags=[{"name": "for", "value": value}]) == [{"name": "for", "value": kept}]
    header = {"X-Entity-Ref-ID": value or "x"}
    shown = shop.show(shop.accepted(headers=header)).body["taqnyat"]["headers"]
    assert shown == {"X-Entity-Ref-ID": kept or "x"}


@pytest.mark.parametrize(
    ("tags", "field"),
    [
        ([{"name": "a", "value": "v"}] * 51, "tags"),
        ([{"name": "n" * 257, "value": "v"}], "tags[0].name"),
        ([{"name": "", "value": "v"}], "tags[0].name"),
        ([{"name": "a", "value": "v" * 257}], "tags[0].value"),
        ([{"name": "a", "value": "v\n"}], "tags[0].value"),
        ([{"name": "a\x00", "value": "v"}], "tags[0].name"),
        ([{"name": f"n{number}", "value": "v" * 250} for number in range(17)], "tags[16]"),
        ([{"name": f"n{number}", "value": "ع" * 250} for number in range(9)], "tags[8]"),
        ([{"name": "a", "value": 5}], "tags[0]"),
        ([{"name": "a"}], "tags[0]"),
        ([{"category": "a"}], "tags[0]"),
        ("a", "tags"),
    ],
)
def test_tags_that_cannot_be_kept_are_refused_by_place(
    shop: Caller, tags: object, field: str
) -> None:
    reply = shop.send(tags=tags)

    assert (reply.status, reply.body["message"].startswith(f"`{field}` ")) == (422, True)


def test_the_most_that_can_be_kept(shop: Caller) -> None:
    tags = [{"name": f"n{number:02}", "value": "v" * 70} for number in range(50)]
    longest = [{"name": "n" * 256, "value": "v" * 256}]

    assert tags_of(shop, tags=tags) == tags
    assert tags_of(shop, tags=longest) == longest


@pytest.mark.parametrize(
    ("headers", "tags"),
    [
        ({"X-Tag": "welcome"}, [("tag", "welcome")]),
        ({"x-tag": ["welcome", "first"]}, [("tag", "welcome"), ("tag", "first")]),
        ({"X-Tags": '["a", "b"]'}, [("tag", "a"), ("tag", "b")]),
        ({"X-Tags": "a, b"}, [("tag", "a, b")]),
        ({"X-Metadata": '{"order": 1042, "vip": true, "note": null}'}, [
            ("order", "1042"), ("vip", "true"), ("note", ""),
        ]),
        ({"X-Metadata-Order-Id": "1042"}, [("Order-Id", "1042")]),
        ({"X-Metadata-n": 7}, [("n", "7")]),
        ({"X-Tag": "=?utf-8?Q?=D8=B9=D8=B1=D8=B6?="}, [("tag", "عرض")]),
        ({"X-Tag": "=?nonsense?Q?x?="}, [("tag", "=?nonsense?Q?x?=")]),
        ({"X-Tag": "", "X-Tags": None, "X-Metadata": "{}"}, []),
    ],
)  # fmt: skip
def test_headers_that_mean_tags(
    shop: Caller, headers: dict[str, object], tags: list[tuple[str, str]]
) -> None:
    expected = [{"name": name, "value": value} for name, value in tags]

    assert tags_of(shop, headers=headers) == expected


def test_tags_as_symfony_writes_them(shop: Caller) -> None:
    tags = [{"X-Tag": "welcome"}, {"X-Metadata-order": "1042"}]

    assert tags_of(shop, tags=tags) == [
        {"name": "tag", "value": "welcome"},
        {"name": "order", "value": "1042"},
    ]


def test_metadata_may_name_the_campaign(shop: Caller) -> None:
    mail_id = shop.accepted(headers={"X-Metadata": '{"campaign": "spring"}'})

    assert shop.show(mail_id).body["taqnyat"]["campaign_name"] == "spring"


def test_bookkeeping_is_kept_and_shown(shop: Caller) -> None:
    headers = {"X-Entity-Ref-ID": "a1", "X-Priority": "1 (Highest)", "Importance": "high"}

    assert shop.show(shop.accepted(headers=headers)).body["taqnyat"]["headers"] == headers


@pytest.mark.parametrize("name", ["Idempotency-Key", "resend-idempotency-key"])
def test_a_key_among_the_headers_is_the_mails_own(shop: Caller, world: World, name: str) -> None:
    headers = {name: "order-1042"}
    first = shop.accepted(headers=headers)

    assert shop.accepted(headers=headers) == first
    batch = shop.batch([mail(headers=headers), mail(subject="Two", headers={name: "two"})])
    assert batch.body["data"][0]["id"] == first
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1, "Two": 1}


def test_a_key_among_the_headers_stands_for_one_payload(shop: Caller) -> None:
    shop.accepted(headers={"Idempotency-Key": "k"})

    assert shop.send(subject="Other", headers={"Idempotency-Key": "k"}).status == 409


def test_two_mails_of_a_batch_cannot_have_one_key(shop: Caller, world: World) -> None:
    mails = [mail(headers={"Idempotency-Key": "k"})] * 2

    reply = shop.batch(mails)
    assert (reply.status, reply.body["message"][:13]) == (422, "`[1].headers`")
    assert waiting(world) == []
    permissive: Reply = shop.batch(mails, mode="permissive")
    assert (len(permissive.body["data"]), permissive.body["errors"][0]["index"]) == (1, 1)


def test_a_key_that_is_too_long(shop: Caller) -> None:
    assert shop.send(headers={"Idempotency-Key": "k" * 257}).status == 422
