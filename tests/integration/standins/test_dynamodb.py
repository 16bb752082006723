"""DynamoDB: conditions, updates, and what it refuses."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from outbox.storage.expressions import pack_item

from tests.integration.standins.three import TABLE, Aws, refusal


def _put(aws: Aws, **attributes: Any) -> None:  # noqa: ANN401 - an item's values
    aws.dynamodb.put_item(TableName=TABLE, Item=pack_item({"pk": "one", **attributes}))


def _update(aws: Aws, update: str, condition: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Update the item; `n_x` names attribute x as #x, `v_x` gives the value :x."""
    names = {f"#{key[2:]}": name for key, name in more.items() if key.startswith("n_")}
    values = {f":{key[2:]}": value for key, value in more.items() if key.startswith("v_")}
    answer: dict[str, Any] = aws.dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": more.get("pk", "one")}},
        UpdateExpression=update,
        ReturnValues="ALL_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        **({"ConditionExpression": condition} if condition else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
    )
    return dict(answer["Attributes"])


def _item(aws: Aws, key: str = "one") -> Any:  # noqa: ANN401 - an item or None
    answer = aws.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": key}}, ConsistentRead=True)
    return answer.get("Item")


def test_an_item_is_put_once(aws: Aws) -> None:
    arguments = {
        "TableName": TABLE,
        "Item": {"pk": {"S": "one"}, "state": {"S": "queued"}},
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    aws.dynamodb.put_item(**arguments)
    with pytest.raises(ClientError) as refused:
        aws.dynamodb.put_item(**arguments | {"Item": {"pk": {"S": "one"}, "state": {"S": "x"}}})
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == arguments["Item"]  # type: ignore[typeddict-item]  # not in botocore's types
    assert _item(aws) == arguments["Item"]
    assert _item(aws, "another") is None


def test_an_update_makes_the_item_that_is_missing(aws: Aws) -> None:
    made = _update(aws, "SET #a = :a", n_a="state", v_a={"S": "queued"})
    assert made == {"pk": {"S": "one"}, "state": {"S": "queued"}} == _item(aws)


def test_set_once_add_append_and_remove(aws: Aws) -> None:
    _put(aws, first="kept", list=["a"], gone=1)
    update = (
        "SET #first = if_not_exists(#first, :new), #second = if_not_exists(#second, :new),"
        " #count = if_not_exists(#count, :zero) + :one, #list = list_append(#list, :more),"
        " #other = list_append(if_not_exists(#other, :none), :more) REMOVE #gone, #never"
    )
    item = _update(
        aws,
        update,
        n_first="first",
        n_second="second",
        n_count="count",
        n_list="list",
        n_other="other",
        n_gone="gone",
        n_never="never",
        v_new={"S": "new"},
        v_zero={"N": "0"},
        v_one={"N": "1"},
        v_none={"L": []},
        v_more={"L": [{"M": {"at": {"S": "now"}}}]},
    )
    more = {"M": {"at": {"S": "now"}}}
    assert item == {
        "pk": {"S": "one"},
        "first": {"S": "kept"},
        "second": {"S": "new"},
        "count": {"N": "1"},
        "list": {"L": [{"S": "a"}, more]},
        "other": {"L": [more]},
    }


def test_operands_see_the_item_as_it_was_before(aws: Aws) -> None:
    _put(aws, a=1)
    item = _update(
        aws,
        "SET #a = #a + :one, #b = if_not_exists(#a, :zero) + :one",
        n_a="a",
        n_b="b",
        v_one={"N": "1"},
        v_zero={"N": "0"},
    )
    assert (item["a"], item["b"]) == ({"N": "2"}, {"N": "2"})


def test_a_condition_that_fails_changes_nothing_and_shows_the_item(aws: Aws) -> None:
    _put(aws, state="sent")
    with pytest.raises(ClientError) as refused:
        _update(
            aws, "SET #s = :new", "#s = :old", n_s="state", v_new={"S": "x"}, v_old={"S": "queued"}
        )
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == _item(aws)  # type: ignore[typeddict-item]
    assert _item(aws)["state"] == {"S": "sent"}


def test_a_condition_on_an_item_that_is_missing_shows_none(aws: Aws) -> None:
    with pytest.raises(ClientError) as refused:
        _update(aws, "SET #s = :new", "#s = :new", n_s="state", v_new={"S": "x"})
    assert "Item" not in refused.value.response
    assert _item(aws) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_exists(#n)", True),
        ("attribute_not_exists(#n)", False),
        ("attribute_not_exists(#missing)", True),
        ("#n = :seven", True),
        ("#n = :seven_point", True),
        ("#n = :text", False),  # of another type
        ("#n <> :text", True),
        ("#n <= :seven", True),
        ("#n < :seven", False),
        ("#n > :ten", False),
        ("#n < :ten", True),  # as numbers, not as text
        ("#missing <= :seven", False),
        ("#missing = :seven", False),
        ("#n IN (:ten, :seven)", True),
        ("#n IN (:ten, :text)", False),
        ("NOT #n = :seven", False),
        ("#n = :ten OR #n = :seven", True),
        ("#n = :ten OR #n = :seven AND #n = :ten", False),
        ("(#n = :ten OR #n = :seven) AND #n = :seven", True),
        ("#flag = :true", True),
    ],
)
def test_conditions(aws: Aws, condition: str, holds: bool) -> None:  # noqa: FBT001 - a parameter
    _put(aws, n=7, flag=True)
    values = {
        "seven": {"N": "7"},
        "seven_point": {"N": "7.0"},
        "ten": {"N": "10"},
        "text": {"S": "7"},
        "true": {"BOOL": True},
    }
    words = _words(condition)
    used: dict[str, Any] = {"n_done": "done", "v_done": {"BOOL": True}}
    used.update({f"v_{name}": value for name, value in values.items() if f":{name}" in words})
    used.update({f"n_{name}": name for name in ("n", "missing", "flag") if f"#{name}" in words})
    if holds:
        assert "done" in _update(aws, "SET #done = :done", condition, **used)
    else:
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            _update(aws, "SET #done = :done", condition, **used)


