"""A mail, its row as it is written, and a table that can hide or lose it."""

from typing import Any

from botocore.exceptions import ClientError
from outbox.mail.mail import Mail
from outbox.storage.claims import Claims
from outbox.storage.expressions import pack_item, unpack_item
from outbox.storage.ledger import Ledger
from outbox.storage.row import Row

from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.errors import client_error

NOW = 1_800_000_000
AT = "2027-01-15T08:00:00.000Z"
LEASE = 120
KEPT = 90 * 86400
LATER = NOW + 10 * KEPT
MAIL = Mail(
    id="m1",
    sender="shop@example.com",
    recipients=("a@example.com", "b@example.com"),
    subject="s",
    body="b",
    campaign="news",
    client="shop",
    on_unknown="resend",
    expires_at=NOW + 900,
    accepted_at=NOW - 60.25,
)
PRODUCED = MAIL._replace(client=None)  # of a direct producer: it has no row yet
BEGUN = {
    "fingerprint": MAIL.fingerprint,
    "client": "shop",
    "sender": "shop@example.com",
    "to": list(MAIL.masked),
    "to_count": 2,
    "campaign": "news",
    "created": "2027-01-15T07:58:59.750Z",
    "on_unknown": "resend",
    "expires_at": NOW + 900,
}
PRODUCED_BEGUN = {key: value for key, value in BEGUN.items() if key != "client"}
CLAIMED = {
    "pk": "m1",
    "state": "sending",
    "claim": "t1",
    "claimed_at": AT,
    "lease": NOW + LEASE,
    "updated": AT,
    "ttl": NOW + KEPT,
    "attempt_count": 1,
    "resends": 0,
}
ATTEMPT = {"at": AT, "ms": 12, "reason": "timeout"}


class Table(Dynamo):
    """The table. What `vanishes` does so when a write has found it: its time to live has ended.

    What it `hides` is not shown with the error, and must be read.
    """

    def __init__(self) -> None:
        super().__init__("ledger")
        self.vanishes = False
        self.hides = False
        self.reads = 0

    def put_item(self, **arguments: object) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = super().put_item(**arguments)
        except ClientError:
            if self.hides:
                raise client_error("PutItem", "ConditionalCheckFailedException") from None
            raise
        return answer

    def update_item(self, **arguments: object) -> dict[str, Any]:
        assert arguments["ReturnValues"] in {"NONE", "ALL_NEW"}
        try:
            answer: dict[str, Any] = super().update_item(**arguments)
        except ClientError:
            if self.vanishes:
                self.items.clear()
            if self.vanishes or self.hides:
                raise client_error("UpdateItem", "ConditionalCheckFailedException") from None
            raise
        return answer

    def get_item(self, **arguments: object) -> dict[str, Any]:
        assert arguments["ConsistentRead"] is True
        self.reads += 1
        answer: dict[str, Any] = super().get_item(**arguments)
        return answer

    def row(self, mail_id: str = "m1") -> dict[str, Any]:
        return unpack_item(self.items[mail_id])

    def put(self, **values: object) -> None:
        self.items[str(values["pk"])] = pack_item(values)

    def change(self, **values: object) -> None:
        self.put(**self.row() | values)


def known(ledger: Ledger) -> Row:
    """Return the row of m1, which is there."""
    row = ledger.get("m1")
    assert row is not None
    return row


def claimed(claims: Claims, mail: Mail = PRODUCED) -> Row:
    """Claim a mail, which works."""
    taken, row = claims.claim(mail, "t1")
    assert taken
    return row
