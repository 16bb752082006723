"""The mail: a value, and the error of one that is not valid."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from outbox.mail.addresses import mask
from outbox.mail.lanes import Lane, Route, route_of

if TYPE_CHECKING:
    from taqnyat import Letter


# (name, value) in the order given.
Pairs = tuple[tuple[str, str], ...]


_DERIVED_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


class MailError(ValueError):
    """A mail is not valid. `field` names where, `name` is the error's name on the wire.

    No value is ever repeated.
    """

    def __init__(self, field: str, message: str, name: str = "validation_error") -> None:
        """`message` is a sentence that begins with the field."""
        super().__init__(f"`{field}` {message}")
        self.field = field
        self.message = message
        self.name = name

    def at(self, index: int) -> MailError:
        """Return the same error of the mail at a place in a batch: `[3].to[0]`."""
        field = f"[{index}]" if self.field == "body" else f"[{index}].{self.field}"
        return MailError(field, self.message, self.name)


class Mail(NamedTuple):
    """One valid mail. Addresses are bare; times are epoch seconds. Built by names, never by places.

    `kind` says which of html and text `body` is. `tags` and `headers` (bookkeeping) are for its row
    alone, as is `not_carried`, the fields that were left out: a message never has them.
    """

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    body: str
    campaign: str
    accepted_at: float
    kind: str = "html"
    expires_at: int | None = None
    scheduled_at: int | None = None
    on_unknown: str | None = None
    client: str | None = None
    lane: Lane = Lane.NORMAL
    tags: Pairs = ()
    headers: Pairs = ()
    not_carried: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name its id alone: the rest is its owner's."""
        return f"Mail(id={self.id!r})"

    @property
    def has_derived_id(self) -> bool:
        """Whether its id has the form of those that the API makes of an idempotency key."""
        return _DERIVED_ID.fullmatch(self.id) is not None

    @property
    def letter(self) -> Letter:
        """What Taqnyat gets of it."""
        from taqnyat import Letter  # noqa: PLC0415  a function that only accepts mails sends none

        return Letter(
            self.sender, self.recipients, self.subject, self.body, self.campaign, reference=self.id
        )

    @property
    def route(self) -> Route:
        """Where its messages go."""
        return route_of(self.lane, self.client)

    @property
    def masked(self) -> tuple[str, ...]:
        """Its recipients as they may be kept."""
        return tuple(mask(address) for address in self.recipients)

    @property
    def fingerprint(self) -> str:
        """A hash of all that Taqnyat gets.

        Two mails with one id and two fingerprints are not the same mail.
        """
        parts = [
            self.sender,
            *self.recipients,
            "",
            self.campaign,
            self.subject,
            self.kind,
            self.body,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
