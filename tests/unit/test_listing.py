"""A page of a client's mails: what the index is asked for, and in which order rows come."""

from unittest.mock import Mock

import pytest
from outbox.mail.states import State
from outbox.storage.listing import Listing
from outbox.storage.row import Row


def row(name: str) -> Row:
    return Row(id=name, state=State.SENT, created=f"at {name}")


def table(*names: str, gone: str = "") -> Mock:
    found = Mock()
    found.name = "ledger"
    found.dynamo.query.return_value = {"Items": [{"pk": {"S": name}} for name in names]}
    found.get_all.side_effect = lambda ids: {name: row(name) for name in ids if name != gone}
    return found


@pytest.mark.parametrize("newer", [None, False, True])
@pytest.mark.parametrize("cursor", [None, row("x")])
def test_the_index_is_asked_for_one_more_than_the_page(
    cursor: Row | None, *, newer: bool | None
) -> None:
    ledger = table("a", "b", "c")
    options = {} if newer is None else {"newer": newer}
    found = Listing(ledger).page("shop", 2, cursor, **options)
    names = ["b", "a"] if newer else ["a", "b"]
    assert found == ([row(name) for name in names], True)
    start = {"client": {"S": "shop"}, "created": {"S": "at x"}, "pk": {"S": "x"}}
    ledger.dynamo.query.assert_called_once_with(
        TableName="ledger",
        IndexName="by-client",
        KeyConditionExpression="#client = :client",
        ExpressionAttributeNames={"#client": "client"},
        ExpressionAttributeValues={":client": {"S": "shop"}},
        ScanIndexForward=bool(newer),
        Limit=3,
        **({"ExclusiveStartKey": start} if cursor else {}),
    )
    ledger.get_all.assert_called_once_with(["a", "b"])


def test_the_last_page_says_so_and_leaves_out_what_is_gone() -> None:
    assert Listing(table("a", "b", gone="a")).page("shop", 2) == ([row("b")], False)
