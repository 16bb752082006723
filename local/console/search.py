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
_ALL = "all"
_SMALL = re.compile("[\u064b-\u065f\u0670\u0640]")  # vowel marks and the stretching tatweel
_ALIKE = str.maketrans("أإآٱىة", "اااايه")
# What looks like another field is a word: a time such as 10:30, or a link.
_TERM = re.compile(
    rf'([-!]?)(?:({"|".join((*FIELDS, *_TIMES))}):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE
)
# What is searched of one mail, folded: each field, and `all` of it; `at` is its time in ISO 8601.
Text = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `field` is one of a text's, `before` or `after`."""

    field: str
    value: str
    wanted: bool = True

    def holds(self, text: Text) -> bool:
        """Return whether a mail fulfils it."""
        if self.field in _TIMES:
            found = (text["at"] < self.value) is (self.field == "before")
        else:
            found = self.value in text.get(self.field, "")
        return found is self.wanted


def parse(query: str) -> list[Term]:
    """Return the conditions of a search, all of which have to hold; a search is never wrong."""
    terms = []
    for no, field, phrase, word in _TERM.findall(query):
        name, value = field.lower() or _ALL, phrase or word
        value = value.upper() if name in _TIMES else folded(value)
        if value or name in _TIMES:
            terms.append(Term(name, value, not no))
    return terms


def text(fields: Mapping[str, str], more: str, at: str) -> Text:
    """Return what is searched of a mail; `more` is searched, but is no field."""
    known = {name: folded(value) for name, value in fields.items()}
    return {**known, _ALL: "\n".join([*known.values(), folded(more)]), "at": at}


def folded(given: str) -> str:
    """Return a text as it is compared: no case, no vowel marks, one form of each Arabic letter."""
    if given.isascii():
        return given.lower()
    return _SMALL.sub("", unicodedata.normalize("NFKC", given)).casefold().translate(_ALIKE)
