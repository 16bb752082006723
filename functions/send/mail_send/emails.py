"""GET, PATCH and cancel: a caller's own mails. Another caller's mails are not found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from outbox.accepting.updater import TooLateError
from outbox.mail.validation import is_identifier, read_schedule

from mail_send import wire
from mail_send.wire import ApiError, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.accepting.updater import MailUpdater
    from outbox.storage.ledger import Ledger
    from outbox.storage.listing import Listing
    from outbox.storage.row import Row
    from outbox.telemetry import Telemetry

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100


class Emails:
    """Shows and changes mails."""

    def __init__(
        self, ledger: Ledger, listing: Listing, updater: MailUpdater, telemetry: Telemetry
    ) -> None:
        """Make no call yet."""
        self._ledger = ledger
        self._listing = listing
        self._updater = updater
        self._telemetry = telemetry

    def retrieve(self, request: Request) -> Response:
        """Show a mail."""
        request.require_scope("read")
        return wire.response(200, wire.email_detail(self._own(request)))

    def list(self, request: Request) -> Response:
        """List mails, newest first."""
        request.require_scope("read")
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
        data = [wire.email_summary(row) for row in rows]
        return wire.response(200, {"object": "list", "has_more": has_more, "data": data})

    def cancel(self, request: Request) -> Response:
        """Cancel a mail that waits."""
        return self._change(request, self._updater.cancel)

    def update(self, request: Request) -> Response:
        """Move a scheduled mail to another time."""
        request.require_scope("send")
        at = read_schedule(request.document(), request.mail_id, time.time())
        return self._change(request, lambda row: self._updater.reschedule(row, at))

    def _change(self, request: Request, change: Callable[[Row], None]) -> Response:
        request.require_scope("send")
        row = self._own(request)
        try:
            change(row)
        except TooLateError as error:
            raise _invalid(str(error)) from None
        self._telemetry.changed(row.id)
        return wire.response(200, {"object": "email", "id": row.id})

    def _own(self, request: Request) -> Row:
        row = self._find(request, request.mail_id)
        if row is None:
            raise ApiError(404, "not_found", "there is no mail with this id")
        return row

    def _find(self, request: Request, mail_id: str) -> Row | None:
        # Some databases give a UUID back in capitals; no id of the API has one.
        row = self._ledger.get(mail_id.lower()) if is_identifier(mail_id) else None
        return row if row is not None and row.client == request.client else None


def _limit(request: Request) -> int:
    text = request.query.get("limit", str(DEFAULT_LIMIT))
    known = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT))
    if not known or not 1 <= int(text) <= MAX_LIMIT:
        raise _invalid(f"`limit` must be a number from 1 to {MAX_LIMIT}")
    return int(text)


def _invalid(message: str) -> ApiError:
    return ApiError(422, "validation_error", message)
