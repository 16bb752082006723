"""What counts as throttling, and how long a call is made again for it."""

import random
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from outbox.throttling import PatientClient, is_throttled, passes, persist, retry_after

from tests.clock import Clock
from tests.faults.standins.errors import client_error

NOW = 1000.0
THROTTLED = client_error("PutItem", "ThrottlingException")


class Busy:
    """A client that refuses so many calls; the clock goes on by what each takes."""

    def __init__(self, times: int, error: Exception = THROTTLED, takes: float = 0.0) -> None:
        self.times = times
        self.error = error
        self.takes = takes
        self.clock = Clock(NOW)
        self.called_at: list[float] = []
        self.given: list[dict[str, Any]] = []

    def put_item(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore's shape
        self.called_at.append(round(self.clock.now - NOW, 3))
        self.given.append(arguments)
        self.clock.now += self.takes
        if len(self.called_at) <= self.times:
            raise self.error
        return {"Attributes": arguments}


@pytest.fixture(autouse=True)
def spread(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Note between what the waits are drawn; take the longer one."""
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    monkeypatch.setattr(random, "uniform", uniform)
    return drawn


def patient(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> PatientClient:
    """Return a client whose sleeping moves the clock."""

    def sleep(seconds: float) -> None:
        busy.clock.now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    return PatientClient(busy, busy.clock)


def test_a_call_is_made_again_after_waits_that_double(
    monkeypatch: pytest.MonkeyPatch, spread: list[tuple[float, float]]
) -> None:
    busy = Busy(5)
    client = patient(busy, monkeypatch)

    assert client.put_item(Item=1) == {"Attributes": {"Item": 1}}
    assert busy.called_at == [0, 0.05, 0.15, 0.35, 0.75, 1.55]
    assert busy.given == [{"Item": 1}] * 6
    assert spread == [(0.025, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.8)]


def test_it_ends_after_three_seconds_with_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(100)
    client = patient(busy, monkeypatch)

    with pytest.raises(ClientError) as refused:
        client.put_item()

    assert refused.value is THROTTLED
    assert busy.called_at == [0, 0.05, 0.15, 0.35, 0.75, 1.55]  # the next: after 3.15
    assert busy.clock.now - NOW < 3


@pytest.mark.parametrize(("takes", "calls"), [(1.0, 3), (2.95, 2), (2.96, 1)])
def test_what_the_calls_themselves_take_counts(
    monkeypatch: pytest.MonkeyPatch, takes: float, calls: int
) -> None:
    busy = Busy(100, takes=takes)
    client = patient(busy, monkeypatch)

    with pytest.raises(ClientError):
        client.put_item()

    assert len(busy.called_at) == calls


def test_each_call_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(5)
    client = patient(busy, monkeypatch)
    client.put_item()
    busy.clock.now += 60
    busy.times, busy.called_at = 5, []

    assert client.put_item(Item=2) == {"Attributes": {"Item": 2}}


@pytest.mark.parametrize(
    "error",
    [client_error("PutItem", "ValidationException"), ReadTimeoutError(endpoint_url="https://a")],
)
def test_another_failure_is_not_waited_out(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    busy = Busy(100, error)
    client = patient(busy, monkeypatch)

    with pytest.raises(type(error)):
        client.put_item()

    assert busy.called_at == [0]


@pytest.mark.parametrize(
    "code",
    [
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
    ],
)
def test_codes_of_throttling(code: str) -> None:
    assert is_throttled(client_error("PutItem", code)) is True


@pytest.mark.parametrize(
    ("reasons", "throttled"),
    [
        (["ThrottlingError"], True),
        (["None", "ProvisionedThroughputExceeded", "None"], True),
        (["TransactionConflict", "ThrottlingError"], True),
        (["TransactionConflict", "ConditionalCheckFailed"], False),
        (["None"], False),
        ([], False),
    ],
)
def test_reasons_of_a_canceled_transaction(reasons: list[str], throttled: bool) -> None:  # noqa: FBT001
    found = [{"Code": reason} for reason in reasons]
    error = client_error(
        "TransactWriteItems", "TransactionCanceledException", CancellationReasons=[*found, {}]
    )

    assert is_throttled(error) is throttled
    assert not is_throttled(client_error("TransactWriteItems", "TransactionCanceledException"))
    assert not is_throttled(ClientError({}, "PutItem"))
    assert not is_throttled(ValueError())


def test_callers_come_back_after_one_to_five_seconds(spread: list[tuple[float, float]]) -> None:
    assert retry_after() == 5
    assert spread == [(1, 5)]


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (THROTTLED, True),
        (ReadTimeoutError(endpoint_url="https://a"), True),
        (client_error("PutItem", "Any", ResponseMetadata={"HTTPStatusCode": 500}), True),
        (client_error("PutItem", "Any", ResponseMetadata={"HTTPStatusCode": 499}), False),
        (client_error("PutItem", "ValidationException"), False),
        (ValueError(), False),
    ],
)
def test_failures_that_pass(error: Exception, passing: bool) -> None:  # noqa: FBT001
    assert passes(error) is passing


def test_persisting_waits_four_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Busy(100)
    patient(busy, monkeypatch)

    with pytest.raises(ClientError):
        persist(busy.put_item, NOW + 14.35, busy.clock)

    assert busy.called_at[-4:] == [3.15, 6.35, 10.35, 14.35]
