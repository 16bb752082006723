"""Which messages may need a turn: all that could be claimed, and no other."""

import json
from typing import Any, cast

import pytest
from outbox.queues.message import ReceivedMessage
from outbox.queues.queue import MailQueue
from outbox.sending.divert import may_call
from outbox.settings import Settings
from outbox.storage.claims import Claims
from outbox.storage.expressions import pack_item
from outbox.storage.table import LedgerTable

from tests.faults.standins.dynamo import Dynamo

NOW = 1_800_000_000.0
SETTINGS = Settings(ledger_table="t", mail_queue_url="q", mail_queue_arn="a")
BODY = {"id": "m1", "from": "a@acme.sa", "to": ["b@example.com"], "subject": "s", "text": "t"}


@pytest.mark.parametrize(
    ("row", "takes"),
    [
        ({"state": "queued"}, True),
        ({"state": "canceled"}, False),
        ({"state": "sent"}, False),
        ({"state": "scheduled", "scheduled_at": int(NOW) + 5}, True),
        ({"state": "scheduled", "scheduled_at": int(NOW) + 6}, False),
    ],
)
def test_what_a_claim_takes_has_a_turn(row: dict[str, Any], *, takes: bool) -> None:
    """A message may come a little before its time, by another machine's clock."""
    dynamo = Dynamo("t", lambda *_: None)
    table = LedgerTable(cast("Any", dynamo), "t", 90, lambda: NOW)
    message = ReceivedMessage("x", "h", json.dumps(BODY), {}, NOW)
    mail = message.mail(SETTINGS.default_campaign, NOW)
    dynamo.items["m1"] = pack_item({"pk": "m1", "fingerprint": mail.fingerprint, **row})
    queue = MailQueue(cast("Any", None), "q")
    assert may_call(message, queue, table, SETTINGS) is takes
    assert Claims(table, 120).claim(mail, "token")[0] is takes
