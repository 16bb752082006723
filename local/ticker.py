"""Stands in for the schedule: invokes the status check every few seconds instead of each minute."""

import threading
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import Emulator


class Ticker:
    """A thread that invokes one function, again and again, until it is stopped."""

    def __init__(self, emulator: Emulator, function: str, seconds: float) -> None:
        """Do nothing before `start`."""
        self._emulator = emulator
        self._function = function
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status-check", daemon=True)

    def start(self) -> None:
        """Invoke at once, then after every `seconds`."""
        self._thread.start()

    def stop(self) -> None:
        """Invoke no more; a running invocation ends with the emulator."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the thread; call this when the emulator is down."""
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(BotoCoreError, ClientError):  # as for the schedule: the next is near
                self._emulator.client("lambda").invoke(FunctionName=self._function)
            self._stopping.wait(self._seconds)
