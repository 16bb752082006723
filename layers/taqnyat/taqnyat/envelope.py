"""Reads Taqnyat's answer bodies, also invalid JSON, as in eleven of the guide's twelve samples."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

_ADDRESS: Final = re.compile(r"(?<![\w.:])[0-9A-Fa-f:.]{2,45}(?![\w:])", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_PRICE: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
# An id has a digit: null, true and NaN are no ids. It may be a Message-ID, <1.2@example.com>.
_MSG_ID: Final = re.compile(r"(?=[A-Za-z._:+/=~<>@-]*[0-9])[A-Za-z0-9._:+/=~<>@-]{1,128}")

_RESULT: Final = "responsestatus"
_DIGITS: Final = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")
# Names of the request alone: an object that has one repeats it, and its texts are the mail's own.
_OF_THE_REQUEST: Final = frozenset({"bearertokens", "campaignname", "subject"})


def _field(name: str, value: str) -> re.Pattern[str]:
    # A quote or a delimiter must end the value: otherwise a body that was cut off would turn
    # ErrorCode 104 into 1 or 10, and a price of "1,200" into 1.
    return re.compile(
        rf"""(?:^|[\s,{{"'])"""
        rf"""{name}["']?\s*:\s*(?:(["'])\s*({value})\s*\1|({value})(?=["'\s,}}\]]))""",
        re.IGNORECASE | re.ASCII,
    )


_RESULT_FIELD: Final = _field("ResponseStatus", "success|fail")
_CODE_FIELD: Final = _field("ErrorCode", _NUMBER.pattern)
_MSG_ID_FIELD: Final = _field("msgId", _MSG_ID.pattern)
_PRICE_FIELD: Final = _field("price", _PRICE.pattern)
# An Error with any content; not an empty one, null, false or 0.
_ERROR_FIELD: Final = re.compile(
    r"""[\s,{"']Error["']?\s*:\s*(?:\{\s*[^\s}]|\[\s*[^\s\]]|"[^"]|'[^']|[1-9a-eg-mo-z])""",
    re.IGNORECASE | re.ASCII,
)


class Envelope(NamedTuple):
    """The fields of an answer; `None` for a field that is missing or cannot be trusted.

    `result` is "success" or "fail"; `code` Taqnyat's ErrorCode; `error` whether there is an Error,
    readable or not; `price` a decimal number as text; `mixed` whether both results, or several
    different envelopes, are in one body.
    """

    result: str | None = None
    code: int | None = None
    error: bool = False
    msg_id: str | None = None
    price: str | None = None
    mixed: bool = False


def read(body: bytes) -> Envelope:
    """Read any bytes. Never raises."""
    return _read(_decoded(body))


def ip_address(body: bytes) -> str | None:
    """Return the first IP address in an answer: that of code 102 has the refused address."""
    import ipaddress  # noqa: PLC0415  only code 102 needs it

    for candidate in _ADDRESS.findall(_decoded(body)):
        try:
            return str(ipaddress.ip_address(candidate.rstrip(".")))
        except ValueError:  # a time of day, a version number
            continue
    return None


def _decoded(body: bytes) -> str:
    # Without its NUL bytes UTF-16 is ASCII, as far as the fields are.
    return body.replace(b"\x00", b"").decode("utf-8-sig", errors="replace")


def _read(text: str) -> Envelope:
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return _unescaped(text)
    # JSON that was encoded twice is text with JSON in it.
    return _read(document) if isinstance(document, str) else _pick(document)


def _unescaped(text: str) -> Envelope:
    """Search text that is no JSON; of a page that is only escaped JSON, that JSON.

    In any other page escaped JSON may be the mail's own, which an error page repeats.
    """
    found = _scan(text)
    if found != Envelope() or "&" not in text:
        return found
    from html import unescape  # noqa: PLC0415  rarely needed

    shown = re.sub(r"<[^<>]*>", "", text).strip()
    if not shown.startswith("{") or not shown.endswith("}"):
        return found
    try:
        return _scan(unescape(shown))
    except ValueError:  # a reference to a character with thousands of digits
        return found


def _pick(document: object) -> Envelope:
    """Read valid JSON, also if the envelope is in a list, in another object or in a text there."""
    if isinstance(document, dict) and _RESULT in document:
        return _envelope(document)
    objects = _objects(document)
    found = {_envelope(each) for each in objects if _RESULT in each}
    if not found:
        own = [each for each in objects if not _OF_THE_REQUEST & each.keys()]
        values = [value for each in own for value in each.values() if isinstance(value, str)]
        texts = [text for text in values if text.startswith("{") and _RESULT in text.lower()]
        found = {_read(text) for text in texts} or {_envelope(each) for each in objects[:1]}
    return found.pop() if len(found) == 1 else Envelope(mixed=bool(found))


def _envelope(fields: dict[str, object]) -> Envelope:
    data, error = _inside(fields.get("data")), _inside(fields.get("error"))
    result = _text(fields.get(_RESULT)).lower()
    inner = _objects(fields)
    code = _whole(_NUMBER, _value("errorcode", (error, fields), inner))
    return Envelope(
        result=result if result in {"success", "fail"} else None,
        code=None if code is None else int(code),
        error=_is_filled(fields.get("error")) or code is not None,
        msg_id=_msg_id(fields, data, inner),
        price=_whole(_PRICE, _value("price", (data, fields), inner)),
    )


def _is_filled(error: object) -> bool:
    """Return whether an Error has content: {"ErrorCode": null, "MessageEn": ""} has none."""
    if not isinstance(error, dict):
        return bool(error)
    values = [value for each in _objects(error) for value in each.values()]
    return any(value not in (None, "") and not isinstance(value, dict) for value in values)


def _msg_id(
    fields: dict[str, object], data: dict[str, object], inner: list[dict[str, object]]
) -> str | None:
    """Return the id; if Data is a list, for several recipients, each of its entries has one."""
    entries = fields.get("data")
    if not isinstance(entries, list):
        return _whole(_MSG_ID, _value("msgid", (data, fields), inner))
    ids = [_whole(_MSG_ID, _inside(entry).get("msgid")) for entry in entries]
    return ids[0] if ids and all(ids) else None


def _objects(document: object) -> list[dict[str, object]]:
    """Return all objects of a document, the outer ones first."""
    parts, found = [document], []
    for part in parts:  # it grows on the way
        if isinstance(part, dict):
            found.append(part)
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return found


def _value(
    name: str, places: tuple[dict[str, object], ...], inner: list[dict[str, object]]
) -> object:
    """Return a field from its place, or from anywhere if it has one value there."""
    for place in places:
        if name in place:
            return place[name]
    found = [each[name] for each in inner if name in each]
    return found[0] if len({_text(value) for value in found}) == 1 else None


def _scan(text: str) -> Envelope:
    code = _only(_CODE_FIELD, text)
    result = _only(_RESULT_FIELD, text)
    return Envelope(
        result=result and result.lower(),
        code=None if code is None else int(code),
        error=code is not None or _ERROR_FIELD.search(text) is not None,
        msg_id=_only(_MSG_ID_FIELD, text),
        price=_only(_PRICE_FIELD, text),
        mixed=result is None and _RESULT_FIELD.search(text) is not None,
    )


def _only(pattern: re.Pattern[str], text: str) -> str | None:
    # A field with two different values contradicts itself, so it counts as missing.
    found = [quoted or plain for _, quoted, plain in pattern.findall(text)]
    return found[0] if len({value.lower() for value in found}) == 1 else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object with keys in lower case; one key with two values is left to `_scan`."""
    found = {key.lower(): item for key, item in pairs}
    if len(found) < len(pairs) and any(found[key.lower()] != item for key, item in pairs):
        raise ValueError
    return found


def _inside(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().translate(_DIGITS)


def _whole(pattern: re.Pattern[str], value: object) -> str | None:
    text = _text(value)
    return text if pattern.fullmatch(text) else None
