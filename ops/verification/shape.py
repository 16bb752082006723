"""What of an answer may be kept: names of fields, types and lengths. Never a text of it.

An answer may carry what is nobody else's: an address as the name of a field, a token in a message.
So a name is kept only if Taqnyat's guide has it, or if it looks like a name and has nothing of what
was sent in it; of values only the type and the length are.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

OTHER: Final = "other"  # in the place of a name that is not kept
_MOST_FIELDS: Final = 60
_MOST_DEPTH: Final = 6
_MOST_SCANNED: Final = 8 * 1024
_SHORT: Final = 4  # a word this long may be part of a name by chance
_KNOWN: Final = frozenset(
    {
        *("accountexpirydate", "accountstatus", "balance", "currency", "data", "description"),
        *("error", "errorcode", "message", "messagear", "messageen", "msgid", "price", "reason"),
        *("responsestatus", "result", "service", "status", "statuscode"),
    }
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}[0-9]{0,2}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
_DATE: Final = re.compile(r"\d{2}-\d{2}-\d{4}|\d{4}-\d{2}-\d{2}", re.ASCII)
# Of what is nearly JSON, as eleven of the guide's twelve samples: strings end at the end of a line,
# a quote too many is passed over, names need no quotes.
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<mark>[{}\[\],:])|"(?P<double>(?:[^"\\\n]|\\.)*)"(?:"(?=\s*[,}\]]))?"""
    r"""|'(?P<single>(?:[^'\\\n]|\\.)*)'|(?P<word>[^\s{}\[\],:"']+)|["'])"""
)


class Kind(StrEnum):
    """The type of a value; of strings also whether they hold a number or a date."""

    NULL = "null"
    BOOLEAN = "boolean"
    NUMBER = "number"
    STRING = "string"
    NUMBER_STRING = "number_string"
    DATE_STRING = "date_string"
    OBJECT = "object"
    ARRAY = "array"


class Form(StrEnum):
    """What a body is."""

    JSON = "json"
    NEARLY_JSON = "nearly_json"  # read tolerantly
    HTML = "html"
    TEXT = "text"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `name` with those around it (`Error.ErrorCode`; `[]` is an entry of a list).

    `length` is that of a text or number in characters, or the number of entries.
    """

    name: str
    kind: Kind
    length: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A body without its contents: what it is, its bytes, its fields."""

    form: Form = Form.EMPTY
    size: int = 0
    fields: tuple[Field, ...] = ()

    def kinds(self) -> dict[str, Kind]:
        """Return the type of each field."""
        return {field.name: field.kind for field in self.fields}


NOTHING: Final = Shape()


def shape(body: bytes, private: Collection[str]) -> Shape:
    """Return what may be kept of any bytes at all; `private` are words that no name may hold."""
    text = body.decode("utf-8-sig", errors="replace")
    form, found = _read(text)
    fields: dict[str, Field] = {}
    for path, kind, length in found:
        name = ".".join(part if part == "[]" else _kept(part, private) for part in path)
        if len(fields) < _MOST_FIELDS:
            fields.setdefault(name, Field(name, kind, length))
    return Shape(form, len(body), tuple(fields.values()))


def words_of(*texts: str) -> frozenset[str]:
    """Return the words of what was sent, whole and in parts, as `shape` takes them."""
    parts = {part for text in texts for part in re.split(r"[^A-Za-z0-9]+", text)}
    return frozenset(word.lower() for word in {*texts, *parts} if word)


_Found = tuple[tuple[str, ...], Kind, int]


def _read(text: str) -> tuple[Form, Iterator[_Found]]:
    nothing: Iterator[_Found] = iter(())
    stripped = text.strip()
    if not stripped:
        return Form.EMPTY, nothing
    if stripped[0] in "{[":
        try:
            return Form.JSON, _walk(json.loads(stripped), ())
        except (ValueError, RecursionError):
            return Form.NEARLY_JSON, _scan(stripped[:_MOST_SCANNED])
    return (Form.HTML if stripped[0] == "<" else Form.TEXT), nothing


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[_Found]:  # noqa: ANN401  any JSON
    if path:
        yield path, _kind(value), _length(value)
    if len(path) >= _MOST_DEPTH:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, (*path, name))
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, (*path, "[]"))


def _scan(text: str) -> Iterator[_Found]:
    tokens = list(_TOKEN.finditer(text))
    around: list[tuple[tuple[str, ...], bool]] = []  # path, and whether it is a list
    name = ""
    for at, token in enumerate(tokens):
        path, in_list = around[-1] if around else ((), False)
        here = (*path, "[]") if in_list else (*path, name)
        mark, value = token["mark"], _value(token)
        if mark in {"{", "["}:
            if around and len(here) <= _MOST_DEPTH:
                yield here, Kind.OBJECT if mark == "{" else Kind.ARRAY, 0
            around.append((here if around else (), mark == "["))
        elif mark in {"}", "]"}:
            around = around[:-1]
        elif value is None:
            continue
        elif not in_list and at + 1 < len(tokens) and tokens[at + 1]["mark"] == ":":
            name = str(value)
        elif around and len(here) <= _MOST_DEPTH:
            yield here, _kind(value), _length(value)


def _value(token: re.Match[str]) -> Any:  # noqa: ANN401  any scalar of JSON
    """Return what a token stands for; a word that is no value of JSON as text, marks as None."""
    for quoted in ("double", "single"):
        if token[quoted] is not None:
            return token[quoted]
    word = token["word"]
    if word is None:
        return None
    return _WORDS.get(word, float(word) if _NUMBER.fullmatch(word) else word)


class _Null:
    """JSON's null among tokens, where None is no value."""


_WORDS: Final[dict[str, Any]] = {"null": _Null(), "true": True, "false": False}


def _kind(value: Any) -> Kind:  # noqa: ANN401  any JSON
    if value is None or isinstance(value, _Null):
        return Kind.NULL
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int | float):
        return Kind.NUMBER
    if isinstance(value, dict):
        return Kind.OBJECT
    if isinstance(value, list):
        return Kind.ARRAY
    if _NUMBER.fullmatch(value.strip()):
        return Kind.NUMBER_STRING
    return Kind.DATE_STRING if _DATE.fullmatch(value.strip()) else Kind.STRING


def _length(value: Any) -> int:  # noqa: ANN401  any JSON
    if value is None or isinstance(value, bool | _Null):
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return len(value) if isinstance(value, str | dict | list) else len(str(value))


def _kept(name: str, private: Collection[str]) -> str:
    lower = name.lower()
    if lower in _KNOWN:
        return name
    holds = any(word in lower if len(word) >= _SHORT else word == lower for word in private)
    return OTHER if holds or not _NAME.fullmatch(name) else name
