"""What the shop's customers get, through the real gateway on this machine."""

import django
import pytest
from django.conf import settings
from django.test import Client
from taqnyat_mail_testing import Gateway


@pytest.fixture(scope="session", autouse=True)
def _mail_settings(taqnyat_gateway: Gateway) -> None:
    settings.ANYMAIL["RESEND_API_URL"] = f"{taqnyat_gateway.url}/"
    settings.ANYMAIL["RESEND_API_KEY"] = taqnyat_gateway.key
    # Django's test runner swaps the backend; pytest without pytest-django does not.
    django.setup()


@pytest.fixture(autouse=True)
def _anew(taqnyat_gateway: Gateway) -> None:
    taqnyat_gateway.reset()


def place(number: int) -> str:
    answer = Client().get("/order", {"number": number, "email": "nora@example.com"})
    assert answer.status_code == 200  # noqa: PLR2004
    mail_id: str = answer.json()["mail"]
    return mail_id


def test_an_order_is_confirmed_in_arabic(taqnyat_gateway: Gateway) -> None:
    place(1042)

    mail = taqnyat_gateway.inbox.wait_for(to="nora@example.com", subject="1042")
    assert mail.sender == "orders@acme.sa"
    assert 'dir="rtl"' in mail.body
    assert mail.links == ("https://acme.sa/orders/1042",)


def test_an_order_is_taken_while_the_balance_is_empty(taqnyat_gateway: Gateway) -> None:
    taqnyat_gateway.behave("balance_empty")

    mail_id = place(1043)

    assert taqnyat_gateway.mail(mail_id)["last_event"] in {"queued", "delivery_delayed", "sent"}
    assert taqnyat_gateway.inbox.mails() == []
    taqnyat_gateway.behave("operational")
    assert taqnyat_gateway.inbox.wait_for(subject="1043").to == ("nora@example.com",)
