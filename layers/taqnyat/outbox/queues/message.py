"""The format of queue messages (version 1).

The API and direct producers write them; the worker and the probe read them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outbox.mail.document import DuplicateKeyError, read_json
from outbox.mail.lanes import Lane, Route
from outbox.mail.mail import Mail, MailError
from outbox.mail.times import iso, read_time
from outbox.mail.validation import MESSAGE_FIELDS, read_mail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_MESSAGE_BYTES: Final = 1024 * 1024
# Room for the attributes that a message carries to the failed queue: they count towards SQS's
# limit.
MAX_BODY_BYTES: Final = MAX_MESSAGE_BYTES - 4096
# A message is requeued long before the queue ends it: after 1,000 receives it goes to the failed
# queue, after 10 days it is deleted (template.yaml).
MAX_RECEIVES: Final = 900
MAX_AGE_SECONDS: Final = 5 * 86400
REQUEUED: Final = "queued"  # the attribute `state` of a message that was requeued
STRANGE: Final = "strange"  # that of one that is none of ours, but was in one of our queues
MAX_BATCH: Final = 100
LANE: Final = "lane"  # the attribute of a message in the bulk lane
LANES: Final = "lanes"  # the attribute of a batch's message whose mails are in both lanes

_BATCH: Final = '{"version":1,"batch":['

# What SendMessage refuses in a body. Listing what is allowed would cost a start 60 times as much.
_NOT_IN_SQS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Glimpse(NamedTuple):
    """The names in a message that is not validated yet: the caller's, the first domain's."""

    mail_id: str
    caller: tuple[str, str]
    expires_at: float | None
    domain: str = ""

    def expired(self, now: float) -> bool:
        """Return whether the mail has expired at `now` (epoch seconds)."""
        return self.expires_at is not None and int(self.expires_at) <= now


class ReceivedMessage(NamedTuple):
    """A message as it was received: from Lambda's event or from ReceiveMessage.

    `attributes` are its message attributes as text; `sent_at` is epoch seconds, 0 if not known.
    `queue` is the lane of the queue that it was received from, `group` its message group or "",
    `source` the ARN of the queue from which SQS itself moved it to a dead-letter queue, or "".
    """

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, str]
    sent_at: float
    receives: int = 1
    group: str = ""
    queue: Lane = Lane.NORMAL
    source: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any], bulk_queue_arn: str = "") -> ReceivedMessage:
        """Read one record of Lambda's SQS event."""
        return cls(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            attributes={
                name: str(value.get("stringValue", ""))
                for name, value in (record.get("messageAttributes") or {}).items()
            },
            queue=Lane.BULK if record.get("eventSourceARN") == bulk_queue_arn else Lane.NORMAL,
            **_of_the_system(record.get("attributes", {})),
        )

    @classmethod
    def from_queue(cls, message: Mapping[str, Any], queue: Lane = Lane.NORMAL) -> ReceivedMessage:
        """Read one message of ReceiveMessage's answer."""
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            attributes={
                name: str(value.get("StringValue", ""))
                for name, value in (message.get("MessageAttributes") or {}).items()
            },
            queue=queue,
            **_of_the_system(message.get("Attributes", {})),
        )

    @property
    def lane(self) -> Lane:
        """The mail's lane: bulk if its attribute says so, else its queue's."""
        return Lane.BULK if self.attributes.get(LANE) == Lane.BULK else self.queue

    @property
    def route(self) -> Route:
        """Where the message goes when it is sent again."""
        return Route(self.lane, self.group)

    @property
    def mail_id(self) -> str:
        """The id for a mail without one; a requeued message keeps it as an attribute."""
        again = self.redrive_attempt is not None or self.attributes.get("state") == REQUEUED
        return self.attributes.get("id", "") if again else self.message_id

    @property
    def redrive_attempt(self) -> int | None:
        """The number of the attempt after which this message went to the failed queue.

        None when it does not come from the failed queue.
        """
        attempt = self.attributes.get("attempt", "")
        known = (
            self.attributes.get("state") in {"failed", "unknown"}
            and attempt.isascii()
            and attempt.isdigit()
        )
        return int(attempt[:9]) if known else None

    @property
    def possibly_sent(self) -> bool:
        """Whether it went to the failed queue because Taqnyat may have sent the mail."""
        return self.redrive_attempt is not None and self.attributes["state"] == "unknown"

    def is_given_up_soon(self, now: float) -> bool:
        """Return whether SQS will soon end the message, by its age or its receives."""
        old = now - self.sent_at > MAX_AGE_SECONDS
        return bool(self.sent_at) and (old or self.receives > MAX_RECEIVES)

    @property
    def is_batch(self) -> bool:
        """Whether it holds the messages of many mails."""
        return self.body.startswith(_BATCH)

    def peek(self) -> Glimpse:
        """Read the names in its body without validation."""
        try:
            fields = decode(self.body)
        except MailError:
            fields = None
        fields = fields if isinstance(fields, dict) else {}
        try:
            expires_at = read_time(fields, "expires_at")
        except MailError:
            expires_at = None
        named, to = fields.get("id"), fields.get("to")
        first = to[0] if isinstance(to, list) and to else to
        return Glimpse(
            mail_id=named if isinstance(named, str) else self.mail_id,
            caller=(str(fields.get("client", "")), str(fields.get("from", ""))),
            expires_at=expires_at,
            domain=str(first).rpartition("@")[2].lower(),
        )

    def needs_call(self, now: float) -> bool:
        """Return whether processing it may call Taqnyat; a batch or an expired mail needs no call.

        `now` is epoch seconds.
        """
        if self.is_batch:
            return False
        return '"expires_at"' not in self.body or not self.peek().expired(now)

    def parts(self) -> list[tuple[str, Route]]:
        """Return the messages that a batch holds, and where each goes.

        Raises:
            MailError: it is not as the API writes it. A part without an id would be a new mail
                each time that the batch is received.

        """
        parts = decode(self.body)["batch"]
        if not isinstance(parts, list) or not 1 <= len(parts) <= MAX_BATCH:
            raise MailError("batch", f"must be a list of 1 to {MAX_BATCH} messages")
        for index, part in enumerate(parts):
            known = isinstance(part, dict) and isinstance(part.get("id"), str)
            if not known or "batch" in part:
                raise MailError(f"batch[{index}]", "must be a mail's message with an `id`")
        names = self.attributes.get(LANES, "").split(",")
        lanes = [Lane.BULK if name == Lane.BULK else Lane.NORMAL for name in names]
        if len(lanes) != len(parts) or LANES not in self.attributes:
            lanes = [self.lane] * len(parts)
        return [
            (_written(part, "batch"), Route(lane, self.group))
            for part, lane in zip(parts, lanes, strict=True)
        ]

    def mail(self, campaign: str, now: float) -> Mail:
        """Read the mail.

        Raises:
            MailError: the message is not valid, or has no room for the attributes that it needs in
            the failed queue for a re-drive.

        """
        if len(self.body.encode(errors="replace")) > MAX_BODY_BYTES:
            raise MailError("body", f"is larger than {MAX_BODY_BYTES} bytes", "payload_too_large")
        sent_at = self.sent_at or now
        document = decode(self.body)
        if isinstance(document, dict) and "accepted_at" in document:
            # The API wrote it, maybe a later version: a new field is no mistake of a producer.
            document = {key: document[key] for key in document if key in MESSAGE_FIELDS}
        mail = read_mail(
            document,
            allowed=MESSAGE_FIELDS,
            now=sent_at,
            campaign=campaign,
            mail_id=self.mail_id,
            lane=self.lane,
        )
        # No mail is accepted after its message was sent, even if the message says so.
        return mail if mail.accepted_at <= sent_at else mail._replace(accepted_at=sent_at)


