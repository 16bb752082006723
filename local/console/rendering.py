"""A received mail as a document for a sandboxed frame, as a file, and hints about it."""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from typing import Any

from local.simulator.call import recipients

POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_MARKUP = re.compile(r"<(?:[a-zA-Z!?]|/[a-zA-Z])")
_LOADING = re.compile(r"</?(?:link|base|meta|i?frame|object|embed)\b[^>]*>", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"]+")
_ARABIC = re.compile("[\u0621-\u064a]")
_HEAD = 4096  # letters in which <html> is looked for
_FEW_LETTERS = 10  # a name or two make no Arabic mail
_RTL_STYLE = re.compile(r"direction\s*:\s*rtl", re.IGNORECASE)
_LINES = re.compile(r"[\r\n]+")
_STYLE = """<style>
:root { color-scheme: light; }
body { font: 16px/1.6 system-ui, "Segoe UI", "Noto Sans Arabic", "Noto Naskh Arabic", Tahoma,
  sans-serif; margin: 1.25rem; overflow-wrap: anywhere; color: #1d2433; }
pre { font: inherit; white-space: pre-wrap; unicode-bidi: plaintext; margin: 0; }
img { max-width: 100%; }
</style>"""


def document(body: str) -> str:
    """Return the document of a mail's body: no scripts, nothing loaded from anywhere.

    What leads elsewhere, or makes a browser connect before it asks the policy, is taken out; the
    policy does the rest. The direction is the mail's own or, without one, follows its text.
    """
    if not _MARKUP.search(body):
        body = f'<pre dir="auto">{html.escape(body)}</pre>'
    direction = _Reader(body[:_HEAD]).direction
    # A second <html> only adds what the first one lacks, so a whole document may follow.
    head = f'<!DOCTYPE html><html dir="{direction}"><meta charset="utf-8">{_STYLE}'
    return head + _LOADING.sub(" ", body)  # a space: the text around it must not become a tag


def links(body: str) -> list[dict[str, str]]:
    """Return the links of a mail in order: each has `href` and `text`."""
    if not _MARKUP.search(body):
        return [{"href": href, "text": ""} for href in _URL.findall(body)]
    found = _Reader(body).links
    return [{"href": href, "text": " ".join(text.split())} for href, text in found]


def hints(body: str) -> list[str]:
    """Return what a mail in Arabic lacks."""
    if not _MARKUP.search(body) or len(_ARABIC.findall(body)) < _FEW_LETTERS:
        return []
    found = _Reader(body).attributes
    told = []
    if not found["dir"] & {"rtl", "auto"} and not _RTL_STYLE.search(body):
        told.append(
            'The text is Arabic, and nothing says dir="rtl": many programs will set it '
            "from left to right."
        )
    if not any(value.startswith("ar") for value in found["lang"]):
        told.append(
            'The text is Arabic, and nothing says lang="ar": a screen reader may read it '
            "with the wrong voice."
        )
    return told


def file(mail: Mapping[str, Any]) -> bytes:
    """Return a mail as a file for a mail program (.eml), made of what Taqnyat was given."""
    fields = mail["fields"]
    made = EmailMessage(SMTP.clone(raise_on_defect=False))
    made["Date"] = datetime.fromisoformat(mail["at"])
    made["Message-ID"] = f"<{mail['msg_id']}@taqnyat.invalid>"
    for name, value in (
        ("From", fields.get("from")),
        ("To", ", ".join(recipients(fields.get("to")))),
        ("Subject", fields.get("subject")),
    ):
        made[name] = _LINES.sub(" ", str(value or "")).encode("utf-8", "replace").decode()
    body = str(fields.get("msg", "")).encode("utf-8", "replace").decode()
    made.set_content(body, subtype="html" if _MARKUP.search(body) else "plain")
    return made.as_bytes()


class _Reader(HTMLParser):
    """Notes the links, every `dir` and `lang`, and the direction that <html> asks for."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.direction = "auto"
        self.links: list[tuple[str, str]] = []
        self.attributes: dict[str, set[str]] = {"dir": set(), "lang": set()}
        self._inside = False
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name, values in self.attributes.items():
            if name in given:
                values.add(given[name].lower())
        if tag == "html" and given.get("dir", "").lower() in {"rtl", "ltr"}:
            self.direction = given["dir"].lower()
        if tag == "a" and given.get("href"):
            self.links.append((given["href"], ""))
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            href, text = self.links[-1]
            self.links[-1] = (href, text + data)
