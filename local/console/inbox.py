"""The mails that the simulator took: their index for the search, and the ledger's row of each."""

import hashlib
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.console import search
from local.console.search import Term, Text
from local.simulator.books import Books
from local.simulator.call import recipients

Mail = Mapping[str, Any]
Row = Mapping[str, Any]
_KINDS = ("html", "text")
_SHOWN = ("n", "at", "msg_id", "auth", "token", "content_type")
_TAG = re.compile(r"<[^>]*>")


def summary(mail: Mail, row: str | None) -> dict[str, Any]:
    """Return what the list shows of a mail; `row` is the id of its ledger row."""
    fields = mail["fields"]
    return {
        **{name: mail.get(name) for name in _SHOWN},
        "from": fields.get("from"),
        "to": list(recipients(fields.get("to"))),
        "subject": fields.get("subject"),
        "campaign": fields.get("campaignName"),
        "row": row,
    }


def has(mail: Mail, wanted: Mapping[str, str]) -> bool:
    """Return whether a mail is to an address, and its other fields have what is wanted in them."""
    shown = summary(mail, None)
    to = [address.lower() for address in shown["to"]]
    return all(
        text.lower() in to
        if name == "to"
        else search.folded(text) in search.folded(str(shown[name]))
        for name, text in wanted.items()
    )


class Inbox:
    """The simulator's inbox with what is searched of each mail, made when the mail comes."""

    def __init__(self, books: Books) -> None:
        """Take what is there, and then follow."""
        self._books = books
        self._lock = threading.Lock()
        self._texts: dict[int, Text] = {}
        self._names: dict[int, tuple[str, ...]] = {}  # what a row may know each mail by
        self._numbers: dict[str, set[int]] = {}
        self.mail = books.find
        books.observe(self._take)
        for mail in books.newest():
            self._add(mail)

    def find(self, terms: Iterable[Term], before: int | None = None) -> Iterator[Mail]:
        """Yield the mails that fulfil all terms, the newest first, older than a number."""
        terms = tuple(terms)
        with self._lock:
            texts = dict(self._texts)
        for mail in self._books.newest(before):
            text = texts.get(mail["n"])
            if not terms or (text is not None and all(term.holds(text) for term in terms)):
                yield mail

    def like(self, row: Row) -> list[Mail]:
        """Return the mails that may be the row's: they have its msgId, or what was sent."""
        names = (str(row.get("msg_id")), str(row.get("fingerprint")))
        with self._lock:
            numbers = sorted({number for name in names for number in self._numbers.get(name, ())})
        return [mail for number in numbers if (mail := self._books.find(number)) is not None]

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "mail":
            self._add(event)
        elif event["event"] == "removed":
            with self._lock:
                for number in event["numbers"]:
                    self._texts.pop(number, None)
                    for name in self._names.pop(number, ()):
                        self._numbers[name].discard(number)
                        if not self._numbers[name]:
                            del self._numbers[name]

    def _add(self, mail: Mail) -> None:
        fields = mail["fields"]
        named = {
            "to": str(fields.get("to", "")),
            "from": str(fields.get("from", "")),
            "subject": str(fields.get("subject", "")),
            "campaign": str(fields.get("campaignName", "")),
        }
        text = search.text(named, _TAG.sub(" ", str(fields.get("msg", ""))), mail["at"])
        names = (str(mail["msg_id"]), *(fingerprint(mail, kind) for kind in _KINDS))
        with self._lock:
            self._texts[mail["n"]] = text
            self._names[mail["n"]] = names
            for name in names:
                self._numbers.setdefault(name, set()).add(mail["n"])


class Links:
    """Which row a mail of the inbox belongs to: by msgId, else by what was sent.

    A mail whose answer never came has no msgId in its row, but the row has the fingerprint.
    """

    def __init__(self, rows: Mapping[str, Row] | None = None) -> None:
        """Index the rows, by id."""
        self._by_msg_id: dict[str, str] = {}
        self._by_print: dict[str, str] = {}
        for row_id, row in (rows or {}).items():
            self.add(row_id, row)

    def add(self, row_id: str, row: Row) -> None:
        """Index one more row, or what is new of one."""
        if row.get("msg_id"):
            self._by_msg_id[str(row["msg_id"])] = row_id
        if row.get("fingerprint") and (
            row["fingerprint"] not in self._by_print or not row.get("msg_id")
        ):
            self._by_print[row["fingerprint"]] = row_id

    def row_of(self, mail: Mail) -> str | None:
        """Return the id of the mail's row, None if there is none (yet)."""
        known = self._by_msg_id.get(str(mail["msg_id"]))
        if known is not None:
            return known
        prints = (fingerprint(mail, kind) for kind in _KINDS)
        return next((self._by_print[one] for one in prints if one in self._by_print), None)


def fingerprint(mail: Mail, kind: str) -> str:
    """Return what the ledger's row has of a mail with these fields; held by a test."""
    fields = mail["fields"]
    parts = [
        *(fields.get("from"), *recipients(fields.get("to")), "", fields.get("campaignName")),
        *(fields.get("subject"), kind, fields.get("msg")),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