def decode(text: str) -> Any:  # noqa: ANN401
    """Read JSON of up to 1 MiB.

    Raises:
        MailError: it is not JSON, or an object in it has a key twice.

    """
    try:
        return read_json(text.removeprefix("\ufeff"))  # some editors begin a file with a BOM
    except DuplicateKeyError:
        raise MailError("body", "has a key twice in one object") from None
    except (ValueError, RecursionError):
        raise MailError("body", "is not valid JSON") from None


def encode(mail: Mail) -> str:
    """Write the message of a mail.

    Raises:
        MailError: it would be longer than a message can be, or holds what SQS cannot carry.

    """
    fields = {
        "version": 1,
        "id": mail.id,
        "from": mail.sender,
        "to": mail.recipients,
        "subject": mail.subject,
        mail.kind: mail.body,
        "campaign_name": mail.campaign,
        "expires_at": mail.expires_at,
        "on_unknown": mail.on_unknown,
        "client": mail.client,
        "accepted_at": iso(mail.accepted_at),
    }
    given = {key: value for key, value in fields.items() if value is not None}
    return _written(given, mail.kind)


def encode_batch(texts: Sequence[str]) -> str:
    """Write one message that holds those of many mails: SQS takes all of them, or none.

    Raises:
        MailError: it would be longer than a message can be.

    """
    text = f"{_BATCH}{','.join(texts)}]}}"
    if len(text.encode()) > MAX_BODY_BYTES:
        message = f"is larger than {MAX_BODY_BYTES} bytes in all; split the batch"
        raise MailError("body", message, "payload_too_large")
    return text


def _written(message: Mapping[str, Any], field: str) -> str:
    """Write a message as JSON that SQS can carry; an error names `field`."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    if _NOT_IN_SQS.search(text):
        raise MailError(field, "has a character that the queue cannot carry")
    if len(text.encode()) > MAX_BODY_BYTES:
        raise MailError(
            field, f"makes the mail larger than {MAX_BODY_BYTES} bytes", "payload_too_large"
        )
    return text


def _of_the_system(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Read the system attributes of a message."""
    return {
        "sent_at": int(attributes.get("SentTimestamp", 0)) / 1000,
        "receives": int(attributes.get("ApproximateReceiveCount", 1)),
        "group": str(attributes.get("MessageGroupId", "")),
        "source": str(attributes.get("DeadLetterQueueSourceArn", "")),
    }
