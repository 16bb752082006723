"""A report of `taqnyat-mail verify`, by which the simulator answers as a real account did.

The report has no texts, so these are made up: of the length and type that they had. What was not
asked is answered as the guide has it; another ErrorCode in the shape of a failure that was seen.
"""

import json
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from local.simulator.answers import Reply
from local.simulator.fields import FieldError, Flag, Text, Whole, read

# How a call ended without a whole answer, and the fault that plays it.
FAULTS: Final = MappingProxyType(
    {"timeout": "hang", "connection_lost": "cut", "reused_connection_lost": "cut"}
)
_FAILURES: Final = ("empty_subject", "unapproved_sender", "no_recipient", "wrong_token")
_Size = Annotated[Whole, Field(ge=0, le=64 * 1024)]


class _Part(BaseModel):
    """A part of a report; the simulator ignores fields that it does not use."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Line(_Part):
    """A field: its name with those around it, its type, and the length of its text or number."""

    name: Text
    type: Literal[
        "null", "boolean", "number", "string", "number_string", "date_string", "object", "array"
    ]
    length: _Size

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the outermost one; `[]` is an entry of a list."""
        return tuple(self.name.split("."))


class Body(_Part):
    """What a body was."""

    form: Literal["json", "nearly_json", "html", "text", "empty"]
    bytes: _Size
    fields: Annotated[tuple[Line, ...], Field(max_length=100)]


class Said(_Part):
    """How the real account answered one call. `arrived` is what its owner saw, None: not known."""

    call: Text
    status: Annotated[Whole, Field(ge=100, le=999)] | None
    fault: str | None
    result: str | None
    code: Annotated[Whole, Field(ge=0, le=9999)] | None
    verdict: str
    encoding: Literal["form", "json"]
    body: Body
    arrived: Flag | None = None

    @property
    def accepted(self) -> bool:
        """Whether the mail went out, as far as is known; what may have been sent counts as sent."""
        return self.verdict in {"sent", "unknown"} if self.arrived is None else self.arrived

    def with_code(self, code: int) -> "Said":
        """Return the same failure with another ErrorCode."""
        return self.model_copy(update={"code": code, "verdict": "", "arrived": None})

    def reply(self, values: Mapping[str, Any]) -> Reply:
        """Return the answer; `values` has the fields that the simulator knows, by name."""
        status = self.status or 500
        if self.body.form == "empty":
            return Reply(status, b"")
        if self.body.form == "html":
            return Reply(status, b"<html>" + b"x" * max(0, self.body.bytes - 6), "text/html")
        if self.body.form == "text":
            return Reply(status, b"x" * self.body.bytes, "text/plain")
        own = {"ResponseStatus": self.result, "ErrorCode": self.code, "statusCode": self.status}
        made = _document(self.body.fields, {**values, **own})
        text = json.dumps(made, ensure_ascii=False)
        if self.body.form == "nearly_json":
            text = f"{text[:-1]},{text[-1]}"  # a comma too many, as in the guide
        return Reply(status, text.encode())


class _Report(_Part):
    """The file."""

    made_by: Literal["taqnyat-mail verify"]
    format: Literal[1]
    calls: tuple[Said, ...]
    mailbox: Mapping[str, Flag | None]


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
    """Read the report of an argument; argparse reports a mistake."""
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
        report = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FieldError("profile", f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise FieldError("profile", "is not JSON in UTF-8") from None
    return read_report(report)


def read_report(value: object) -> Profile:
    """Read a report.

    Raises:
        FieldError: names the field that is wrong.

    """
    report = read(_Report, value)
    said = {
        one.call: one.model_copy(update={"arrived": report.mailbox.get(f"{one.call}_arrived")})
        for one in report.calls
        if one.fault is None or one.fault in FAULTS
    }
    return Profile(said)


def _document(fields: Sequence[Line], values: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Build what has these fields; their names are the same up to `depth`."""
    made: dict[str, Any] = {}
    for name in dict.fromkeys(field.path[depth] for field in fields):
        own = [field for field in fields if field.path[depth] == name]
        inner = [field for field in own if len(field.path) > depth + 1]
        made[name] = _document(inner, values, depth + 1) if inner else _value(own[0], values)
    return list(made.values()) if "[]" in made else made


def _value(field: Line, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    name, kind = field.path[-1], field.type
    if kind in _MADE:
        return _MADE[kind]()
    known = next((text for key, text in values.items() if key.lower() == name.lower()), None)
    made_up = "1" * max(1, field.length)
    if kind == "number":
        if isinstance(known, int):
            return known
        return float(str(known)) if _is_number(known) else int(made_up[:9])
    if kind == "number_string":
        return str(known) if _is_number(known) else made_up
    if kind == "date_string":
        return str(known or "31-12-2030")
    if isinstance(known, int):
        return f"m{known}"  # an id that is no number
    return known if isinstance(known, str) else "x" * field.length


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


_MADE: Final[Mapping[str, Callable[[], Any]]] = {
    "null": lambda: None,
    "boolean": lambda: True,
    "object": dict,
    "array": list,
}
