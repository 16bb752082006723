"""API Gateway: what a function gets of a body, by the media types that the template calls binary.

As documented for a proxy integration: bytes of a binary type come in base64, all others as text,
in which what is not UTF-8 has become U+FFFD. A request without a content type counts as JSON.
"""

import base64
import re
from functools import cache
from pathlib import Path
from typing import Any

_TYPES = re.compile(r"^ +BinaryMediaTypes: \[(.*)\]$", re.MULTILINE)


def received(body: bytes | None, content_type: str = "application/json") -> dict[str, Any]:
    """Return the part of the event that holds the body."""
    if not body:
        return {"body": None, "isBase64Encoded": False}
    if {content_type, "*/*"} & _binary():
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body.decode(errors="replace"), "isBase64Encoded": False}


@cache
def _binary() -> frozenset[str]:
    template = (Path(__file__).parents[3] / "template.yaml").read_text("utf-8")
    written = [part for types in _TYPES.findall(template) for part in types.split(",")]
    return frozenset(part.strip(' "').replace("~1", "/") for part in written)
