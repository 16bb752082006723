"""Attribute values and expressions, as DynamoDB takes them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from outbox.mail.states import State
from outbox.storage.expressions import (
    Expression,
    existing_item,
    pack,
    pack_item,
    unpack,
    unpack_item,
)


@pytest.mark.parametrize(
    ("value", "packed"),
    [
        ("", {"S": ""}),
        ("مرحبا", {"S": "مرحبا"}),
        (State.SENT, {"S": "sent"}),
        (True, {"BOOL": True}),
        (False, {"BOOL": False}),
        (0, {"N": "0"}),
        (-5, {"N": "-5"}),
        (10**37, {"N": "1" + "0" * 37}),
        ([], {"L": []}),
        (("a", 1), {"L": [{"S": "a"}, {"N": "1"}]}),
        ({"a": {"b": [1]}}, {"M": {"a": {"M": {"b": {"L": [{"N": "1"}]}}}}}),
        ({"a": None, "b": 1}, {"M": {"b": {"N": "1"}}}),
    ],
)
def test_values_there_and_back(value: Any, packed: dict[str, Any]) -> None:  # noqa: ANN401
    assert pack(value) == packed
    assert type(next(iter(pack(value).values()))) in {str, bool, list, dict}
    back = unpack(packed)
    if isinstance(value, dict) and None in value.values():
        assert back == {"b": 1}
    else:
        assert back == (list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1.5, "float"), (None, "NoneType"), (b"x", "bytes"), ({1, 2}, "set"), ([1.5], "float")],
)
def test_what_cannot_be_kept(value: object, kind: str) -> None:
    with pytest.raises(TypeError, match=f"cannot keep a {kind}$"):
        pack(value)


@pytest.mark.parametrize(
    ("packed", "value"),
    [
        ({"N": "1E+3"}, 1000),
        ({"N": "5.0"}, 5),
        ({"N": "0.25"}, 0.25),
        ({"N": "-7"}, -7),
        ({"SS": ["a"]}, ["a"]),
    ],
)
def test_what_others_may_have_written(packed: dict[str, Any], value: object) -> None:
    assert unpack(packed) == value
    assert type(unpack(packed)) is type(value)


def test_an_item_leaves_out_what_is_none() -> None:
    item = pack_item({"pk": "a", "code": None, "n": 0, "text": ""})
    assert item == {"pk": {"S": "a"}, "n": {"N": "0"}, "text": {"S": ""}}
    assert unpack_item(item) == {"pk": "a", "n": 0, "text": ""}


def test_an_expression_holds_no_name_or_value_itself() -> None:
    write = Expression()
    parts = [
        *write.set(state=State.SENT, reason=None, code=14),
        *write.set_once(created="now", client=None),
        write.add("resends", write.value(1)),
        write.append("attempts", {"ms": 5}),
    ]
    assert parts == [
        "#state = :v0",
        "#code = :v1",
        "#created = if_not_exists(#created, :v2)",
        "#resends = if_not_exists(#resends, :v4) + :v3",
        "#attempts = list_append(if_not_exists(#attempts, :v5), :v6)",
    ]
    assert write.names == {
        f"#{name}": name for name in ("state", "code", "created", "resends", "attempts")
    }
    assert write.values == {
        ":v0": {"S": "sent"},
        ":v1": {"N": "14"},
        ":v2": {"S": "now"},
        ":v3": {"N": "1"},
        ":v4": {"N": "0"},
        ":v5": {"L": []},
        ":v6": {"L": [{"M": {"ms": {"N": "5"}}}]},
    }


def refusal(code: str, **answer: Any) -> ClientError:  # noqa: ANN401
    response: Any = {"Error": {"Code": code, "Message": "m"}, **answer}
    return ClientError(response, "UpdateItem")


def test_the_item_that_stood_in_the_way() -> None:
    item = {"pk": {"S": "a"}}
    assert existing_item(refusal("ConditionalCheckFailedException", Item=item)) == item
    assert existing_item(refusal("ConditionalCheckFailedException")) is None
    with pytest.raises(ClientError):
        existing_item(refusal("ProvisionedThroughputExceededException", Item=item))
    with pytest.raises(ClientError):
        existing_item(ClientError({}, "UpdateItem"))
