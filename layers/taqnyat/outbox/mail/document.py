"""JSON as the API and the queue take it: strict, where Python's is lenient."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class DuplicateKeyError(ValueError):
    """An object has a key twice; which value was meant cannot be told."""


def read_json(text: str) -> Any:  # noqa: ANN401
    """Read a JSON text.

    Raises:
        DuplicateKeyError: an object has a key twice.
        ValueError: it is no JSON; NaN and Infinity are none.
        RecursionError: it is nested too deeply.

    """
    return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DuplicateKeyError
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
