"""Right to left: finds such text, and sends plain text in its direction.

Taqnyat carries one body, which is HTML. A plain text with Arabic or Hebrew letters is sent as HTML
that keeps the lines and states the direction of each. Otherwise mail readers begin at the left.
"""

import html
import re
import unicodedata
from typing import Final

_LETTERS: Final = frozenset({"R", "AL", "L"})
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")
_SAYS_SO: Final = re.compile(r"\bdir\s*=|\bdirection\s*:\s*rtl", re.IGNORECASE)


def has_right_to_left(text: str) -> bool:
    """Return whether a text has letters that are written from right to left."""
    return _RIGHT_TO_LEFT.search(text) is not None


def says_direction(page: str) -> bool:
    """Return whether an HTML text states its direction."""
    return _SAYS_SO.search(page) is not None


def as_html(text: str) -> str:
    """Return a plain text as HTML: its lines, each with the direction of its first letter."""
    lines, direction = [], "rtl"
    for line in text.splitlines():
        direction = _direction(line) or direction
        lines.append(f'<div dir="{direction}">{html.escape(line, quote=False) or "<br>"}</div>')
    return f'<div style="white-space:pre-wrap">{"".join(lines)}</div>'


def _direction(line: str) -> str | None:
    first = next(filter(_LETTERS.__contains__, map(unicodedata.bidirectional, line)), None)
    return None if first is None else ("ltr" if first == "L" else "rtl")
