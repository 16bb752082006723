"""POST /emails and POST /emails/batch: mails are read, checked, accepted."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Final

from outbox.accepting.submission import mail_id as new_id
from outbox.mail.mail import Mail, MailError
from outbox.mail.validation import REQUEST_FIELDS, read_mail

from mail_send import wire
from mail_send.wire import ApiError, Request, Response

if TYPE_CHECKING:
    from outbox.accepting.submission import Draft, Submission
    from outbox.telemetry import Telemetry

MAX_BATCH: Final = 100
STRICT: Final = "strict"
PERMISSIVE: Final = "permissive"


class CreateEmails:
    """Accepts mails."""

    def __init__(self, submission: Submission, campaign: str, telemetry: Telemetry) -> None:
        """`campaign` is the name for mails that name none."""
        self._submission = submission
        self._campaign = campaign
        self._telemetry = telemetry

    def create(self, request: Request) -> Response:
        """Accept a mail."""
        request.require_scope("send")
        document = request.document()
        mail = self._read(request, document, 0, time.time())
        self._submission.submit(mail, _fingerprint(request, document))
        self._telemetry.accepted([mail.id])
        return wire.response(200, {"id": mail.id})

    def create_batch(self, request: Request) -> Response:
        """Accept many mails: all or none, or in permissive mode those that are valid."""
        request.require_scope("send")
        permissive = _is_permissive(request)
        document = request.document()
        if not isinstance(document, list) or not 1 <= len(document) <= MAX_BATCH:
            raise MailError("body", f"must be a JSON array of 1 to {MAX_BATCH} mails")
        drafts: list[Draft] = []
        errors: list[dict[str, Any]] = []
        now = time.time()
        for index, data in enumerate(document):
            try:
                mail = self._read(request, data, index, now)
                drafts.append(self._submission.prepare(mail))
            except MailError as error:
                if not permissive:
                    raise error.at(index) from None
                errors.append({"index": index, "message": str(error)})
        ids = [draft.mail.id for draft in drafts]
        if drafts:
            self._submission.submit_all(drafts, _fingerprint(request, document))
            self._telemetry.accepted(ids)
        answer: dict[str, Any] = {"data": [{"id": mail_id} for mail_id in ids]}
        return wire.response(200, answer | {"errors": errors} if permissive else answer)

    def _read(self, request: Request, data: object, index: int, now: float) -> Mail:
        mail = read_mail(
            data,
            allowed=REQUEST_FIELDS,
            now=now,
            campaign=self._campaign,
            mail_id=new_id(request.client, request.idempotency_key, index),
            client=request.client,
            lane=request.lane,
        )
        if not request.may_send_from(mail.sender):
            message = "is not among the senders that this API key may use"
            raise MailError("from", message, wire.FORBIDDEN_SENDER)
        return mail


def _is_permissive(request: Request) -> bool:
    mode = request.headers.get("x-batch-validation", STRICT).lower()
    if mode not in {STRICT, PERMISSIVE}:
        message = f"`x-batch-validation` must be {STRICT} or {PERMISSIVE}"
        raise ApiError(422, "validation_error", message)
    return mode == PERMISSIVE


def _fingerprint(request: Request, document: object) -> str | None:
    """Return what an idempotency key stands for; None without one."""
    if request.idempotency_key is None:
        return None
    try:
        text = json.dumps(document, sort_keys=True)
    except RecursionError:
        raise ApiError(400, "validation_error", "the body is nested too deeply") from None
    return hashlib.sha256(text.encode()).hexdigest()
