"""Pictures for the documentation: horizontal bars as plain SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 720
_LEFT: Final = 190
_RIGHT: Final = 110
_BAR: Final = 26
_STEP: Final = 42
_TOP: Final = 56
_COLORS: Final = ("#1f6f8b", "#99a8b2", "#e07a5f", "#81b29a", "#f2cc8f", "#6d597a", "#b56576")
_TEXT: Final = "#1b2a33"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar; `low` and `high` are the quartiles, drawn as a whisker; ours stands out."""

    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    ours: bool = False


def bars(title: str, given: Sequence[Bar]) -> str:
    """Draw plain bars."""
    longest = max(bar.high or bar.value for bar in given)
    parts = []
    for index, bar in enumerate(given):
        top = _TOP + index * _STEP
        color = _COLORS[0] if bar.ours else _COLORS[1]
        parts.append(_label(bar.label, top))
        parts.append(_rectangle(_LEFT, top, _scaled(bar.value, longest), color))
        end = _LEFT + _scaled(bar.high or bar.value, longest)
        if bar.low is not None and bar.high is not None:
            middle = top + _BAR / 2
            start = _LEFT + _scaled(bar.low, longest)
            parts.append(
                f'<path d="M{start:.1f} {middle}H{end:.1f}M{start:.1f} {middle - 5}v10'
                f'M{end:.1f} {middle - 5}v10" stroke="{_TEXT}" fill="none"/>'
            )
        parts.append(_text(end + 8, top + 18, bar.text))
    return _picture(title, parts, _TOP + len(given) * _STEP)


def stacked(title: str, given: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Draw stacked bars: parts by name in each bar; a legend below, the sum behind each."""
    longest = max(sum(parts.values()) for parts in given.values())
    names = list(next(iter(given.values())))
    names = [name for name in names if any(parts[name] > longest / 500 for parts in given.values())]
    colors = dict(zip(names, _COLORS, strict=False))
    drawn = []
    for index, (label, values) in enumerate(given.items()):
        top = _TOP + index * _STEP
        drawn.append(_label(label, top))
        left = float(_LEFT)
        for name in names:
            width = _scaled(values[name], longest)
            drawn.append(_rectangle(left, top, width, colors[name]))
            left += width
        drawn.append(_text(left + 8, top + 18, f"{unit}{sum(values.values()):.2f}"))
    top = _TOP + len(given) * _STEP + 8
    for index, name in enumerate(names):
        left, row = _LEFT + index % 4 * 130, top + index // 4 * 24
        drawn.append(f'<rect x="{left}" y="{row}" width="12" height="12" fill="{colors[name]}"/>')
        drawn.append(_text(left + 18, row + 11, name))
    return _picture(title, drawn, top + 24 * (1 + (len(names) - 1) // 4))


def _scaled(value: float, longest: float) -> float:
    return (WIDTH - _LEFT - _RIGHT) * value / longest


def _label(text: str, top: float) -> str:
    return (
        f'<text x="{_LEFT - 10}" y="{top + 18}" text-anchor="end" fill="{_TEXT}">'
        f"{escape(text)}</text>"
    )


def _text(left: float, base: float, text: str) -> str:
    return f'<text x="{left:.1f}" y="{base}" fill="{_TEXT}">{escape(text)}</text>'


def _rectangle(left: float, top: float, width: float, color: str) -> str:
    return f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{color}"/>'


def _picture(title: str, parts: Sequence[str], bottom: float) -> str:
    height = int(bottom) + 16
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif" font-size="13">'
    )
    name = (
        f'<text x="16" y="30" font-size="16" font-weight="bold" fill="{_TEXT}">'
        f"{escape(title)}</text>"
    )
    paper = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", paper, name, *parts, "</svg>\n"])
