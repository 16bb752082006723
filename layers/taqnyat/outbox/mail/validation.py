"""The validation of a mail: one definition, for the API and for the queue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from outbox.mail import parties
from outbox.mail.lanes import LANES, Lane
from outbox.mail.mail import Mail, MailError
from outbox.mail.tags import kept, named_campaign, read_tags
from outbox.mail.text import SURROGATE, line, one_of, shown, text_of
from outbox.mail.times import LAST_SECOND, read_time
from outbox.mail.unsupported import UNSUPPORTED, is_empty, not_carried, refuse_always

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outbox.mail.bookkeeping import Headers

MAX_SUBJECT: Final = 998  # RFC 5322, 2.1.1
MAX_CLIENT: Final = 128
MAX_SCHEDULE_SECONDS: Final = 366 * 86400

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_NOT_IN_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

_BODIES: Final = ("html", "text", "msg")
_COMMON: Final = {
    "from",
    "to",
    "subject",
    "campaign_name",
    "campaignName",
    "on_unknown",
    "expires_at",
    *_BODIES,
}
REQUEST_FIELDS: Final = frozenset({*_COMMON, *UNSUPPORTED, "tags", "scheduled_at", "priority"})
# Only a message has these. An empty one is a mistake of its producer, and not absent.
_OF_MESSAGES: Final = frozenset({"version", "id", "client", "accepted_at"})
MESSAGE_FIELDS: Final = frozenset({*_COMMON, *_OF_MESSAGES})


def read_mail(
    data: object,
    *,
    allowed: frozenset[str],
    now: float,
    campaign: str,
    mail_id: str,
    client: str | None = None,
    lane: Lane = Lane.NORMAL,
    report: bool = False,
) -> Mail:
    """Make a mail from decoded JSON. A field of null, "", [] or {} counts as absent.

    `allowed` is REQUEST_FIELDS or MESSAGE_FIELDS; `now` is epoch seconds; `campaign` is the name to
    use without one; `mail_id`, `client` and `lane` are used when the data has none, or may have
    none; `report` leaves out `reply_to` and `headers`, and notes it in the mail.

    Raises:
        MailError: the first field that is wrong, by its name.

    """
    if not isinstance(data, dict):
        raise MailError("body", "must be a JSON object")
    given = _given(data)
    for key in given:
        if key not in allowed:
            raise _unknown(key, allowed)
        refuse_always(key)
    kind, body = _body(given)
    scheduled_at, expires_at = _scheduled_at(given, now), _expires_at(given)
    if scheduled_at is not None and expires_at is not None and expires_at <= scheduled_at:
        raise MailError("expires_at", "is not after `scheduled_at`", "invalid_parameter")
    sender, headers = parties.sender(given), _headers(given)
    found = [*read_tags(given.get("tags", [])), *(headers.tags if headers else ())]
    tags, kept_headers = kept(found, headers.kept if headers else ())
    return Mail(
        id=_identifier(given, mail_id),
        sender=sender,
        recipients=parties.recipients(given),
        subject=line(given, "subject", MAX_SUBJECT),
        body=body,
        kind=kind,
        campaign=named_campaign(given, found) or campaign,
        expires_at=expires_at,
        scheduled_at=scheduled_at,
        on_unknown=one_of(given, "on_unknown", ("hold", "resend")),
        client=line(given, "client", MAX_CLIENT) if "client" in given else client,
        lane=Lane(one_of(given, "priority", LANES) or lane),
        accepted_at=_accepted_at(given) or now,
        tags=tags,
        headers=kept_headers,
        not_carried=not_carried(given, headers, sender, report=report),
    )


def read_schedule(data: object, mail_id: str, now: float) -> int:
    """Read `{"scheduled_at": ...}`, the new time of a scheduled mail, as epoch seconds.

    Some clients repeat the mail's id in it, as `id` or `email_id`.

    Raises:
        MailError: it is something else.

    """
    if not isinstance(data, dict):
        raise MailError("body", "must be a JSON object")
    given = _given(data)
    for key, value in given.items():
        if key in {"id", "email_id"} and str(value).lower() == mail_id.lower():
            continue
        if key != "scheduled_at":
            raise _unchangeable(key)
    at = _scheduled_at(given, now)
    if at is None:
        raise MailError("scheduled_at", "is missing", "missing_required_field")
    return at


def is_identifier(text: str) -> bool:
    """Return whether a text can be the id of a mail."""
    return _ID.fullmatch(text) is not None


def _headers(given: Mapping[str, Any]) -> Headers | None:
    if "headers" not in given:
        return None
    from outbox.mail.bookkeeping import Headers  # noqa: PLC0415  few mails have headers

    return Headers(given["headers"])


def _unknown(key: str, allowed: frozenset[str]) -> MailError:
    from outbox.mail.names import unknown  # noqa: PLC0415  only an error needs it

    return MailError(shown(key), unknown(key, allowed))


def _unchangeable(key: str) -> MailError:
    from outbox.mail.names import meant, unknown  # noqa: PLC0415  only an error needs it

    time = ("scheduled_at",)
    known = "cannot be changed; only `scheduled_at` can"
    return MailError(shown(key), unknown(key, time) if meant(key, time) else known)


def _given(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty."""
    return {
        key: value
        for key, value in data.items()
        if not is_empty(key, value) or (value == "" and key in _OF_MESSAGES)
    }


def _scheduled_at(given: Mapping[str, Any], now: float) -> int | None:
    at = _second(given, "scheduled_at")
    if at is not None and at > now + MAX_SCHEDULE_SECONDS:
        days = MAX_SCHEDULE_SECONDS // 86400
        raise MailError("scheduled_at", f"is more than {days} days away", "invalid_parameter")
    return at


def _identifier(given: Mapping[str, Any], default: str) -> str:
    if given.get("version", 1) != 1 or isinstance(given.get("version"), bool):
        raise MailError("version", "must be 1")
    identifier = given.get("id", default)
    if not isinstance(identifier, str) or not is_identifier(identifier):
        raise MailError(
            "id", "must be 1 to 128 letters, digits, dots, colons, hyphens or underscores"
        )
    return identifier


def _body(given: Mapping[str, Any]) -> tuple[str, str]:
    if "msg" in given and ("html" in given or "text" in given):
        raise MailError("msg", "says the same as `html` and `text`; give one of them")
    found = [(key, text_of(given, key)) for key in _BODIES if key in given]
    # Taqnyat carries one body: the first that is not blank, HTML before text.
    for key, text in found:
        if text.strip():
            if unallowed := SURROGATE.search(text) or _NOT_IN_TEXT.search(text):
                raise MailError(
                    key, f"has a character that a mail cannot carry at position {unallowed.start()}"
                )
            return ("text" if key == "text" else "html"), text
    name = found[0][0] if found else "html"
    message = "is empty" if found else "is missing: give `html` or `text`"
    raise MailError(name, message, "missing_required_field")


def _expires_at(given: Mapping[str, Any]) -> int | None:
    value = given.get("expires_at")
    if isinstance(value, str) and value.strip().lower() == "never":
        return None
    second = _second(given, "expires_at")
    return None if second is None else min(second, LAST_SECOND)


def _accepted_at(given: Mapping[str, Any]) -> float | None:
    moment = read_time(given, "accepted_at")
    if moment is not None and moment > LAST_SECOND:
        raise MailError("accepted_at", "is after the year 9998", "invalid_parameter")
    return moment


def _second(given: Mapping[str, Any], key: str) -> int | None:
    moment = read_time(given, key)
    return None if moment is None else int(moment)
