"""Stands in for AWS's clocks: does one thing, such as a status check, again and again."""

import json
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class Ticker:
    """A thread that does one thing at once and again after each pause, until it is stopped."""

    def __init__(
        self, do: Callable[[], str], pause: Callable[[], float], complain: Callable[[str], None]
    ) -> None:
        """`do` returns what went wrong, or nothing; `pause` the seconds until the next time.

        `complain` is told of what went wrong, once until it changes.
        """
        self._do = do
        self._pause = pause
        self._complain = complain
        self._complaint = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Do it no more; what is being done ends with the emulator."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the thread; call this when the emulator is down."""
        if self._thread.ident is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            problem = self._tried()
            if problem and problem != self._complaint and not self._stopping.is_set():
                self._complain(problem)
            self._complaint = problem
            self._stopping.wait(self._pause())

    def _tried(self) -> str:
        try:
            return self._do()
        except (BotoCoreError, ClientError) as error:
            return str(error)


def invoke(functions: Any, name: str) -> str:  # noqa: ANN401 - a boto3 client
    """Invoke a function once; return what went wrong, or nothing."""
    answer = functions.invoke(FunctionName=name)
    if "FunctionError" not in answer:
        return ""
    message: str = json.load(answer["Payload"]).get("errorMessage", "")
    return message or "unknown error"
