"""Ctrl-C asks for a safe stop; a second Ctrl-C stops at once. SIGTERM is like Ctrl-C."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STOPPED: Final = 130  # the exit code after Ctrl-C
_SECONDS: Final = 0.5  # of the second that a stop may take


class Stop:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._thinking = False
        self._asked_at = 0.0

    @property
    def asked(self) -> bool:
        """Whether a stop was requested."""
        return self._event.is_set()

    @property
    def seconds_left(self) -> float:
        """How long what is being done may still take, once a stop was requested."""
        return max(0.0, self._asked_at + _SECONDS - time.monotonic())

    def ask(self) -> None:
        """Request a stop; a second request, or one during a question, is a KeyboardInterrupt."""
        if self.asked or self._thinking:
            raise KeyboardInterrupt
        self._asked_at = time.monotonic()
        self._event.set()

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """While a person is asked something, Ctrl-C ends it at once."""
        self._thinking = True
        try:
            yield
        finally:
            self._thinking = False

    def wait(self, seconds: float) -> bool:
        """Wait, unless a stop is requested; return whether one was."""
        return self._event.wait(seconds)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Yield an object that knows whether Ctrl-C was pressed; a second one interrupts."""
    stop = Stop()

    def on_signal(_number: int, _frame: object) -> None:
        stop.ask()

    if threading.current_thread() is not threading.main_thread():
        yield stop  # Python gives signals to the main thread only
        return
    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
