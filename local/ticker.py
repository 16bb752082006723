"""Stands in for AWS's clocks: does one thing, such as a status check, again and again."""

import json
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import LocalStackError


class Ticker:
    """A thread that does one thing at once and again after each pause, until it is stopped."""

    def __init__(
        self, do: Callable[[], object], pause: Callable[[], float], complain: Callable[[str], None]
    ) -> None:
        """`do` may raise botocore's errors and LocalStackError; `pause` returns seconds.

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
        """Wait for the thread, if it began; call this when the emulator is down."""
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            problem = ""
            try:
                self._do()
            except (BotoCoreError, ClientError, LocalStackError) as error:
                problem = str(error)
            if problem and problem != self._complaint and not self._stopping.is_set():
                self._complain(problem)
            self._complaint = problem
            self._stopping.wait(self._pause())


def invoke(functions: Any, name: str) -> None:  # noqa: ANN401 - a boto3 client
    """Invoke a function once.

    Raises:
        LocalStackError: it failed; botocore's errors as well.

    """
    answer = functions.invoke(FunctionName=name)
    if "FunctionError" in answer:
        said = json.load(answer["Payload"])
        raise LocalStackError(said.get("errorMessage") or "unknown error")
