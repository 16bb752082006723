"""The books at the end: every accepted mail has one outcome, and Taqnyat's side agrees."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.console.inbox import Links

OUTCOMES = ("sent", "failed", "unknown", "canceled", "queued", "sending", "scheduled")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Books:
    """`accepted` are the mails that callers got 200 for; `states` are their states in the ledger.

    `wrong` names each thing that does not agree, in words.
    """

    accepted: int
    states: Mapping[str, int]
    taken: int
    resent: int
    wrong: tuple[str, ...]

    @property
    def line(self) -> str:
        """The sum, with the states that are not empty, and always those of the promise."""
        always = {"sent", "failed", "unknown", "queued"}
        parts = [
            f"{self.states.get(state, 0)} {state}"
            for state in OUTCOMES
            if state in always or self.states.get(state)
        ]
        return f"{self.accepted} accepted = {' + '.join(parts)}"


def close(
    accepted: Iterable[str], rows: Mapping[str, Row], inbox: Iterable[Mapping[str, Any]]
) -> Books:
    """Compare the accepted ids, the ledger's rows and Taqnyat's inbox."""
    ids = set(accepted)
    states = {state: sum(row["state"] == state for row in rows.values()) for state in OUTCOMES}
    links = Links(rows)
    owners = [links.row_of(mail) for mail in inbox]
    taken = Counter(owner for owner in owners if owner is not None)
    wrong = [f"{mail} was accepted, and the ledger does not know it" for mail in ids - rows.keys()]
    wrong += [f"{mail} is in the ledger, and nobody sent it" for mail in rows.keys() - ids]
    if None in owners:
        wrong.append("Taqnyat has a mail that the ledger does not know")
    if sum(states.values()) != len(ids):
        wrong.append("the states do not add up to what was accepted")
    for mail, row in rows.items():
        times, may = taken[mail], 1 + row.get("resends", 0)
        if row["state"] == "sent" and not times:
            wrong.append(f"{mail} is sent, and Taqnyat does not have it")
        if row["state"] in {"failed", "canceled", "scheduled"} and times:
            wrong.append(f"{mail} is {row['state']}, and Taqnyat has it")
        if times > may:
            wrong.append(f"Taqnyat has {mail} {times} times, and the record has {may}")
    resent = sum(bool(row.get("resends")) for row in rows.values())
    return Books(len(ids), states, taken.total(), resent, tuple(sorted(wrong)))
