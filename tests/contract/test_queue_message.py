"""The queue's message, version 1: what the API writes is what the worker reads."""

import json
from typing import Any

from outbox.queues.message import ReceivedMessage

from tests.faults.installation import installed
from tests.faults.standins import sqs
from tests.faults.standins.fairness import Message
from tests.faults.world import World
from tests.unit.api.caller import Caller

SUBJECT = "\u2067تم استلام طلبك\u2069 \N{PARTY POPPER}"
HTML = '<p dir="rtl">أهلا\u200f &amp; "مرحبا"\r\n\t\N{FAMILY}</p>'


def posted(**fields: Any) -> tuple[str, Message]:  # noqa: ANN401
    """Post a mail; return its id and its message."""
    with installed():
        world = World()
        mail_id = Caller(world).accepted(subject=SUBJECT, text=None, html=HTML, **fields)
        [message] = world.mail.messages
        return mail_id, message


def test_the_api_writes_what_the_design_says() -> None:
    mail_id, message = posted(
        to=["Nora <nora@example.com>", "s@example.com"],
        campaign_name="ربيع",
        expires_at="2027-02-01T00:00:00Z",
        on_unknown="resend",
    )
    body = json.loads(message.body)
    assert body.pop("accepted_at").endswith("Z")
    assert body == {
        "version": 1,
        "id": mail_id,
        "from": "orders@acme.sa",
        "to": ["nora@example.com", "s@example.com"],
        "subject": SUBJECT,
        "html": HTML,
        "campaign_name": "ربيع",
        "expires_at": 1801440000,
        "on_unknown": "resend",
        "client": "shop",
    }
    assert SUBJECT in message.body  # not escaped: each letter would cost six bytes


def test_the_worker_reads_it_byte_for_byte() -> None:
    mail_id, message = posted()
    mail = ReceivedMessage.from_record(sqs.record(message)).mail("another", 0.0)
    assert (mail.id, mail.subject, mail.body) == (mail_id, SUBJECT, HTML)
    assert (mail.campaign, mail.client) == ("transactional", "shop")
