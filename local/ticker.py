"""Stands in for the schedule: invokes the status check every few seconds instead of each minute."""

import json
import threading
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import Emulator


class Ticker:
    """A thread that invokes one function, again and again, until it is stopped."""

    def __init__(self, seconds: float, complain: Callable[[str], None]) -> None:
        """Do nothing before `start`. `complain` is told of an error, once until it changes."""
        self._seconds = seconds
        self._complain = complain
        self._complaint = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, emulator: Emulator, function: str) -> None:
        """Invoke at once, then after every `seconds`."""
        self._thread = threading.Thread(target=self._run, args=(emulator, function), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Invoke no more; a running invocation ends with the emulator."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the thread; call this when the emulator is down."""
        if self._thread is not None:
            self._thread.join(5)

    def _run(self, emulator: Emulator, function: str) -> None:
        while not self._stopping.is_set():
            problem = _tick(emulator, function)
            if problem and problem != self._complaint and not self._stopping.is_set():
                self._complain(problem)
            self._complaint = problem
            self._stopping.wait(self._seconds)


def _tick(emulator: Emulator, function: str) -> str:
    """Invoke once; return what went wrong, or nothing."""
    try:
        answer = emulator.client("lambda").invoke(FunctionName=function)
    except (BotoCoreError, ClientError) as error:
        return str(error)
    if "FunctionError" not in answer:
        return ""
    message: str = json.load(answer["Payload"]).get("errorMessage", "")
    return message or "unknown error"
