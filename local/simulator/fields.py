"""Reading of the JSON that steers the simulator: every mistake is answered with its field."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]
MISSING: Any = object()


class FieldError(ValueError):
    """A field of a steering call is wrong; carries its path, such as `rules[0].answer`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


def obj(value: object, field: str, known: Collection[str]) -> Json:
    """Return a JSON object that has no other keys than the known ones."""
    if not isinstance(value, dict):
        raise FieldError(field, "must be a JSON object")
    prefix = "" if field == "body" else f"{field}."
    for key in value:
        if key not in known:
            raise FieldError(f"{prefix}{key}", f"is unknown; known are {', '.join(sorted(known))}")
    return value


def flag(value: object, field: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise FieldError(field, "must be true or false")
    return value


def text(value: object, field: str) -> str:
    """Return a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise FieldError(field, "must be a string that is not empty")
    return value


def integer(value: object, field: str, low: int, high: int) -> int:
    """Return a whole number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FieldError(field, f"must be a whole number from {low} to {high}")
    return value


def seconds(value: object, field: str) -> float:
    """Return a duration in seconds, at most an hour."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:  # noqa: PLR2004
        raise FieldError(field, "must be a number of seconds from 0 to 3600")
    return float(value)


def amount(value: object, field: str) -> Decimal:
    """Return an amount of money, zero or more, given as a number or as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FieldError(field, "must be a number")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise FieldError(field, "must be a number") from None
    if not number.is_finite() or not 0 <= number <= 10**12:
        raise FieldError(field, "must be a number from 0 to 10^12")
    return number
