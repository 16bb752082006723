"""GET, PATCH and cancel: a caller's own mails. Another caller's are not there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from outbox.changes import TooLateError
from outbox.mail import is_identifier, read_schedule

from mail_send import wire
from mail_send.wire import Answer, ApiError, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.changes import Changes
    from outbox.ledger import Ledger, Row
    from outbox.listing import Listing
    from outbox.telemetry import Telemetry

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100


class Records:
    """Shows and changes mails."""

    def __init__(
        self, ledger: Ledger, listing: Listing, changes: Changes, telemetry: Telemetry
    ) -> None:
        """Make no call yet."""
        self._ledger = ledger
        self._listing = listing
        self._changes = changes
        self._telemetry = telemetry

    def show(self, request: Request) -> Answer:
        """Show a mail."""
        request.need("read")
        return wire.answer(200, wire.email(self._own(request)))

    def list(self, request: Request) -> Answer:
        """List mails, newest first."""
        request.need("read")
        after, before = request.query.get("after"), request.query.get("before")
        if after is not None and before is not None:
            raise _invalid("`after` and `before` cannot be given together")
        name, cursor = ("after", after) if before is None else ("before", before)
        row = None if cursor is None else self._find(request, cursor)
        if cursor is not None and row is None:
            raise _invalid(f"`{name}` is not the id of a mail of yours")
        rows, has_more = self._listing.page(
            request.client, _limit(request), row, newer=name == "before"
        )
        data = [wire.entry(row) for row in rows]
        return wire.answer(200, {"object": "list", "has_more": has_more, "data": data})

    def cancel(self, request: Request) -> Answer:
        """Cancel a mail that waits."""
        return self._change(request, self._changes.cancel)

    def reschedule(self, request: Request) -> Answer:
        """Move a scheduled mail to another time."""
        request.need("send")
        at = read_schedule(request.document(), request.mail_id, time.time())
        return self._change(request, lambda row: self._changes.reschedule(row, at))

    def _change(self, request: Request, change: Callable[[Row], None]) -> Answer:
        request.need("send")
        row = self._own(request)
        try:
            change(row)
        except TooLateError as error:
            raise _invalid(str(error)) from None
        self._telemetry.changed(row.id)
        return wire.answer(200, {"object": "email", "id": row.id})

    def _own(self, request: Request) -> Row:
        row = self._find(request, request.mail_id)
        if row is None:
            raise ApiError(404, "not_found", "there is no mail with this id")
        return row

    def _find(self, request: Request, mail_id: str) -> Row | None:
        row = self._ledger.get(mail_id) if is_identifier(mail_id) else None
        return row if row is not None and row.client == request.client else None


def _limit(request: Request) -> int:
    text = request.query.get("limit", str(DEFAULT_LIMIT))
    known = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT))
    if not known or not 1 <= int(text) <= MAX_LIMIT:
        raise _invalid(f"`limit` must be a number from 1 to {MAX_LIMIT}")
    return int(text)


def _invalid(message: str) -> ApiError:
    return ApiError(422, "validation_error", message)
