"""Django with Anymail: its Resend backend, pointed here by two settings."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest
from anymail.exceptions import AnymailAPIError, AnymailRequestsAPIError
from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import get_connection
from django.test.utils import override_settings

from tests.clients.matrix import PAYLOADS, Matrix, check_payloads
from tests.e2e.world import World


@pytest.fixture(autouse=True)
def _django(world: World) -> Iterator[None]:
    if not settings.configured:
        settings.configure(EMAIL_BACKEND="anymail.backends.resend.EmailBackend", USE_TZ=True)
        django.setup()
    anymail = {
        "RESEND_API_URL": f"{world.stack.api_url}/",
        "RESEND_API_KEY": world.stack.api_key,
    }
    with override_settings(ANYMAIL=anymail):
        yield


def message(world: World, payload: dict[str, Any], **more: Any) -> AnymailMessage:  # noqa: ANN401 - Anymail's own
    """Write a payload as a Django application does; Anymail always sends a text."""
    mail = AnymailMessage(
        subject=payload["subject"],
        body=payload.get("text") or "",
        from_email="متجر Acme <orders@acme.sa>",
        to=[f"نورة <{world.address()}>"],
        connection=get_connection(),
        **more,
    )
    if payload.get("html"):
        mail.attach_alternative(payload["html"], "text/html")
    return mail


def send(mail: AnymailMessage) -> str:
    """Send it; return its id."""
    mail.send()
    mail_id: str = mail.anymail_status.message_id
    return mail_id


def test_six_payloads_arrive_byte_for_byte(world: World, matrix: Matrix) -> None:
    check_payloads(world, [send(message(world, payload)) for payload in PAYLOADS])
    matrix.note("django-anymail", "six payloads", "send")


def test_tags_and_metadata_are_kept(world: World, matrix: Matrix) -> None:
    mail = message(world, PAYLOADS[0], tags=["welcome", "ترحيب"], metadata={"order": 1042})

    _, _, shown = world.call("GET", f"/emails/{send(mail)}")

    assert sorted((tag["name"], tag["value"]) for tag in shown["tags"]) == [
        ("order", "1042"),
        ("tag", "welcome"),
        ("tag", "ترحيب"),
    ]
    matrix.note("django-anymail", "tags", "metadata")


def test_a_time_to_send_at(world: World, matrix: Matrix) -> None:
    mail = message(world, PAYLOADS[0], send_at=datetime.now(UTC) + timedelta(hours=2))

    assert world.row(send(mail))["state"] == "scheduled"
    matrix.note("django-anymail", "send_at")


def test_merge_data_is_a_batch(world: World, matrix: Matrix) -> None:
    mail = message(world, PAYLOADS[0], merge_metadata={})
    names = ("nora", "sami")
    mail.to = [world.address(name) for name in names]

    mail.send()

    for status in mail.anymail_status.recipients.values():
        world.until_state(status.message_id, "sent")
    assert [len(world.received(name)) for name in names] == [1, 1]
    matrix.note("django-anymail", "merge (batch)")


def test_errors_are_anymails_own(world: World, matrix: Matrix) -> None:
    mail = message(world, PAYLOADS[0], cc=["boss@acme.sa"])
    with pytest.raises(AnymailRequestsAPIError) as refused:
        mail.send()
    assert refused.value.status_code == 422
    assert "carbon copy" in str(refused.value)

    wrong = {"RESEND_API_URL": f"{world.stack.api_url}/", "RESEND_API_KEY": "tqm_wrong"}
    with override_settings(ANYMAIL=wrong), pytest.raises(AnymailAPIError) as denied:
        message(world, PAYLOADS[0]).send()
    assert denied.value.status_code == 403
    matrix.note("django-anymail", "errors by type")
