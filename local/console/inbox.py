"""The mails that the simulator took: searching them, and finding the ledger's row of each."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from local.simulator.call import recipients

Mail = Mapping[str, Any]
Row = Mapping[str, Any]
_KINDS = ("html", "text")
_SMALL = re.compile("[\u064b-\u065f\u0670\u0640]")  # vowel marks and the stretching tatweel
_ALIKE = str.maketrans("أإآٱىة", "اااايه")
_SHOWN = ("n", "at", "msg_id", "auth", "token", "content_type")


def summary(mail: Mail, row: str | None) -> dict[str, Any]:
    """Return what the list shows of a mail; `row` is the id of its ledger row."""
    fields = mail["fields"]
    return {
        **{name: mail.get(name) for name in _SHOWN},
        "from": fields.get("from"),
        "to": list(recipients(mail["fields"].get("to"))),
        "subject": fields.get("subject"),
        "campaign": fields.get("campaignName"),
        "row": row,
    }


def matches(mail: Mail, words: Iterable[str]) -> bool:
    """Tell whether every word is somewhere in the mail; words as `folded` gives them."""
    fields = mail["fields"]
    names = ("subject", "from", "to", "campaignName", "msg")
    text = folded(" ".join(str(fields.get(name, "")) for name in names))
    return all(word in text for word in words)


def folded(text: str) -> str:
    """Return a text as it is compared: no case, no vowel marks, one form of each Arabic letter."""
    return _SMALL.sub("", unicodedata.normalize("NFKC", text)).casefold().translate(_ALIKE)


class Links:
    """Which row a mail of the inbox belongs to: by msgId, else by what was sent.

    A mail whose answer never came has no msgId in its row, but the row has the fingerprint.
    """

    def __init__(self, rows: Mapping[str, Row]) -> None:
        """Index the rows, by id."""
        self._by_msg_id: dict[str, str] = {}
        self._by_print: dict[str, str] = {}
        for row_id, row in rows.items():
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
        *(
            fields.get("from"),
            *recipients(mail["fields"].get("to")),
            "",
            fields.get("campaignName"),
        ),
        *(fields.get("subject"), kind, fields.get("msg")),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
