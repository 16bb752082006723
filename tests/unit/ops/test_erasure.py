"""Erasing a person: which rows and messages are theirs, and what stays."""

import json
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from outbox.queues.message import ReceivedMessage
from outbox.storage.expressions import pack_item, unpack

from ops.erasure import ERASED, Found, Traces
from ops.errors import OpsError
from ops.failed import Parked

ADDRESS = "nora@example.com"
ROW = {"pk": "m1", "state": "sent", "updated": "t1", "sender": "shop@acme.sa"}


def traces(dynamo: Any = None, address: str = ADDRESS) -> Traces:  # noqa: ANN401  a stand-in
    """Look for an address in a table."""
    return Traces(dynamo or Mock(), "ledger", address)


def found(**changes: Any) -> Found:  # noqa: ANN401  any field
    """Make a row that was found."""
    given = {"id": "m1", "state": "sent", "updated": "t1", "sender": "shop@acme.sa"}
    return Found(**{**given, "to": ("n***@example.com", "a***@example.com"), **changes})


def test_the_table_is_searched_for_mask_and_sender() -> None:
    dynamo = Mock()
    pages = dynamo.get_paginator.return_value.paginate
    pages.return_value = [{"Items": [pack_item(ROW | {"to": ["n***@example.com"]})]}]

    (row,) = traces(dynamo).find()

    values = {
        unpack(value) for value in pages.call_args.kwargs["ExpressionAttributeValues"].values()
    }
    assert values == {"n***@example.com", ADDRESS}
    assert (row.id, row.settled) == ("m1", True)


def test_a_row_whose_tags_name_the_address_is_found_and_others_are_not() -> None:
    dynamo = Mock()
    other = ROW | {"to": ["a***@example.com"]}
    tags = [{"name": "for", "value": "n***@example.com"}]
    dynamo.get_paginator.return_value.paginate.return_value = [
        {
            "Items": [
                pack_item(other | {"tags": tags}),
                pack_item(other | {"pk": "m2", "tags": [{"name": "for", "value": "ali"}]}),
                pack_item(other | {"pk": "m3", "headers": tags}),
            ]
        }
    ]

    rows = list(traces(dynamo).find())

    assert [(row.id, row.tagged) for row in rows] == [("m1", True), ("m3", True)]


def test_tags_and_headers_go_whole() -> None:
    dynamo = Mock()

    assert traces(dynamo).erase(found(tagged=True))

    update = dynamo.update_item.call_args.kwargs["UpdateExpression"]
    assert update.endswith(" REMOVE #tags, #headers")


def written(row: Found, address: str = ADDRESS) -> dict[str, Any]:
    """Return the values that erasing writes and asks for."""
    dynamo = Mock()
    assert traces(dynamo, address).erase(row)
    values = dynamo.update_item.call_args.kwargs["ExpressionAttributeValues"]
    return dict(zip(("to", "sender", "updated"), map(unpack, values.values()), strict=True))


def test_the_mask_goes_and_the_others_stay() -> None:
    assert written(found()) == {
        "to": [ERASED, "a***@example.com"],
        "sender": "shop@acme.sa",
        "updated": "t1",
    }


def test_a_sender_goes_too() -> None:
    assert written(found(sender=ADDRESS))["sender"] == ERASED


def test_a_row_that_changed_meanwhile_is_left() -> None:
    dynamo = Mock()
    error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
    dynamo.update_item.side_effect = ClientError(error, "UpdateItem")  # type: ignore[arg-type]

    assert not traces(dynamo).erase(found())


def parked(body: str) -> Parked:
    """Make a message of the failed queue."""
    return Parked(ReceivedMessage("s1", "r1", body, {}, 1.0), {})


@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        ({}, True),
        ({"to": ["NORA@example.com"]}, True),
        ({"to": ["Nora <nora@example.com>", "ali@example.com"]}, True),
        ({"to": ["ali@example.com"], "from": ADDRESS}, True),
        ({"to": ["ali@example.com"]}, False),
        ({"to": ["nora@example.com.sa"]}, False),
        ({"to": ["eleonora@example.com"]}, False),
        ({"to": "nora@example.com", "cc": "not valid"}, True),
    ],
)
def test_a_message_is_theirs_if_it_is_to_or_from_them(
    fields: dict[str, Any], *, theirs: bool
) -> None:
    mail = {"from": "shop@acme.sa", "to": [ADDRESS], "subject": "Hi", "text": "Hi"}

    assert traces().names(parked(json.dumps(mail | fields))) is theirs


def test_a_broken_message_is_searched_as_text() -> None:
    assert traces().names(parked('{"to": "Nora@Example.com'))
    assert not traces().names(parked("{"))


def test_no_address_is_told() -> None:
    with pytest.raises(OpsError, match="is not a valid"):
        traces(address="nora")
