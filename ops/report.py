"""A campaign's report: a line for each row, without addresses. It is made before the first mail."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from ops.errors import OpsError

_COLUMNS: Final = ("row", "id", "result", "state", "reason", "code", "msg_id", "price", "error")
_CELLS: Final = attrgetter(*_COLUMNS)
_HEADER: Final = ",".join(_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one row, without an address.

    `result` is accepted, before (accepted by an earlier run), changed (another text was accepted by
    an earlier run, for this key or address: not sent again), duplicate (the same mail to the same
    address as an earlier row), invalid, error (run it again), or not_begun (stopped before).
    """

    row: int
    id: str
    result: str
    state: str = ""
    reason: str = ""
    code: int | None = None
    msg_id: str = ""
    price: str = ""
    error: str = ""


class Report:
    """The file. Before anything is sent, an empty file is made next to the final one."""

    def __init__(self, path: Path, inputs: Iterable[Path]) -> None:
        """Make the file.

        Raises:
            OpsError: it cannot be written there, or another file would be overwritten.

        """
        self.path = path
        if not path.name:
            raise OpsError("--report is empty", "give it the name of a file")
        self._draft = path.with_name(f"{path.name}.tmp")
        for taken in inputs:
            if _same(path, taken) or _same(self._draft, taken):
                raise OpsError(
                    f"--report would overwrite {taken.name}", "give it a name of its own"
                )
        try:
            # A device such as /dev/null would be replaced by a file.
            if path.exists() and not (path.is_file() and _is_report(path)):
                raise OpsError(
                    f"{path.name} exists, and is not a report of a campaign",
                    "give --report another name",
                )
            self._draft.touch()
        except OSError as error:
            raise OpsError(
                f"the report cannot be written to {path}: {error.strerror}",
                "nothing was sent; give --report another place",
            ) from None

    def write(self, results: Iterable[Result]) -> None:
        """Write all results, or leave an earlier report as it is."""
        try:
            with self._draft.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(_COLUMNS)
                writer.writerows(map(_CELLS, results))
            self._draft.replace(self.path)
        except OSError as error:
            raise OpsError(
                f"the report could not be written: {error.strerror}",
                "run the campaign again: nothing is sent twice, and the report is made then",
            ) from None

    def leave(self) -> None:
        """Remove the prepared file if it is not needed."""
        self._draft.unlink(missing_ok=True)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return path.resolve() == other.resolve()


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(len(_HEADER) + 1)
    return not begin or begin.startswith(_HEADER.encode())
