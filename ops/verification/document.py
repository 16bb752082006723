"""The report: a file by allow-list, which a bug report can carry and the simulator can start from.

It has the status, code, names of fields, types and lengths of each answer, and what the person saw
in the mailbox as yes or no. No text, address, host, id or token. It is written after each call.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ops.errors import OpsError
from ops.verification.calls import CALLS
from ops.verification.mailbox import KEYS
from ops.verification.seen import Seen
from ops.verification.shape import Field, Form, Kind, Shape
from ops.version import VERSION

MADE_BY: Final = "taqnyat-mail verify"
FORMAT: Final = 1
# How a run ended.
RUNNING: Final = "running"  # it was killed, if this stays
COMPLETE: Final = "complete"
HARMLESS: Final = "harmless_only"
DECLINED: Final = "declined"
STOPPED: Final = "stopped"
TROUBLE: Final = "trouble"
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a report holds. `mailbox` has an answer for each key that was asked, None: not known."""

    allowed: int
    made: int
    ended: str
    seen: Sequence[Seen]
    mailbox: Mapping[str, bool | None]
    version: str = VERSION
    on: str = ""

    def answered(self, mailbox: Mapping[str, bool | None]) -> "Document":
        """Return it with answers about the mailbox."""
        return replace(self, mailbox=mailbox)

    def summary(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "made_by": MADE_BY,
            "format": FORMAT,
            "version": self.version,
            "on": self.on or datetime.now(UTC).strftime("%Y-%m-%d"),
            "calls_that_could_send": {"allowed": self.allowed, "made": self.made},
            "ended": self.ended,
            "calls": [one.summary() for one in self.seen],
            "mailbox": dict(self.mailbox),
        }


class ReportFile:
    """The file. That it can be written is known before the first call."""

    def __init__(self, path: Path) -> None:
        """Make it ready.

        Raises:
            OpsError: it cannot be written there, or something else would be written over.

        """
        self.path = path
        self._draft = path.with_name(f"{path.name}.tmp")
        try:
            if path.exists() and not _is_report(path):
                raise OpsError(
                    f"{path.name} is there already, and is no report of `verify`",
                    "give --report another name",
                )
            self._draft.touch()
        except OSError as error:
            raise OpsError(
                f"the report cannot be written there: {error.strerror}",
                "nothing was asked; give --report another place",
            ) from None

    def write(self, document: Document) -> None:
        """Write it whole, or leave the one before as it is.

        Raises:
            OpsError: it cannot be written any more.

        """
        text = json.dumps(document.summary(), indent=1, ensure_ascii=True)
        try:
            self._draft.write_text(f"{text}\n", "utf-8")
            self._draft.replace(self.path)
        except OSError as error:
            raise OpsError(
                f"the report could not be written: {error.strerror}",
                "look at the disk; what was sent is in your mailbox",
            ) from None

    def leave(self) -> None:
        """Take away what was made ready and is not needed."""
        self._draft.unlink(missing_ok=True)


def load(path: Path) -> Document:
    """Read a report.

    Raises:
        OpsError: it is none, or of another version.

    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError  # noqa: TRY301  the same as what is no report
        given = json.loads(path.read_text("utf-8"))
        if (given["made_by"], given["format"]) != (MADE_BY, FORMAT):
            raise ValueError  # noqa: TRY301
        counted = given["calls_that_could_send"]
        return Document(
            allowed=int(counted["allowed"]),
            made=int(counted["made"]),
            ended=str(given["ended"]),
            seen=[_seen(entry) for entry in given["calls"]],
            mailbox={key: given["mailbox"][key] for key in given["mailbox"] if key in KEYS},
            version=str(given["version"]),
            on=str(given["on"]),
        )
    except OSError as error:
        raise OpsError(f"the report cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise OpsError(
            "this is no report of `verify`, or one of another version", "run `verify` again"
        ) from None


def _seen(entry: dict[str, Any]) -> Seen:
    body = entry["body"]
    fields = [Field(line["name"], Kind(line["type"]), line["length"]) for line in body["fields"]]
    known = ("could_send", "encoding", "named", "status", "fault", "result", "code")
    more = ("verdict", "scope", "reason")
    CALLS[entry["call"]]
    return Seen(
        call=entry["call"],
        shape=Shape(Form(body["form"]), body["bytes"], tuple(fields)),
        **{name: entry[name] for name in (*known, *more)},
    )


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(200)
    return not begin or (b'"made_by"' in begin and MADE_BY.encode() in begin)
