"""Who acts: known without an address, and noted with what was done."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from outbox.mail.states import State
from outbox.storage.expressions import pack_item
from outbox.storage.row import Row
from outbox.storage.table import LedgerTable

from ops.errors import OpsError
from ops.history import History, Note
from ops.operator import by_arn, who
from tests.faults.standins.dynamo import Dynamo


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sts::1:assumed-role/Ops/a@x.sa", "Ops#358d03bb"),
        ("arn:aws:sts::1:assumed-role/a b@/a@x.sa", "assumed-role#"),
        ("arn:aws-cn:iam::1:user/path/a@x.sa", "user#"),
        ("arn:aws:iam::1:user/Ops/a@x.sa", "user#"),
        ("arn:aws:iam::1:root", "root"),
        ("arn:aws:s3:::bucket/a@x.sa", "not known"),
        ("nonsense", "not known"),
    ],
)
def test_an_operator_is_known_without_an_address(arn: str, name: str) -> None:
    assert by_arn(arn).startswith(name)
    assert "@" not in by_arn(arn)
    if "#" in name:
        assert len(by_arn(arn).partition("#")[2]) == 8


class _Sts:
    """Says who we are, or does not."""

    def __init__(self, said: dict[str, str] | Exception) -> None:
        self._said = said

    def get_caller_identity(self) -> dict[str, str]:
        if isinstance(self._said, Exception):
            raise self._said
        return self._said


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"Arn": "arn:aws:iam::1:root"}, "root"),
        ({}, "not known"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetCallerIdentity"), "not known"),
        (EndpointConnectionError(endpoint_url="https://sts"), "not known"),
    ],
)
def test_whom_aws_does_not_name_is_not_known(said: dict[str, str] | Exception, name: str) -> None:
    assert who(None, lambda: _Sts(said)) == name


@pytest.mark.parametrize("name", ["Nora", "Night shift 2", "a" * 64, "a.b_c-d"])
def test_a_name_may_be_given(name: str) -> None:
    assert who(name, None) == name


@pytest.mark.parametrize("name", ["", " Nora", "a" * 65, "nora@example.com", "a\nb"])
def test_a_name_that_cannot_stand_in_a_record_is_told(name: str) -> None:
    with pytest.raises(OpsError) as error:
        who(name, None)

    assert str(error.value) == "--as takes up to 64 letters, digits, spaces and . _ -"


@pytest.mark.parametrize(
    ("does", "after"),
    [
        (lambda history, row_: history.redriven(row_, possibly_twice=False), State.UNKNOWN),
        (lambda history, row_: history.redriven(row_, possibly_twice=True), State.UNKNOWN),
        (lambda history, row_: history.sent(row_), State.SENT),
        (lambda history, row_: history.discarded(row_, "why"), State.CANCELED),
        (lambda history, row_: history.canceled(row_), State.UNKNOWN),
    ],
)
def test_a_write_whose_answer_was_lost_was_made(
    does: Callable[[History, Row], Note], after: State
) -> None:
    dynamo = Dynamo("ledger")
    dynamo.items["m1"] = pack_item({"pk": "m1", "state": "unknown", "attempt_count": 1})
    table = LedgerTable(cast("Any", dynamo), "ledger", 30, lambda: 1_800_000_000.0)
    history, other = History(table, "me"), History(table, "another")
    found = table.get("m1")
    assert found is not None
    note = does(history, found)

    assert [history.write(note) for _ in range(2)] == [True, True]
    assert note.after is after
    written = table.get("m1")
    assert written is not None
    assert (written.state, len(written.actions)) == (after, 1)
    # Another's, on the row as it was before.
    assert not other.write(does(other, found._replace(attempt_count=7)))
