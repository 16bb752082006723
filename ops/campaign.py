"""A campaign: one mail for each row of a spreadsheet, each mail at most once however often it runs.

The rendered text and the address identify a row's mail. Its id has two hashes: one of the campaign
and the address, one of the rendered mail. So rows may be added and moved, unused columns may
change, and a later run sees that an address got the campaign before with another text. A key
column, if there is one, identifies the row instead: then a changed text is not another mail.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from outbox.accepting.submission import mail_id
from outbox.mail.lanes import Lane
from outbox.mail.mail import Mail

from ops import sending
from ops.errors import OpsError
from ops.letterhead import Letterhead
from ops.sheet import TO, UNSEEN, Sheet, SheetRow, column

_HALF: Final = 8  # bytes of a UUID
ADDRESS_PART: Final = 18  # letters of an id that stand for campaign and address


@dataclass(frozen=True, slots=True)
class Line:
    """A valid row. Its mail is rendered again when it is sent: bodies are not kept.

    `first_id` is the id that version 0.1.0 gave the row.
    """

    row: SheetRow
    id: str
    first_id: str
    fingerprint: str

    @property
    def number(self) -> int:
        """Its number, as a spreadsheet shows it."""
        return self.row.number


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not a valid mail; `error` names the field and no value."""

    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """A row that is the same mail to the same address as an earlier one."""

    number: int
    of: int


class Campaign:
    """The mails of a campaign, by row."""

    def __init__(
        self,
        name: str,
        sheet: Sheet,
        letterhead: Letterhead,
        key: str | None = None,
        lane: Lane = Lane.BULK,
    ) -> None:
        """Raise OpsError when the sheet has no such key column."""
        self.name = name
        self.sheet = sheet
        self._letterhead = letterhead
        self._key = column(sheet, key) if key else None
        self._lane = lane

    @property
    def keyed(self) -> bool:
        """Whether a column identifies the rows."""
        return self._key is not None

    def lines(self) -> Iterator[Line | Fault | Repeat]:
        """Yield what each row is, in order.

        Raises:
            OpsError: two rows have the same key.

        """
        seen: dict[str, int] = {}
        first_ids = _FirstIds(self.name, self.sheet, self._key)
        faulty = dict(self.sheet.faults)
        for row in self.sheet.rows:
            first_id = first_ids.of(row)
            try:
                mail = self.mail(row)
                identity = self._identity(row, mail)
            except OpsError as error:
                faulty[row.number] = f"{error}{f'; {error.remedy}' if error.remedy else ''}"
                continue
            if identity in seen and self._key:
                raise OpsError(
                    f"row {row.number} repeats the value of row {seen[identity]} in `{self._key}`"
                )
            if identity in seen:
                yield Repeat(row.number, seen[identity])
                continue
            seen[identity] = row.number
            yield Line(row, identity, first_id, mail.fingerprint)
        for number, fault in sorted(faulty.items()):
            yield Fault(number, fault)

    def row(self, number: int) -> SheetRow:
        """Return a row by its number in the sheet.

        Raises:
            OpsError: there is no mail in it.

        """
        for faulty, fault in self.sheet.faults:
            if faulty == number:
                raise OpsError(f"row {number} {fault}")
        for row in self.sheet.rows:
            if row.number == number:
                return row
        raise OpsError(f"row {number} of {self.sheet.name} holds no mail")

    def mail(self, row: SheetRow, mail_id: str = "", to: str | None = None) -> Mail:
        """Make a row's mail.

        Raises:
            OpsError: it is not valid.

        """
        fields = self._letterhead.fields(row.values)
        return sending.read(
            # A test is a single mail, whose sender waits for it.
            fields | ({"priority": self._lane} if to is None else {TO: to}),
            campaign=self.name,
            mail_id=mail_id or str(uuid.UUID(int=0)),
            now=time.time(),
        )

    def _identity(self, row: SheetRow, mail: Mail) -> str:
        if self._key:
            key = row.values[self._key].strip(UNSEEN)
            if not key:
                raise OpsError(f"has no value in `{self._key}`")
            return mail_id(f"campaign:{self.name}", hashlib.sha256(key.encode()).hexdigest())
        address = mail.recipients[0].casefold()
        halves = _hash("campaign", self.name, address), _hash(mail.subject, mail.kind, mail.body)
        return str(uuid.UUID(bytes=b"".join(halves), version=5))


class _FirstIds:
    """The ids of version 0.1.0: of the raw cells, and how many equal rows stand before."""

    def __init__(self, name: str, sheet: Sheet, key: str | None) -> None:
        self._name = f"campaign:{name}"
        self._columns = sheet.raw_columns
        self._key = key
        self._seen: dict[str, int] = {}

    def of(self, row: SheetRow) -> str:
        """Return a row's id."""
        values: dict[str, Any] = dict(zip(self._columns, row.raw, strict=False))
        content = values.get(self._key, "") if self._key else json.dumps(values, sort_keys=True)
        count = self._seen.get(content, 0)
        self._seen[content] = count + 1
        return mail_id(self._name, hashlib.sha256(content.encode()).hexdigest(), count)


def _hash(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()[:_HALF]
