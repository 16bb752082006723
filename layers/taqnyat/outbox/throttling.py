"""Recognizes AWS's throttling, and tries again for a while."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

_CODES: Final = frozenset(
    {
        "KmsThrottled",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Reasons of a canceled transaction, which the SDK never repeats.
_REASONS: Final = frozenset(
    {"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"}
)
_FIRST_WAIT: Final = 0.05
# A call of the API ends within 20 seconds, and needs what is left for the queue.
_PATIENCE_SECONDS: Final = 3.0
_LEAST_RETRY_AFTER, _MOST_RETRY_AFTER = 1, 5


def is_throttled(error: Exception) -> bool:
    """Return whether AWS refused a call because of its load: nothing was written.

    Another transaction on the same items counts as that.
    """
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code")
    if code != "TransactionCanceledException":
        return code in _CODES
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    found = {reason.get("Code", "None") for reason in reasons} - {"None"}
    return bool(found) and found <= _REASONS


def retry_after() -> int:
    """Return the seconds after which a caller may try again, not the same for all."""
    return round(random.uniform(_LEAST_RETRY_AFTER, _MOST_RETRY_AFTER))  # noqa: S311  spreads load


class PatientClient:
    """A client whose calls are made again while AWS throttles them, for three seconds each.

    The waits grow, and are spread: callers that were refused together do not come back together.
    """

    def __init__(self, client: object, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a method of botocore's client
        """Return the client's own method, made patient."""
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:  # noqa: ANN401  botocore's
            last, longest = self._clock() + _PATIENCE_SECONDS, _FIRST_WAIT
            while True:
                try:
                    return method(**arguments)
                except ClientError as error:
                    wait = random.uniform(longest / 2, longest)  # noqa: S311  spreads load
                    if not is_throttled(error) or self._clock() + wait > last:
                        raise
                time.sleep(wait)
                longest *= 2

        self.__dict__[name] = call
        return call
