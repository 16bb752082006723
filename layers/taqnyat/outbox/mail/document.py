"""JSON as the API and the queue take it: strict, where Python's is lenient."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class DuplicateKeyError(ValueError):
    """An object has a key twice, so it is not clear which value is meant."""


def read_json(text: str) -> Any:  # noqa: ANN401
    """Read a JSON text.

    Raises:
        DuplicateKeyError: an object has a key twice.
        ValueError: it is not JSON; NaN and Infinity are not allowed.
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
