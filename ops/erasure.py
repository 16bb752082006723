"""Erasing a person's data (PDPL): finds what the stack keeps of an address, and removes it.

The ledger has only masked recipients (a***@example.com). Two people can have the same mask; if the
other person's mask is removed too, nothing else is lost. The record of the mail stays, because it
prevents a second sending. Whole addresses are in waiting mails and in the failed queue. Upper and
lower case do not matter: no mail provider distinguishes Nora@ from nora@.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError
from outbox.mail.addresses import AddressError, bare, mask
from outbox.mail.mail import MailError
from outbox.mail.validation import MESSAGE_FIELDS, read_mail
from outbox.queues.message import decode
from outbox.storage.expressions import Expression, existing_item, pack, unpack_item

from ops.errors import OpsError
from ops.sending import SETTLED

ERASED: Final = "erased"
# The attributes of a row that have its caller's own words.
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
        """Whether no message of the mail waits."""
        return self.state in SETTLED


class Traces:
    """The ledger's data of one address. Methods raise botocore's errors."""

    def __init__(self, dynamo: Any, table: str, address: str) -> None:  # noqa: ANN401  boto3's clients have no common type
        """Raise OpsError if it is not an address."""
        try:
            found = bare(address)
        except AddressError as error:
            raise OpsError(f"the address {error}") from None
        self.address = found.casefold()
        self._domain = found.rpartition("@")[2]
        self._dynamo = dynamo
        self._table = table
        self._masks = (mask(found.lower()), mask(found[:1].upper() + found[1:]))

    def find(self) -> Iterator[Found]:
        """Read the whole table, and yield the rows of the address.

        Also those of other mails whose tags or headers name it.
        """
        write = Expression()
        conditions = [f"contains({write.name('to')}, {write.value(m)})" for m in self._masks]
        # DynamoDB cannot ignore case: the senders of the domain are compared here.
        conditions.append(f"contains({write.name('sender')}, {write.value(f'@{self._domain}')})")
        conditions += [f"attribute_exists({write.name(key)})" for key in _CALLERS_OWN]
        pages = self._dynamo.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=" OR ".join(conditions),
            ExpressionAttributeNames=write.names,
            ExpressionAttributeValues=write.values,
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                values = unpack_item(item)
                found = Found(
                    id=values["pk"],
                    state=values.get("state", ""),
                    updated=values.get("updated", ""),
                    to=tuple(values.get("to", ())),
                    sender=values.get("sender", ""),
                    tagged=any(key in values for key in _CALLERS_OWN),
                )
                own = json.dumps([values.get(key) for key in _CALLERS_OWN], ensure_ascii=False)
                named = any(mask_.casefold() in own.casefold() for mask_ in self._masks)
                if found.state and (named or self._is_theirs(found)):
                    yield found

    def erase(self, found: Found) -> bool:
        """Remove the address from a row; return False if the row has changed since it was read.

        All tags and headers are removed: only the caller knows what is in them.
        """
        write = Expression()
        to = [ERASED if entry in self._masks else entry for entry in found.to]
        sender = ERASED if found.sender.casefold() == self.address else found.sender
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

    def names(self, body: str) -> bool:
        """Return whether a message of the failed queue is to or from the address.

        A message that is not a valid mail is searched as text.
        """
        try:
            mail = read_mail(
                decode(body), allowed=MESSAGE_FIELDS, now=0, campaign=ERASED, mail_id=ERASED
            )
        except MailError:
            return self._is_in(body)
        addresses = {mail.sender, *mail.recipients}
        return self.address in {address.casefold() for address in addresses}

    def _is_theirs(self, found: Found) -> bool:
        return found.sender.casefold() == self.address or any(e in self._masks for e in found.to)

    def _is_in(self, body: str) -> bool:
        try:
            text = repr(decode(body))  # what is written as \\u0040 is an @ too
        except MailError:
            text = body
        return self.address in text.casefold() or self.address in body.casefold()
