"""The account's balance: what can be read of an answer, whatever Taqnyat writes."""

from datetime import date
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taqnyat import TaqnyatClient
from taqnyat.account import AccountBalance, read_balance
from taqnyat.credentials import TokenNotSetError
from taqnyat.outcome import Fault
from taqnyat.transport import Answer

TOKEN = "a-made-up-token"
WHOLE = (
    b'{"statusCode": 200, "accountStatus": "active", "accountExpiryDate": "23-08-2021", '
    b'"balance": "2044.000", "currency": "SAR"}'
)
READ = AccountBalance(
    balance=Decimal("2044.000"), currency="SAR", status="active", expires=date(2021, 8, 23)
)


def answer(body: bytes, status: int | None = 200, fault: Fault | None = None) -> Answer:
    return Answer(status, body, 0.1, fault=fault)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (WHOLE, READ),
        (WHOLE.replace(b'"2044.000"', b"2044.0"), READ),
        (WHOLE.replace(b'"23-08-2021"', b'"2021-08-23"'), READ),
        # As broken as the guide's samples: unquoted keys, a comma at the end.
        (
            b'{statusCode: 200, "accountExpiryDate": "23-08-2021", "balance": "1.5",}',
            Decimal("1.5"),
        ),
        (b'{"balance": "-3.25", "currency": "<b>"}', Decimal("-3.25")),
        (b'{"balance": 7, "accountExpiryDate": "99-99-2021", "accountStatus": 1}', Decimal(7)),
        (b'{"balance": 7, "statusCode": "ok!"}', Decimal(7)),
        (b'{"balance": 7, "statusCode": 20}', Decimal(7)),
        (b'{"balance": 2.2737367544323206e-13}', Decimal("2.2737367544323206E-13")),
        (b'{"balance": "999999999999999.9"}', Decimal("999999999999999.9")),
    ],
)
def test_what_can_be_read(body: bytes, read: AccountBalance | Decimal) -> None:
    found = read_balance(answer(body))

    assert (found if isinstance(read, AccountBalance) else found.balance) == read
    assert found.trouble == ""


@pytest.mark.parametrize(
    ("given", "trouble"),
    [
        (answer(b"", 401), "refused"),
        (answer(b"<html>", 403), "refused"),
        (answer(b'{"statusCode": 401, "message": "Invalid ApiKey"}'), "refused"),
        (answer(b"Invalid ApiKey"), "unreadable"),
        (answer(WHOLE, 500), "unreadable"),
        (answer(WHOLE, 302), "unreadable"),
        (answer(WHOLE.replace(b"200", b"500")), "unreadable"),
        (answer(WHOLE[:40], fault=Fault.CUT), "unreadable"),
        (answer(WHOLE, fault=Fault.TIMEOUT), "unreadable"),
        (answer(b"", None, Fault.UNREACHABLE), "unreadable"),
        (answer(b'{"balance": "NaN"}'), "unreadable"),
        (answer(b'{"balance": NaN}'), "unreadable"),
        (answer(b'{"balance": "1e400"}'), "unreadable"),
        (answer(b'{"balance": "1e15"}'), "unreadable"),
        (answer(b'{"balance": "0.' + b"1" * 60_000 + b'"}'), "unreadable"),
        (answer(b'{"balance": "1e-400000"}'), "unreadable"),
        (answer(b'{"balance": ""}'), "unreadable"),
        (answer(b'{"balance": true}'), "unreadable"),
        (answer(b'{"balance": "2,044.00"}'), "unreadable"),
        (answer(b'{"balance": "2,044.00",}'), "unreadable"),
        (answer(b"[" * 30_000), "unreadable"),
    ],
)
def test_what_cannot(given: Answer, trouble: str) -> None:
    found = read_balance(given)

    assert (found.balance, found.trouble) == (None, trouble)


@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(100, 599)))
def test_it_reads_or_says_why_not_whatever_comes(body: bytes, status: int | None) -> None:
    found = read_balance(answer(body, status))

    assert (found.balance is None) == bool(found.trouble)


def client(said: Answer, token: Any = None) -> tuple[TaqnyatClient, Mock, Mock]:  # noqa: ANN401
    transport, bearer = Mock(), Mock()
    transport.request.return_value = said
    bearer.get.side_effect = [token or TOKEN]
    return TaqnyatClient(transport, bearer), transport, bearer


def test_the_token_is_in_a_header_alone() -> None:
    asking, transport, _ = client(answer(WHOLE))

    assert asking.account_balance(5.0) == READ
    transport.request.assert_called_once_with(
        "GET", "/account/balance", 5.0, headers={"Authorization": f"Bearer {TOKEN}"}
    )


@pytest.mark.parametrize(("status", "forgets"), [(401, 1), (200, 0), (500, 0)])
def test_a_refused_token_is_read_again_next_time(status: int, forgets: int) -> None:
    asking, _, bearer = client(answer(WHOLE, status))

    asking.account_balance(5.0)

    assert bearer.forget.call_count == forgets


def test_without_a_token_nothing_is_asked() -> None:
    asking, transport, _ = client(answer(WHOLE), TokenNotSetError("none"))

    assert asking.account_balance(5.0).trouble == "token_not_set"
    transport.request.assert_not_called()
