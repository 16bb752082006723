"""A spreadsheet's rows, read once, so that later changes to the file have no effect.

Rows are numbered as the spreadsheet shows them: a cell of two lines belongs to one row, an empty
row counts, and the line that names the separator does not.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.decoding import MAX_BYTES, decode
from ops.errors import OpsError

TO: Final = "to"
MAX_CELL: Final = 1024 * 1024  # no mail holds more

# Invisible characters that are copied with an address: spaces of all kinds, marks of direction,
# byte order marks.
UNSEEN: Final = (
    " \t\r\n\u00a0\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2000\u2001\u2002\u2003"
    "\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f"
    "\u205f\u2060\u2066\u2067\u2068\u2069\u3000\ufeff"
)
_ADDRESS_COLUMNS: Final = frozenset(
    {
        "e-mail",
        "email",
        "mail",
        "e-mail address",
        "email address",
        "mail address",
        "recipient",
        "البريد الإلكتروني",
        "البريد الالكتروني",
        "البريد",
        "الإيميل",
        "الايميل",
        "ايميل",
        "بريد إلكتروني",
    }
)
_SEPARATORS: Final = ",;\t|"
_SEPARATOR_LINE: Final = re.compile(
    r'"?sep=(?P<separator>[^\r\n])"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE
)
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: its number as a spreadsheet shows it, its values by column, its address.

    `raw` are the cells of the columns as they stand, for the ids that version 0.1.0 made.
    """

    number: int
    values: dict[str, str]
    to: str
    raw: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows. `faults` are rows that cannot be used: their numbers, and what is wrong."""

    name: str
    columns: tuple[str, ...]
    raw_columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    faults: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    raw: tuple[str, ...]
    names: tuple[str, ...]  # without invisible characters; empty for a column without a name
    to: int


def read(file: Path, encoding: str | None = None) -> Sheet:
    """Read a whole CSV file.

    Raises:
        OpsError: it cannot be read as a sheet of mails; the sentence names the row or column.

    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise OpsError(f"{file.name} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise OpsError(f"{file.name} is larger than {MAX_BYTES >> 20} MiB", "split it")
    return parse(decode(data, file.name, encoding), file.name)


def parse(text: str, name: str) -> Sheet:
    """Read the text of a sheet.

    Raises:
        OpsError: it is not a sheet of mails.

    """
    separator, text = _separator(text)
    lines = _lines(text, separator, name)
    cells = next((cells for _, cells in lines if any(cell.strip(UNSEEN) for cell in cells)), [])
    if not cells:
        raise OpsError(f"{name} is empty", "its first row names the columns, one of them `to`")
    header = _header(cells, name)
    rows: list[SheetRow] = []
    faults: list[tuple[int, str]] = []
    unnamed = 0
    for number, cells in lines:
        if not any(cell.strip(UNSEEN) for cell in cells):
            continue
        if fault := _miscounted(header, cells):
            faults.append((number, fault))
            continue
        found = [(key, cell) for key, cell in zip(header.names, cells, strict=False) if key]
        unnamed += any(
            cell.strip(UNSEEN) for key, cell in zip(header.names, cells, strict=False) if not key
        )
        values = dict(found)
        to = cells[header.to].strip(UNSEEN)
        values[TO] = to
        rows.append(SheetRow(number, values, to, tuple(cells[: len(header.raw)])))
    notes = [f"{unnamed} row(s) have a value in a column without a name; it is ignored"]
    return Sheet(
        name=name,
        columns=tuple(dict.fromkeys((*filter(None, header.names), TO))),
        raw_columns=header.raw,
        rows=tuple(rows),
        faults=tuple(faults),
        notes=tuple(notes if unnamed else ()),
    )


def column(sheet: Sheet, name: str) -> str:
    """Return a column by its name, in upper or lower case.

    Raises:
        OpsError: the sheet has no such column.

    """
    wanted = name.strip(UNSEEN).casefold()
    for found in sheet.columns:
        if found.casefold() == wanted:
            return found
    raise OpsError(f"{sheet.name} has no column `{name}`", did_you_mean(name, sheet.columns))


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return which of the known names was meant, or all of them."""
    by_case = {entry.casefold(): entry for entry in known}
    close = difflib.get_close_matches(name.casefold(), by_case, n=1)
    if close:
        return f"did you mean `{by_case[close[0]]}`?"
    return f"it has: {', '.join(known)}"


def _separator(text: str) -> tuple[str, str]:
    """Return the separator, and the text without the line `sep=`, which Excel hides."""
    if found := _SEPARATOR_LINE.match(text):
        return found["separator"], text[found.end() :]
    # Spreadsheets write semicolons where a comma is the decimal sign.
    header = _QUOTED.sub("", text[:MAX_CELL].lstrip("\r\n")).splitlines()[:1]
    return max(_SEPARATORS, key=(header or [""])[0].count), text


def _lines(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(MAX_CELL)
    number = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for number, cells in enumerate(reader, 1):
            yield number, cells
    except csv.Error as error:
        raise _explained(error, number + 1, name) from None


def _explained(error: csv.Error, number: int, name: str) -> OpsError:
    said = str(error)
    if "field larger" in said:
        return OpsError(
            f"row {number} of {name} has a cell longer than {MAX_CELL:,} characters",
            'mostly a quotation mark (") that is not closed; close it or remove it',
        )
    if "unexpected end" in said:
        return OpsError(
            f'row {number} of {name} has a quotation mark (") that is never closed',
            "close it or remove it",
        )
    return OpsError(
        f'row {number} of {name} has a quotation mark (") within a quoted cell',
        'write it twice ("5"" screen"), or remove it; a spreadsheet does so when it saves CSV',
    )


def _header(cells: Sequence[str], name: str) -> _Header:
    raw = tuple(cells)
    names = [cell.strip(UNSEEN) for cell in raw]
    folded = [key.casefold() for key in names]
    for key in folded:
        if key and folded.count(key) > 1:
            raise OpsError(f"{name} has two columns of one name: `{names[folded.index(key)]}`")
    found = [index for index, key in enumerate(folded) if key == TO] or [
        index for index, key in enumerate(folded) if key in _ADDRESS_COLUMNS
    ]
    if not found:
        columns = tuple(filter(None, names))
        raise OpsError(
            f"{name} has no column `to`",
            f"name the column of the addresses so; {did_you_mean(TO, columns)}"
            if columns
            else "its first row names the columns",
        )
    if len(found) > 1:
        several = " and ".join(f"`{names[index]}`" for index in found)
        raise OpsError(f"{name} has several columns of addresses: {several}", "call one `to`")
    return _Header(raw, tuple(names), found[0])


def _miscounted(header: _Header, cells: Sequence[str]) -> str:
    if any(cell.strip(UNSEEN) for cell in cells[len(header.raw) :]):
        return "has more cells than the header: put a value that holds the separator in quotes"
    missing = [key for key in header.names[len(cells) :] if key]
    if missing or len(cells) <= header.to:
        return f"has {len(cells)} cells, the header has {len(header.raw)}"
    return ""
