"""POST /emails and POST /emails/batch: reads, validates and accepts mails."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Final

from outbox.accepting.submission import Accepted
from outbox.accepting.submission import mail_id as new_id
from outbox.mail.lanes import Lane
from outbox.mail.mail import Mail, MailError
from outbox.mail.validation import REQUEST_FIELDS, read_mail

from mail_send import wire
from mail_send.wire import ApiError, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from outbox.accepting.submission import Draft, Submission
    from outbox.accepting.usage import UsageRecord
    from outbox.telemetry import Telemetry

MAX_BATCH: Final = 100
STRICT: Final = "strict"
PERMISSIVE: Final = "permissive"
REPORT: Final = "report"


class CreateEmails:
    """Accepts mails."""

    def __init__(
        self,
        submission: Submission,
        usage: Callable[[], UsageRecord],
        campaign: str,
        telemetry: Telemetry,
        unsupported: str = "",
    ) -> None:
        """`usage` makes the record of what callers with limits have used.

        `campaign` is the name for mails that name none; `unsupported` the stack's policy.
        """
        self._submission = submission
        self._usage = usage
        self._campaign = campaign
        self._telemetry = telemetry
        self._unsupported = unsupported

    def create(self, request: Request) -> Response:
        """Accept a mail."""
        request.require_scope("send")
        document = request.document()
        key = request.idempotency_key or _own_key(document)
        mail = self._read(request, document, key, 0, time.time())
        fingerprint = _fingerprint(key, document)

        def submit() -> Accepted:
            if key is not None or not _joins(request, [mail]):
                return Accepted([mail], int(self._submission.submit(mail, fingerprint)))
            [joined] = self._submission.join([mail], request.join_within)
            return self._submission.submit_joined(joined)

        accepted, headers = self._accept(request, [(mail.id, fingerprint)], submit)
        return self._accepted(accepted.mails, {"id": accepted.mails[0].id}, headers)

    def create_batch(self, request: Request) -> Response:
        """Accept many mails: all or none, or in permissive mode the valid ones."""
        request.require_scope("send")
        permissive = _is_permissive(request)
        document = request.document()
        if not isinstance(document, list) or not 1 <= len(document) <= MAX_BATCH:
            raise MailError("body", f"must be a JSON array of 1 to {MAX_BATCH} mails")
        drafts: list[Draft] = []
        errors: list[dict[str, Any]] = []
        now, key = time.time(), request.idempotency_key
        whole = _fingerprint(key, document)
        known: set[str] = set()
        for index, data in enumerate(document):
            try:
                own = key or _own_key(data)
                mail = self._read(request, data, own, index if key else 0, now)
                _note(known, mail.id)
                drafts.append(self._submission.prepare(mail, whole or _fingerprint(own, data)))
            except MailError as error:
                if not permissive:
                    raise error.at(index) from None
                errors.append({"index": index, "message": str(error)})

        def submit() -> Accepted:
            mails = [draft.mail for draft in drafts]
            if any(draft.request for draft in drafts) or not _joins(request, mails):
                return self._submission.submit_all(drafts)
            mails = self._submission.join(mails, request.join_within)
            return self._submission.submit_all(
                [self._submission.prepare(mail) for mail in mails], joined=True
            )

        accepted, headers = Accepted([], 0), dict[str, str]()
        if drafts:
            asked = [(draft.mail.id, draft.request) for draft in drafts]
            accepted, headers = self._accept(request, asked, submit)
        mails = accepted.mails
        answer: dict[str, Any] = {"data": [{"id": mail.id} for mail in mails]}
        return self._accepted(mails, answer | {"errors": errors} if permissive else answer, headers)

    def _accept(
        self,
        request: Request,
        asked: Sequence[tuple[str, str | None]],
        submit: Callable[[], Accepted],
    ) -> tuple[Accepted, dict[str, str]]:
        """Accept mails by `submit`, within their caller's limits if it has any."""
        if request.limits is None:
            return submit(), {}
        from mail_send.limited import Limited  # noqa: PLC0415  few callers have limits

        limited = Limited(self._submission, self._usage(), request.limits)
        return limited.accept(request.client, asked, submit)

    def _accepted(
        self, mails: Sequence[Mail], document: Mapping[str, Any], headers: dict[str, str]
    ) -> Response:
        if not mails:
            return wire.response(200, document)
        self._telemetry.accepted([mail.id for mail in mails])
        lacking = [mail for mail in mails if mail.not_carried]
        if not lacking:
            return wire.response(200, document, headers)
        self._telemetry.not_carried(len(lacking))
        fields = dict.fromkeys(field for mail in lacking for field in mail.not_carried)
        return wire.response(200, document, headers | {"X-Not-Carried": ", ".join(fields)})

    def _read(
        self, request: Request, data: object, key: str | None, index: int, now: float
    ) -> Mail:
        mail = read_mail(
            data,
            allowed=REQUEST_FIELDS,
            now=now,
            campaign=self._campaign,
            mail_id=new_id(request.client, key, index),
            client=request.client,
            lane=request.lane,
            report=(request.unsupported or self._unsupported) == REPORT,
        )
        if not request.may_send_from(mail.sender):
            message = "is not among the senders that this API key may use"
            raise MailError("from", message, wire.FORBIDDEN_SENDER)
        past = mail.expires_at is not None and mail.expires_at <= now
        # A repeat with its key is the mail that was accepted in time.
        if past and (key is None or not self._submission.knows(mail.id)):
            raise MailError("expires_at", "is in the past", "invalid_parameter")
        return mail


def _is_permissive(request: Request) -> bool:
    mode = request.headers.get("x-batch-validation", STRICT).lower()
    if mode not in {STRICT, PERMISSIVE}:
        message = f"`x-batch-validation` must be {STRICT} or {PERMISSIVE}"
        raise ApiError(422, "validation_error", message)
    return mode == PERMISSIVE


def _joins(request: Request, mails: Sequence[Mail]) -> bool:
    """Return whether equal calls of this caller are joined; bulk mails never are."""
    return bool(request.join_within and mails) and all(mail.lane is not Lane.BULK for mail in mails)


def _note(known: set[str], mail_id: str) -> None:
    if mail_id in known:
        raise MailError("headers", "has the idempotency key of an earlier mail of this batch")
    known.add(mail_id)


def _own_key(data: object) -> str | None:
    """Return the idempotency key in a mail's headers; None without one."""
    if not isinstance(data, dict) or not data.get("headers"):
        return None
    from outbox.mail.bookkeeping import idempotency_key  # noqa: PLC0415  few mails have headers

    return idempotency_key(data, wire.MAX_KEY)


def _fingerprint(key: str | None, document: object) -> str | None:
    """Return the fingerprint of a request with an idempotency key; None without one."""
    if key is None:
        return None
    try:
        text = json.dumps(document, sort_keys=True)
    except RecursionError:
        raise ApiError(400, "validation_error", "the body is nested too deeply") from None
    return hashlib.sha256(text.encode()).hexdigest()
