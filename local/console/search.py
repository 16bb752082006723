"""The console's search: words and fields, as Mailpit has them.

    order 1042                 both words, anywhere
    "order 1042"               the phrase
    to: from: subject: campaign:   in this field: to:nora, subject:"your order"
    before:2026-11-25 after:2026-11-25T10:00   by time, UTC; `after` includes it
    -word, -to:nora            not this

Case, vowel marks and the forms of Arabic letters do not matter.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

FIELDS = ("to", "from", "subject", "campaign")
_TIMES = ("before", "after")
_SMALL = re.compile("[\u064b-\u065f\u0670\u0640]")  # vowel marks and the stretching tatweel
_ALIKE = str.maketrans("أإآٱىة", "اااايه")
_TERM = re.compile(r'(?P<no>[-!]?)(?:(?P<field>[a-zA-Z]+):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))')
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Text:
    """What is searched of one mail, folded: each field, and all of it; its time in ISO 8601."""

    fields: Mapping[str, str]
    all: str
    at: str


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `field` is one of `FIELDS`, `all`, `before` or `after`."""

    field: str
    value: str
    wanted: bool

    def holds(self, text: Text) -> bool:
        """Return whether a mail fulfils it."""
        if self.field == "before":
            found = text.at < self.value
        elif self.field == "after":
            found = text.at >= self.value
        elif self.field == _ALL:
            found = self.value in text.all
        else:
            found = self.value in text.fields.get(self.field, "")
        return found is self.wanted


def parse(query: str) -> tuple[Term, ...]:
    """Return the conditions of a search, all of which have to hold; a search is never wrong."""
    return tuple(term for found in _TERM.finditer(query) if (term := _term(found)) is not None)


def text(fields: Mapping[str, str], more: str, at: str) -> Text:
    """Return what is searched of a mail; `more` is searched, but is no field."""
    known = {name: folded(value) for name, value in fields.items()}
    return Text(known, "\n".join([*known.values(), folded(more)]), at)


def folded(given: str) -> str:
    """Return a text as it is compared: no case, no vowel marks, one form of each Arabic letter."""
    if given.isascii():
        return given.lower()
    return _SMALL.sub("", unicodedata.normalize("NFKC", given)).casefold().translate(_ALIKE)


def _term(found: re.Match[str]) -> Term | None:
    value = found["phrase"] if found["word"] is None else found["word"]
    field = found["field"] and found["field"].lower()
    if field in _TIMES:
        return Term(field, value.upper(), not found["no"])
    if field is not None and field not in FIELDS:
        field, value = None, f"{found['field']}:{value}"  # a time such as 10:30, or a link
    value = folded(value)
    return Term(field or _ALL, value, not found["no"]) if value else None
