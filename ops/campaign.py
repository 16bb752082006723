"""A campaign: one mail for each row of a CSV file, each row at most once however often it is run.

A row's mail has an id that is derived from the campaign's name and the row: its key column, or all
that the row holds and how many rows before it hold the same. So rows may be added and moved between
two runs; the ledger tells which of them were accepted before. A changed row is another row, unless
a key column says which one it is; what was accepted before is never sent again.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
from outbox.accepting.submission import mail_id
from outbox.mail.mail import Mail

from ops import sending
from ops.errors import OpsError
from ops.stack import Stack

_TO: Final = "to"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file: its number as a spreadsheet shows it, its values, its mail's id."""

    number: int
    values: dict[str, str]
    id: str


class Letterhead:
    """Subject and body as Jinja2 templates; every column is a variable, and a typo is an error."""

    def __init__(self, template: Path, sender: str, subject: str, campaign: str) -> None:
        """Read the template: HTML with escaped values, or plain text if its name ends in .txt.

        Raises:
            OpsError: a template cannot be read.

        """
        self._kind = "text" if template.suffix.lower() == ".txt" else "html"
        self._sender = sender
        self._campaign = campaign
        try:
            body = template.read_text("utf-8-sig")
            self._body = _environment(escape=self._kind == "html").from_string(body)
            self._subject = _environment(escape=False).from_string(subject)
        except (OSError, UnicodeDecodeError) as error:
            raise OpsError(f"the template cannot be read: {type(error).__name__}") from None
        except jinja2.TemplateError as error:
            raise OpsError(f"the template is not valid: {error}") from None

    def fields(self, line: Line) -> dict[str, Any]:
        """Return the API's fields of a row's mail.

        Raises:
            OpsError: a template asks for a column that there is not.

        """
        try:
            return {
                "from": self._sender,
                "to": line.values[_TO].strip(),
                "subject": self._subject.render(line.values),
                self._kind: self._body.render(line.values),
                "campaign_name": self._campaign,
            }
        except jinja2.TemplateError as error:
            raise OpsError(f"the template fails: {error}") from None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is sent to whom."""

    name: str
    file: Path
    letterhead: Letterhead
    key: str | None = None

    def lines(self) -> Iterator[Line]:
        """Yield the file's rows in order.

        Raises:
            OpsError: the file cannot be read, lacks a column, or repeats a key.

        """
        seen: Counter[str] = Counter()
        for number, values in read_rows(self.file, [_TO, *([self.key] if self.key else [])]):
            content = values[self.key] if self.key else json.dumps(values, sort_keys=True)
            seen[content] += 1
            if self.key and seen[content] > 1:
                raise OpsError(f"row {number} repeats the value of an earlier row in `{self.key}`")
            identity = hashlib.sha256(content.encode()).hexdigest()
            yield Line(
                number,
                values,
                mail_id(f"campaign:{self.name}", identity, seen[content] - 1),
            )

    def mail(self, stack: Stack, line: Line) -> Mail:
        """Make a row's mail.

        Raises:
            OpsError: it is not valid.

        """
        return sending.read(stack, self.letterhead.fields(line), line.id)


def read_rows(file: Path, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row number, values by column); the header is row 1, and empty rows are passed over.

    Raises:
        OpsError: the file cannot be read as CSV in UTF-8, or a required column is missing.

    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            lines.seek(0)
            reader = csv.DictReader(lines, delimiter=_delimiter(header), strict=True)
            columns = reader.fieldnames or []
            for name in required:
                if name not in columns:
                    raise OpsError(f"{file.name} has no column `{name}`")
            if len(set(columns)) < len(columns):
                raise OpsError(f"{file.name} has two columns of one name")
            for values in reader:
                if None in values or None in values.values():
                    raise OpsError(
                        f"row {reader.line_num} of {file.name} has not as many cells as the header"
                    )
                yield reader.line_num, values
    except OSError as error:
        raise OpsError(f"{file.name} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise OpsError(
            f"{file.name} is not CSV in UTF-8", "save it as `CSV UTF-8` in the spreadsheet"
        ) from None


def _delimiter(header: str) -> str:
    # Spreadsheets write semicolons where a comma is the decimal sign.
    return max(",;\t", key=header.count)


def _environment(*, escape: bool) -> jinja2.Environment:
    return jinja2.Environment(
        # Off for text and subjects, which are not HTML.
        autoescape=jinja2.select_autoescape(default_for_string=escape),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
