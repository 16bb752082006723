"""Queue messages (version 1).

Written by the API and by direct producers, read by the worker and the canary.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outbox.ledger import iso
from outbox.mail import MESSAGE_FIELDS, Mail, MailError, read_mail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from outbox.ports import SqsClient

MAX_MESSAGE_BYTES: Final = 1024 * 1024
# Room for the attributes that a message carries to the failed queue: they count towards SQS's
# limit.
MAX_BODY_BYTES: Final = MAX_MESSAGE_BYTES - 4096
MAX_DELAY_SECONDS: Final = 12 * 3600
_MAX_DELIVERY_DELAY_SECONDS: Final = 900  # of SendMessage
# A message is put anew well before the queue gives it up: to the failed queue after 1,000 receives,
# to nothing after 10 days (template.yaml).
MAX_RECEIVES: Final = 900
MAX_AGE_SECONDS: Final = 5 * 86400

# What a message carries from the failed queue, or from one that was put anew, beside its body.
_TEXTS: Final = ("id", "state", "reason")
_NUMBERS: Final = ("attempt", "code")
_PUT_ANEW: Final = "queued"  # as its state

_BATCH: Final = '{"version":1,"batch":['
_MAX_ENTRIES: Final = 10  # of one SendMessageBatch

# What SendMessage refuses in a body. Not written as "all but": that costs a start 60 times as much.
_NOT_IN_SQS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came: from Lambda's event or from ReceiveMessage.

    `attributes` are the text of its own ones; `sent_at` is epoch seconds, 0 where SQS does not say.
    """

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, str]
    sent_at: float
    receives: int = 1

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Received:
        """Read one record of Lambda's SQS event."""
        return cls(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            attributes={
                name: str(value.get("stringValue", ""))
                for name, value in (record.get("messageAttributes") or {}).items()
            },
            **_of_the_system(record.get("attributes", {})),
        )

    @classmethod
    def from_queue(cls, message: Mapping[str, Any]) -> Received:
        """Read one message of ReceiveMessage's answer."""
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            attributes={
                name: str(value.get("StringValue", ""))
                for name, value in (message.get("MessageAttributes") or {}).items()
            },
            **_of_the_system(message.get("Attributes", {})),
        )

    @property
    def mail_id(self) -> str:
        """The id of a mail that names none itself; SQS gives a message put anew a new one."""
        again = self.redriven is not None or self.attributes.get("state") == _PUT_ANEW
        return self.attributes.get("id", "") if again else self.message_id

    @property
    def redriven(self) -> int | None:
        """The number of the attempt that parked this message.

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
    def maybe(self) -> bool:
        """Whether the mail was parked because Taqnyat may have sent it."""
        return self.redriven is not None and self.attributes["state"] == "unknown"

    @property
    def is_batch(self) -> bool:
        """Whether it holds the messages of many mails."""
        return self.body.startswith(_BATCH)

    def parts(self) -> list[str]:
        """Return the messages that a batch holds.

        Raises:
            MailError: it is not as the API writes it. A part without an id would be another mail
                each time that the batch is seen.

        """
        parts = decode(self.body)["batch"]
        if not isinstance(parts, list):
            raise MailError("batch", "must be a list")
        for index, part in enumerate(parts):
            if not isinstance(part, dict) or not isinstance(part.get("id"), str):
                raise MailError(f"batch[{index}]", "must be a message with an `id`")
        return [_written(part, "batch") for part in parts]

    def mail(self, campaign: str, now: float) -> Mail:
        """Read the mail.

        Raises:
            MailError: the message is not valid, or leaves no room for the attributes that it would
            need in the failed queue, without which it could not be re-driven.

        """
        if len(self.body.encode(errors="replace")) > MAX_BODY_BYTES:
            raise MailError("body", f"is larger than {MAX_BODY_BYTES} bytes", "payload_too_large")
        return read_mail(
            decode(self.body),
            allowed=MESSAGE_FIELDS,
            now=self.sent_at or now,
            campaign=campaign,
            mail_id=self.mail_id,
        )


def decode(text: str) -> Any:  # noqa: ANN401
    """Read JSON of up to 1 MiB.

    Raises:
        MailError: it is none.

    """
    try:
        return json.loads(text)
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


class MailQueue:
    """The mail queue and, for the worker and the canary, the failed queue behind it."""

    def __init__(
        self,
        sqs: SqsClient,
        url: str,
        failed_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the queues' URLs."""
        self._sqs = sqs
        self._url = url
        self._failed_url = failed_url
        self._clock = clock

    def put(self, text: str, delay: int = 0) -> None:
        """Queue an encoded mail, to be seen after `delay` seconds (up to 900)."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=text, DelaySeconds=delay)

    def put_all(self, texts: Sequence[str]) -> bool:
        """Queue encoded mails of up to 1 MiB in all; False if SQS did not take each of them."""
        starts = range(0, len(texts), _MAX_ENTRIES)
        return all(self._put_some(texts[start : start + _MAX_ENTRIES]) for start in starts)

    def _put_some(self, texts: Sequence[str]) -> bool:
        entries = [{"Id": str(index), "MessageBody": text} for index, text in enumerate(texts)]
        answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        return not answer.get("Failed")

    def take(self) -> Received | None:
        """Receive one message, without waiting for one."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        )
        messages = answer.get("Messages") or []
        return Received.from_queue(messages[0]) if messages else None

    def drop(self, message: Received) -> None:
        """Delete a message that has been seen through."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)

    def put_back(self, message: Received, delay: int) -> None:
        """Let a message be seen again in `delay` seconds.

        One that is near an end that SQS would make of it, by its age or its receives, is put anew:
        its mail is retried until we end it.
        """
        old = self._clock() - message.sent_at > MAX_AGE_SECONDS
        if message.sent_at and (old or message.receives > MAX_RECEIVES):
            self._put_anew(message, delay)
            return
        self._sqs.change_message_visibility(
            QueueUrl=self._url,
            ReceiptHandle=message.receipt_handle,
            VisibilityTimeout=min(max(delay, 0), MAX_DELAY_SECONDS),
        )

    def _put_anew(self, message: Received, delay: int) -> None:
        given = message.attributes
        if message.redriven is None:
            given = {"id": message.mail_id, "state": _PUT_ANEW}
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=message.body,
            DelaySeconds=min(max(delay, 0), _MAX_DELIVERY_DELAY_SECONDS),
            MessageAttributes={
                name: _number(given[name]) if name in _NUMBERS else _text(given[name])
                for name in (*_TEXTS, *_NUMBERS)
                if given.get(name)
            },
        )
        self.drop(message)

    def park(
        self,
        message: Received,
        mail_id: str,
        state: str,
        reason: str,
        code: int | None,
        attempt: int,
    ) -> None:
        """Put a message, body and all, into the failed queue, with what re-drive selects by."""
        attributes = {
            "id": _text(mail_id),
            "state": _text(state),
            "reason": _text(reason),
            "attempt": _number(str(attempt)),
            **({} if code is None else {"code": _number(str(code))}),
        }
        if len(message.body.encode()) > MAX_BODY_BYTES:
            # A direct producer may fill SQS's whole limit: the body is kept, its reason stays in
            # the log.
            attributes = {}
        self._sqs.send_message(
            QueueUrl=self._failed_url,
            MessageBody=message.body,
            MessageAttributes=attributes,
        )


def _written(message: Mapping[str, Any], field: str) -> str:
    """Write a message as JSON that SQS can carry; `field` is to blame if there is none."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    if _NOT_IN_SQS.search(text):
        raise MailError(field, "has a character that the queue cannot carry")
    if len(text.encode()) > MAX_BODY_BYTES:
        raise MailError(
            field, f"makes the mail larger than {MAX_BODY_BYTES} bytes", "payload_too_large"
        )
    return text


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _number(value: str) -> dict[str, str]:
    return {"DataType": "Number", "StringValue": value}


def _of_the_system(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Read what SQS says of a message itself."""
    return {
        "sent_at": int(attributes.get("SentTimestamp", 0)) / 1000,
        "receives": int(attributes.get("ApproximateReceiveCount", 1)),
    }
