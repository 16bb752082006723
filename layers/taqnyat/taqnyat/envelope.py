"""Reads Taqnyat's answer bodies as they are.

Eleven of the guide's twelve samples are not valid JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

_IP: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4})(?![\w:])"
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_PRICE: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_MSG_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _field(name: str, value: str) -> re.Pattern[str]:
    # The value must be closed by a delimiter: a cut body turns ErrorCode 104 into 1 or 10.
    return re.compile(
        rf"""(?:^|[\s,{{"']){name}["']?\s*:\s*["']?({value})(?=["'\s,}}\]])""", re.IGNORECASE
    )


_RESULT_FIELD: Final = _field("ResponseStatus", "success|fail")
_CODE_FIELD: Final = _field("ErrorCode", _NUMBER.pattern)
_MSG_ID_FIELD: Final = _field("msgId", _MSG_ID.pattern)
_PRICE_FIELD: Final = _field("price", _PRICE.pattern)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer says of itself; `None` where it says nothing that can be trusted.

    `result` is "success" or "fail"; `code` Taqnyat's ErrorCode; `price` a decimal number as text.
    """

    result: str | None = None
    code: int | None = None
    msg_id: str | None = None
    price: str | None = None


def read(body: bytes) -> Envelope:
    """Read any bytes at all; never raises."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _scan(text)
    return _pick(document) if isinstance(document, dict) else Envelope()


def ip_address(body: bytes) -> str | None:
    """Return the first IP address in an answer: code 102 names the address that was refused."""
    found = _IP.search(body.decode("utf-8", errors="replace"))
    return found.group() if found else None


def _pick(document: dict[str, object]) -> Envelope:
    fields = _lowered(document)
    data, error = _lowered(fields.get("data")), _lowered(fields.get("error"))
    result = _text(fields.get("responsestatus")).lower()
    code = _whole(_NUMBER, error.get("errorcode"))
    return Envelope(
        result=result if result in {"success", "fail"} else None,
        code=None if code is None else int(code),
        msg_id=_whole(_MSG_ID, data.get("msgid")),
        price=_whole(_PRICE, data.get("price")),
    )


def _scan(text: str) -> Envelope:
    code = _only(_CODE_FIELD, text)
    return Envelope(
        result=(_only(_RESULT_FIELD, text) or "").lower() or None,
        code=None if code is None else int(code),
        msg_id=_only(_MSG_ID_FIELD, text),
        price=_only(_PRICE_FIELD, text),
    )


def _only(pattern: re.Pattern[str], text: str) -> str | None:
    # Two different values for one field contradict each other: then the field says nothing.
    values = {value.lower() for value in pattern.findall(text)}
    return values.pop() if len(values) == 1 else None


def _lowered(value: object) -> dict[str, object]:
    return {key.lower(): item for key, item in value.items()} if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _whole(pattern: re.Pattern[str], value: object) -> str | None:
    text = _text(value)
    return text if pattern.fullmatch(text) else None
