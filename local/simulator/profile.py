"""A report of `taqnyat-mail verify`, by which the simulator answers as a real account did.

The report has no texts, so these are made up: of the length and type that they had. What was not
asked is answered as the guide has it; another ErrorCode in the shape of a failure that was seen.
"""

import json
from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from local.simulator import fields
from local.simulator.answers import Reply
from local.simulator.fields import FieldError

FORMAT: Final = 1
_MADE_BY: Final = "taqnyat-mail verify"
_FORMS: Final = ("json", "nearly_json", "html", "text", "empty")
_KINDS: Final = (
    *("null", "boolean", "number", "string", "number_string", "date_string"),
    *("object", "array"),
)
# How a call ended without a whole answer, and the fault that plays it.
FAULTS: Final = MappingProxyType(
    {"timeout": "hang", "connection_lost": "cut", "reused_connection_lost": "cut"}
)
_MOST_LENGTH: Final = 64 * 1024
_MOST_FIELDS: Final = 100
_FAILURES: Final = ("empty_subject", "unapproved_sender", "no_recipient", "wrong_token")


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its path, its type, and the length of its text or number."""

    path: tuple[str, ...]
    kind: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How the real account answered one call. `arrived` is what its owner saw, None: not known."""

    call: str
    status: int | None
    fault: str | None
    result: str | None
    code: int | None
    verdict: str
    encoding: str
    form: str
    size: int
    fields: tuple[Field, ...]
    arrived: bool | None = None

    @property
    def accepted(self) -> bool:
        """Whether the mail went out, as far as is known; what may have been sent counts as sent."""
        return self.verdict in {"sent", "unknown"} if self.arrived is None else self.arrived

    def with_code(self, code: int) -> "Said":
        """Return the same failure with another ErrorCode."""
        return replace(self, code=code, verdict="", arrived=None)

    def reply(self, values: Mapping[str, Any]) -> Reply:
        """Return the answer; `values` has the fields that the simulator knows, by name."""
        status = self.status or 500
        if self.form == "empty":
            return Reply(status, b"")
        if self.form == "html":
            return Reply(status, b"<html>" + b"x" * max(0, self.size - 6), "text/html")
        if self.form == "text":
            return Reply(status, b"x" * self.size, "text/plain")
        own = {"ResponseStatus": self.result, "ErrorCode": self.code, "statusCode": self.status}
        made = _tree(self.fields, {**values, **own})
        text = json.dumps(made, ensure_ascii=False)
        if self.form == "nearly_json":
            text = f"{text[:-1]},{text[-1]}"  # a comma too many, as in the guide
        return Reply(status, text.encode())


@dataclass(frozen=True, slots=True)
class Profile:
    """How a real account answered, by the name of the call."""

    said: Mapping[str, Said]

    def find(self, *names: str) -> Said | None:
        """Return the first of these answers that is known."""
        return next((self.said[name] for name in names if name in self.said), None)

    def failure(self, code: int) -> Said | None:
        """Return a failure with this code, in the shape of one that was seen."""
        for name in _FAILURES:
            said = self.said.get(name)
            if said is not None and said.result == "fail" and said.code is not None:
                return said.with_code(code)
        return None

    def success(self, encoding: str) -> Said | None:
        """Return a success that was seen, best of a mail in this encoding."""
        sent = [said for said in self.said.values() if said.verdict == "sent"]
        return next((said for said in sent if said.encoding == encoding), sent[0] if sent else None)


def argument(text: str) -> Profile:
    """Read the report of an argument; a mistake is argparse's to say."""
    try:
        return load(Path(text))
    except FieldError as error:
        raise ArgumentTypeError(str(error)) from None


