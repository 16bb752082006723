"""The simulator's memory: the accepted mails and the calls, in order, up to a limit."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from local.simulator.call import recipients

Observer = Callable[[Mapping[str, Any]], None]
_MAX_MAILS = 20_000
_MAX_BYTES = 256 << 20
_MAX_CALLS = 2_000


class Books:
    """Inbox and calls; safe to use from many threads. Observers get every entry."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        self._observers: list[Observer] = []
        # By number, the oldest first.
        self._mails: OrderedDict[int, Mapping[str, Any]] = OrderedDict()
        self._bytes = 0
        self._accepted = 0
        self._dropped = 0
        self._calls: deque[Mapping[str, Any]] = deque(maxlen=_MAX_CALLS)
        self._counts: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._balance_auth: Counter[str] = Counter()
        self._running = 0
        self._most_running = 0

    def observe(self, observer: Observer) -> None:
        """Call this with each event `{"event": name, ...}`: mail, call, script, account, removed.

        It is called on the thread of the call that caused the event, so it must not block.
        """
        self._observers.append(observer)

    def tell(self, event: str, entry: Mapping[str, Any]) -> None:
        """Notify the observers."""
        for observer in self._observers:
            observer({"event": event, **entry})

    def add_mail(self, entry: Mapping[str, Any]) -> None:
        """Add an accepted mail to the inbox; the oldest is removed when it is full."""
        with self._lock:
            self._accepted += 1
            mail = {**entry, "n": self._accepted}
            self._mails[self._accepted] = mail
            self._bytes += _size(mail)
            gone: list[int] = []
            while len(self._mails) > _MAX_MAILS or self._bytes > _MAX_BYTES:
                number, dropped = self._mails.popitem(last=False)
                gone.append(number)
                self._bytes -= _size(dropped)
            self._dropped += len(gone)
        self.tell("mail", mail)
        if gone:
            self.tell("removed", {"numbers": gone})

    def newest(self, before: int | None = None) -> list[Mapping[str, Any]]:
        """Return the mails, the newest first; with `before`, those with a lower number."""
        with self._lock:
            mails = list(reversed(self._mails.values()))
        return mails if before is None else [mail for mail in mails if mail["n"] < before]

    def find(self, number: int) -> Mapping[str, Any] | None:
        """Return the mail with this number."""
        with self._lock:
            return self._mails.get(number)

    def remove(self, numbers: Iterable[int]) -> int:
        """Remove mails from the inbox; return how many."""
        with self._lock:
            gone = [number for number in numbers if number in self._mails]
            for number in gone:
                self._bytes -= _size(self._mails.pop(number))
        self.tell("removed", {"numbers": gone})
        return len(gone)

    def restore(self, inbox: Mapping[str, Any]) -> None:
        """Restore an inbox that `inbox` returned."""
        for mail in inbox["mails"]:
            self._accepted = mail["n"] - 1
            self.add_mail(mail)
        self._accepted, self._dropped = inbox["accepted"], inbox["dropped"]

    @property
    def counts(self) -> dict[str, int]:
        """How many mails were accepted in all, and how many are kept."""
        with self._lock:
            return {"accepted": self._accepted, "kept": len(self._mails)}

    def inbox(self, *, to: str | None = None, after: int = 0, limit: int | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return the accepted mails in order: of one recipient, after a number, at most so many."""
        with self._lock:
            fit = [
                mail
                for mail in self._mails.values()
                if mail["n"] > after and (to is None or to in recipients(mail["fields"].get("to")))
            ]
            return {
                "mails": fit if limit is None else fit[:limit],
                "accepted": self._accepted,
                "dropped": self._dropped,
            }

    def clear(self) -> None:
        """Empty the inbox and the list of calls; numbers go on, so that none is seen twice."""
        with self._lock:
            gone = list(self._mails)
            self._mails.clear()
            self._bytes = 0
            self._calls.clear()
            self._counts.clear()
            self._answers.clear()
            self._balance_auth.clear()
            self._most_running = self._running
        self.tell("removed", {"numbers": gone})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count a call while it is being answered."""
        with self._lock:
            self._running += 1
            self._most_running = max(self._most_running, self._running)
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def add_call(self, target: str, entry: Mapping[str, Any]) -> None:
        """Note a call of mailSend.php, /system/status or /account/balance, its answer settled."""
        with self._lock:
            self._counts[target] += 1
            if target == "mail":
                self._counts["accepted" if entry["accepted"] else "refused"] += 1
                self._answers[entry["answer"]] += 1
                self._calls.append(entry)
            elif target == "balance":
                self._balance_auth[entry["auth"]] += 1
        self.tell("call", {"target": target, **entry})

    def calls(self) -> dict[str, Any]:
        """Return the last calls of mailSend.php and the counts since the books were cleared.

        `balance_calls` are counted by where their token was.
        """
        with self._lock:
            return {
                "total": self._counts["mail"],
                "accepted": self._counts["accepted"],
                "refused": self._counts["refused"],
                "status_calls": self._counts["status"],
                "balance_calls": dict(self._balance_auth),
                "by_answer": dict(self._answers),
                "running": self._running,
                "most_running": self._most_running,
                "calls": list(self._calls),
            }


def _size(mail: Mapping[str, Any]) -> int:
    return sum(len(str(value).encode("utf-8", "replace")) for value in mail["fields"].values())


def now() -> str:
    """Return the time as ISO 8601 with milliseconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
