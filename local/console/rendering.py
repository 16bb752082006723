"""A received mail as a document for a sandboxed frame: no scripts, nothing loaded from anywhere."""

import html
import re
from html.parser import HTMLParser

POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_MARKUP = re.compile(r"<(?:[a-zA-Z!?]|/[a-zA-Z])")
_LOADING = re.compile(r"</?(?:link|base|meta|i?frame|object|embed)\b[^>]*>", re.IGNORECASE)
_STYLE = """<style>
:root { color-scheme: light; }
body { font: 16px/1.6 system-ui, "Segoe UI", "Noto Sans Arabic", "Noto Naskh Arabic", Tahoma,
  sans-serif; margin: 1.25rem; overflow-wrap: anywhere; color: #1d2433; }
pre { font: inherit; white-space: pre-wrap; unicode-bidi: plaintext; margin: 0; }
img { max-width: 100%; }
</style>"""


def document(body: str) -> str:
    """Return the document of a mail's body.

    What leads elsewhere, or makes a browser connect before it asks the policy, is taken out; the
    policy does the rest. The direction is the mail's own or, without one, follows its text.
    """
    if not _MARKUP.search(body):
        body = f'<pre dir="auto">{html.escape(body)}</pre>'
    direction = _direction(body) or "auto"
    # A second <html> only adds what the first one lacks, so a whole document may follow.
    head = f'<!DOCTYPE html><html dir="{direction}"><meta charset="utf-8">{_STYLE}'
    return head + _LOADING.sub(" ", body)  # a space: what stood around must not become a tag


def _direction(body: str) -> str | None:
    """Return the direction that the mail's own <html> asks for."""
    found = _Root()
    found.feed(body[:4096])
    return found.direction


class _Root(HTMLParser):
    direction: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs).get("dir") or ""
        if tag == "html" and given.lower() in {"rtl", "ltr", "auto"}:
            self.direction = given.lower()