def load(path: Path) -> Profile:
    """Read a report from a file.

    Raises:
        FieldError: it is none; names the field that is wrong.

    """
    try:
        return read(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise FieldError("profile", f"cannot be read: {error.strerror}") from None
    except FieldError:
        raise
    except (ValueError, RecursionError):
        raise FieldError("profile", "is not JSON in UTF-8") from None


def read(value: object) -> Profile:
    """Read a report.

    Raises:
        FieldError: names the field that is wrong.

    """
    if not isinstance(value, dict) or value.get("made_by") != _MADE_BY:
        raise FieldError("profile", f"is no report of {_MADE_BY}")
    if value.get("format") != FORMAT:
        raise FieldError("format", f"must be {FORMAT}: the report is of another version")
    calls, mailbox = value.get("calls"), value.get("mailbox")
    if not isinstance(calls, list) or not isinstance(mailbox, dict):
        raise FieldError("calls", "and mailbox must be there")
    said = [_said(item, f"calls[{at}]", mailbox) for at, item in enumerate(calls)]
    return Profile({one.call: one for one in said if one.fault in {None, *FAULTS}})


def _said(value: object, field: str, mailbox: Mapping[str, Any]) -> Said:
    if not isinstance(value, dict) or not isinstance(body := value.get("body"), dict):
        raise FieldError(field, "must be an object with a body")
    name = fields.text(value.get("call"), f"{field}.call")
    lines = body.get("fields")
    if not isinstance(lines, list) or len(lines) > _MOST_FIELDS:
        raise FieldError(f"{field}.body.fields", f"must be a list of at most {_MOST_FIELDS}")
    arrived = mailbox.get(f"{name}_arrived")
    return Said(
        call=name,
        status=_number(value, "status", field, 100, 999),
        fault=_word(value, "fault", field),
        result=_word(value, "result", field),
        code=_number(value, "code", field, 0, 9999),
        verdict=_word(value, "verdict", field) or "",
        encoding=_word(value, "encoding", field) or "form",
        form=_one_of(body.get("form"), f"{field}.body.form", _FORMS),
        size=fields.integer(body.get("bytes"), f"{field}.body.bytes", 0, _MOST_LENGTH),
        fields=tuple(_field(line, f"{field}.body.fields[{at}]") for at, line in enumerate(lines)),
        arrived=None if arrived is None else fields.flag(arrived, f"mailbox.{name}_arrived"),
    )


def _field(value: object, field: str) -> Field:
    given = fields.obj(value, field, ("name", "type", "length"))
    return Field(
        tuple(fields.text(given.get("name"), f"{field}.name").split(".")),
        _one_of(given.get("type"), f"{field}.type", _KINDS),
        fields.integer(given.get("length"), f"{field}.length", 0, _MOST_LENGTH),
    )


def _one_of(value: object, field: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise FieldError(field, f"must be one of {', '.join(known)}")
    return str(value)


def _number(value: Mapping[str, Any], name: str, field: str, low: int, high: int) -> int | None:
    found = value.get(name)
    return None if found is None else fields.integer(found, f"{field}.{name}", low, high)


def _word(value: Mapping[str, Any], name: str, field: str) -> str | None:
    found = value.get(name)
    return found if found in {None, ""} else fields.text(found, f"{field}.{name}")


def _tree(found: tuple[Field, ...], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Build a document that has these fields."""
    root: dict[str, Any] | list[Any] = [] if found and found[0].path[0] == "[]" else {}
    for field in sorted(found, key=lambda field: len(field.path)):
        place = root
        for part in field.path[:-1]:
            place = _step(place, part)
        _put(place, field.path[-1], _value(field, values))
    return root


def _step(place: Any, part: str) -> Any:  # noqa: ANN401 - JSON
    """Go into an object or a list; what should be one and is not there is made."""
    if isinstance(place, list):
        if not place:
            place.append({})
        return place[0]
    if not isinstance(place.get(part), dict | list):
        place[part] = {}
    return place[part]


def _put(place: Any, part: str, value: Any) -> None:  # noqa: ANN401 - JSON
    if isinstance(place, list):
        place.append(value)
    elif part not in place:
        place[part] = value


def _value(field: Field, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    name, kind = field.path[-1], field.kind
    if kind in _MADE:
        return _MADE[kind]()
    known = next((text for key, text in values.items() if key.lower() == name.lower()), None)
    if kind == "number":
        return known if isinstance(known, int) else _as_number(known, field.length)
    if kind == "number_string":
        return str(known) if _is_number(known) else "1" * max(1, field.length)
    if kind == "date_string":
        return str(known or "31-12-2030")
    if isinstance(known, int):
        return f"m{known}"  # an id that is no number
    return known if isinstance(known, str) else "x" * field.length


def _as_number(known: object, length: int) -> int | float:
    if isinstance(known, str) and _is_number(known):
        return float(known)
    return int("1" * max(1, min(length, 9)))


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return not isinstance(value, bool) and value is not None


def _objects() -> dict[str, Any]:
    return {}


_MADE: Final[Mapping[str, Any]] = {
    "null": lambda: None,
    "boolean": lambda: True,
    "object": _objects,
    "array": list,
}
