"""Recognizes the failures of AWS that pass, and tries again for a while."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

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
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 4.0
_SERVER_FAULT: Final = 500
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


def throttled(operation: str) -> ClientError:
    """Return the error of a call that did a part at most, again and again: AWS raises none."""
    code = "ProvisionedThroughputExceededException"
    return ClientError({"Error": {"Code": code}}, operation)


def passes(error: Exception) -> bool:
    """Return whether the same call may succeed a moment later; it may have had its effect."""
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_FAULT or is_throttled(error)


def soon_or_unsure(until: float, clock: Callable[[], float]) -> Callable[[Exception], bool]:
    """Return whether to repeat one call: until `until` (epoch seconds) while it is throttled.

    Longer once a try may have had its effect.
    """
    unsure = False

    def again(error: Exception) -> bool:
        nonlocal unsure
        unsure = unsure or not is_throttled(error)
        return passes(error) and (unsure or clock() <= until)

    return again


def persist(
    call: Callable[[], T],
    until: float,
    clock: Callable[[], float] = time.time,
    again: Callable[[Exception], bool] = passes,
) -> T:
    """Make a call again and again, until `until` (epoch seconds), while it fails so.

    The waits grow, and are spread: callers that were refused together do not come back together.
    """
    longest = _FIRST_WAIT
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            wait = random.uniform(longest / 2, longest)  # noqa: S311  spreads load
            if not again(error) or clock() + wait > until:
                raise
        time.sleep(wait)
        longest = min(2 * longest, _LONGEST_WAIT)


def retry_after() -> int:
    """Return the seconds after which a caller may try again, not the same for all."""
    return round(random.uniform(_LEAST_RETRY_AFTER, _MOST_RETRY_AFTER))  # noqa: S311  spreads load


class PatientClient:
    """A client whose calls are made again while AWS throttles them, for three seconds each."""

    def __init__(self, client: object, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a method of botocore's client
        """Return the client's own method, made patient."""
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:  # noqa: ANN401  botocore's
            last = self._clock() + _PATIENCE_SECONDS
            return persist(lambda: method(**arguments), last, self._clock, is_throttled)

        self.__dict__[name] = call
        return call
