"""Erasing a person (PDPL): what the stack keeps of an address, and taking it away.

The ledger holds masked recipients only (a***@example.com), and masks of two people can be equal; a
mask that is taken away too much loses nothing but itself. The record of the mail stays: it is what
stops a second sending. Whole addresses are in the mails that wait and in the failed queue.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError
from outbox.mail.addresses import AddressError, bare, mask
from outbox.mail.mail import MailError
from outbox.mail.validation import MESSAGE_FIELDS, read_mail
from outbox.storage.expressions import Expression, existing_item, pack, unpack_item

from ops.errors import OpsError
from ops.failed import Parked
from ops.sending import SETTLED

ERASED: Final = "erased"
# What a row has of its caller's own words.
_CALLERS_OWN: Final = ("tags", "headers")


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the ledger that may be of the address."""

    id: str
    state: str
    updated: str
    to: tuple[str, ...]
    sender: str
    tagged: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing of the mail waits any more."""
        return self.state in SETTLED


class Traces:
    """What the ledger holds of one address. Methods raise botocore's errors."""

    def __init__(self, dynamo: Any, table: str, address: str) -> None:  # noqa: ANN401  boto3's clients have no common type
        """Raise OpsError when it is no address."""
        try:
            self.address = bare(address)
        except AddressError as error:
            raise OpsError(f"the address {error}") from None
        self._dynamo = dynamo
        self._table = table
        self._mask = mask(self.address)

    def find(self) -> Iterator[Found]:
        """Read the whole table, and yield the rows of the address.

        Also those of other mails whose tags or headers name it.
        """
        write = Expression()
        tagged = " OR ".join(f"attribute_exists({write.name(key)})" for key in _CALLERS_OWN)
        masked = f"contains({write.name('to')}, {write.value(self._mask)})"
        sent = f"{write.name('sender')} = {write.value(self.address)}"
        pages = self._dynamo.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=f"{masked} OR {sent} OR {tagged}",
            ExpressionAttributeNames=write.names,
            ExpressionAttributeValues=write.values,
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                values = unpack_item(item)
                found = Found(
                    id=values["pk"],
                    state=values["state"],
                    updated=values["updated"],
                    to=tuple(values.get("to", ())),
                    sender=values.get("sender", ""),
                    tagged=any(key in values for key in _CALLERS_OWN),
                )
                named = self._mask in found.to or found.sender == self.address
                own = json.dumps([values.get(key) for key in _CALLERS_OWN], ensure_ascii=False)
                if named or self._mask in own:
                    yield found

    def erase(self, found: Found) -> bool:
        """Take the address out of a row; return False if the row has changed meanwhile.

        Tags and headers go whole: what a caller put into them, nobody else can tell.
        """
        write = Expression()
        to = [ERASED if entry == self._mask else entry for entry in found.to]
        sender = ERASED if found.sender == self.address else found.sender
        assign = write.set(to=to, sender=sender)
        same = f"{write.name('updated')} = {write.value(found.updated)}"
        gone = ", ".join(write.name(key) for key in _CALLERS_OWN) if found.tagged else ""
        try:
            self._dynamo.update_item(
                TableName=self._table,
                Key={"pk": pack(found.id)},
                UpdateExpression=f"SET {', '.join(assign)}{f' REMOVE {gone}' if gone else ''}",
                ConditionExpression=same,
                ExpressionAttributeNames=write.names,
                ExpressionAttributeValues=write.values,
            )
        except ClientError as error:
            existing_item(error)
            return False
        return True

    def names(self, parked: Parked) -> bool:
        """Whether a message of the failed queue is to or from the address.

        One that is no valid mail is searched as text.
        """
        try:
            mail = read_mail(
                parked.document,
                allowed=MESSAGE_FIELDS,
                now=0,
                campaign=ERASED,
                mail_id=parked.message.message_id,
            )
        except MailError:
            return self.address.lower() in parked.message.body.lower()
        addresses = {mail.sender, *mail.recipients}
        return self.address.lower() in {address.lower() for address in addresses}