def _words(condition: str) -> set[str]:
    for mark in "(),":
        condition = condition.replace(mark, " ")
    return set(condition.split())


@pytest.mark.parametrize(
    ("update", "condition", "more"),
    [
        ("SET #a = :a", "", {"n_a": "a", "v_a": {"S": "x"}, "n_unused": "b"}),
        ("SET #a = :a", "", {"n_a": "a", "v_a": {"S": "x"}, "v_unused": {"S": "b"}}),
        ("SET #a = :missing", "", {"n_a": "a"}),
        ("SET #missing = :a", "", {"v_a": {"S": "x"}}),
        ("SET #a = #nowhere + :a", "", {"n_a": "a", "n_nowhere": "nowhere", "v_a": {"N": "1"}}),
        ("SET state = :a", "", {"v_a": {"S": "x"}}),  # a reserved word
        ("SET #a = :a", "ttl = :a", {"n_a": "a", "v_a": {"S": "x"}}),
        ("SET #pk = :a", "", {"n_pk": "pk", "v_a": {"S": "x"}}),
        ("SET #a = :a", "", {"n_a": "client", "v_a": {"N": "1"}}),  # a key of the index
        ("SET #a = :a", "", {"n_a": "a", "v_a": {"S": "x"}, "pk": ""}),
    ],
)
def test_what_is_not_valid_is_refused(
    aws: Aws, update: str, condition: str, more: dict[str, Any]
) -> None:
    _put(aws, text="x", a="a")
    assert refusal(lambda: _update(aws, update, condition, **more)) == "ValidationException"
    assert _item(aws) == pack_item({"pk": "one", "text": "x", "a": "a"})


def test_an_item_has_its_limit(aws: Aws) -> None:
    _put(aws, attempts=["x" * 1000] * 390)
    more: dict[str, Any] = {"n_a": "attempts", "v_more": {"L": [{"S": "x" * 1000}] * 20}}
    update = "SET #a = list_append(#a, :more)"
    assert refusal(lambda: _update(aws, update, **more)) == "ValidationException"
    more["v_more"] = {"L": [{"S": "x" * 1000}]}
    assert len(_update(aws, update, **more)["attempts"]["L"]) == 391


def test_a_table_that_is_missing(aws: Aws) -> None:
    call = aws.dynamodb.get_item
    key = {"pk": {"S": "one"}}
    assert refusal(call, TableName="another", Key=key) == "ResourceNotFoundException"


def test_many_rows_are_written_together_or_not_at_all(aws: Aws) -> None:
    _put(aws, state="queued")
    puts = [
        {
            "Put": {
                "TableName": TABLE,
                "Item": pack_item({"pk": key, "state": "scheduled"}),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        for key in ("two", "one", "three")
    ]
    with pytest.raises(ClientError) as refused:
        aws.dynamodb.transact_write_items(TransactItems=puts)
    assert refused.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons: Any = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == _item(aws)
    assert _item(aws, "two") is None
    aws.dynamodb.transact_write_items(TransactItems=[puts[0], puts[2]])
    assert _item(aws, "two")["state"] == {"S": "scheduled"}


@pytest.mark.parametrize(
    ("update", "more"),
    [
        ("SET #a = :a, #b = :a", {"n_a": "a", "n_b": "a", "v_a": {"S": "x"}}),
        ("SET #a = :a REMOVE #b", {"n_a": "a", "n_b": "a", "v_a": {"S": "x"}}),
        ("SET #a = #text + :a", {"n_a": "a", "n_text": "text", "v_a": {"N": "1"}}),
        ("SET #a = list_append(#text, :a)", {"n_a": "a", "n_text": "text", "v_a": {"L": []}}),
        ("SET #a == :a", {"n_a": "a", "v_a": {"S": "x"}}),
    ],
)
def test_an_update_that_dynamodb_refuses(aws: Aws, update: str, more: dict[str, Any]) -> None:
    _put(aws, text="x", a="a")
    assert refusal(lambda: _update(aws, update, **more)) == "ValidationException"
