"""The token's secret in every form, its errors, and how often it is read."""

import itertools
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from taqnyat import (
    BearerToken,
    CredentialsError,
    MalformedSecretError,
    SecretUnavailableError,
    TokenNotSetError,
)

from tests.clock import Clock

TTL = 300
NO_ANSWER = ReadTimeoutError(endpoint_url="https://secretsmanager")


def refusal(code: str) -> ClientError:
    """Make botocore's error; its text repeats what must not get into ours."""
    return ClientError({"Error": {"Code": code, "Message": "arn and s3cret"}}, "GetSecretValue")


class Secrets:
    """Secrets Manager with one secret, which counts how often it is read."""

    def __init__(self, value: object = "T1") -> None:
        self.value = value
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803, ANN401
        assert SecretId == "arn:token"
        self.reads += 1
        if isinstance(self.value, Exception):
            raise self.value
        return self.value if isinstance(self.value, dict) else {"SecretString": self.value}


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def token(secrets: Secrets, clock: Clock) -> BearerToken:
    return BearerToken(secrets, "arn:token", TTL, clock)


@pytest.mark.parametrize(
    "secret",
    [
        "T1",
        "  T1\r\n",
        '{"bearerToken": "T1"}',
        '\n{"bearerToken": " T1 ", "note": "of the mail account"}\n',
    ],
)
def test_a_raw_token_or_json(token: BearerToken, secrets: Secrets, secret: str) -> None:
    secrets.value = secret
    assert token.get() == "T1"


@pytest.mark.parametrize("secret", ["a.b-c_d~e+f/g=", "!~", "x" * 4096, "0"])
def test_any_visible_ascii_is_a_token(token: BearerToken, secrets: Secrets, secret: str) -> None:
    secrets.value = secret
    assert token.get() == secret


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ("", TokenNotSetError, "token_not_set"),
        (" \n", TokenNotSetError, "token_not_set"),
        ({}, TokenNotSetError, "token_not_set"),
        ("{}", TokenNotSetError, "token_not_set"),
        ('{"bearerToken": ""}', TokenNotSetError, "token_not_set"),
        ('{"bearerToken": " "}', TokenNotSetError, "token_not_set"),
        (refusal("ResourceNotFoundException"), TokenNotSetError, "token_not_set"),
        ({"SecretBinary": b"s3cret"}, MalformedSecretError, "token_malformed"),
        ('{"bearerToken": null}', MalformedSecretError, "token_malformed"),
        ('{"bearerToken": 5}', MalformedSecretError, "token_malformed"),
        ('{"bearerToken": "s3cret"', MalformedSecretError, "token_malformed"),
        ('["s3cret"]', MalformedSecretError, "token_malformed"),
        ('"s3cret"', MalformedSecretError, "token_malformed"),
        ("[" * 100_000, MalformedSecretError, "token_malformed"),
        ("Bearer s3cret", MalformedSecretError, "token_malformed"),
        ("s3cret\r\nX-Injected: yes", MalformedSecretError, "token_malformed"),
        ('{"bearerToken": "s3cret\\r\\nX: y"}', MalformedSecretError, "token_malformed"),
        ("s3crét", MalformedSecretError, "token_malformed"),
        ("s3cret\x00", MalformedSecretError, "token_malformed"),
        ("\ufeffs3cret", MalformedSecretError, "token_malformed"),
        ("x" * 4097, MalformedSecretError, "token_malformed"),
        (ClientError({}, "GetSecretValue"), SecretUnavailableError, "secret_unavailable"),
        (refusal("ThrottlingException"), SecretUnavailableError, "secret_unavailable"),
        (refusal("AccessDeniedException"), SecretUnavailableError, "secret_unavailable"),
        (refusal("DecryptionFailure"), SecretUnavailableError, "secret_unavailable"),
        (NO_ANSWER, SecretUnavailableError, "secret_unavailable"),
        (
            EndpointConnectionError(endpoint_url="https://x"),
            SecretUnavailableError,
            "secret_unavailable",
        ),
    ],
)
def test_each_trouble_has_an_error_of_its_own_that_tells_nothing(
    token: BearerToken, secrets: Secrets, answer: object, kind: type[CredentialsError], reason: str
) -> None:
    secrets.value = answer
    with pytest.raises(kind) as raised:
        token.get()
    assert raised.value.reason == reason
    assert "s3cr" not in repr(raised.value)
    assert re.search("token secret|Secrets Manager", str(raised.value))
    # What botocore said is neither shown nor chained.
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_it_is_read_once_and_again_when_it_has_expired(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    assert [token.get(), token.get()] == ["T1", "T1"]
    secrets.value = "T2"
    clock.now += TTL - 1
    assert (token.get(), secrets.reads) == ("T1", 1)
    clock.now += 1
    assert (token.get(), secrets.reads) == ("T2", 2)


def test_without_a_cache_time_it_is_read_each_time(secrets: Secrets, clock: Clock) -> None:
    token = BearerToken(secrets, "arn:token", 0, clock)
    token.get()
    token.get()
    assert secrets.reads == 2


def test_a_failed_reading_leaves_no_token_and_is_tried_again(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    token.get()
    secrets.value = NO_ANSWER
    clock.now += TTL
    for _ in range(2):
        with pytest.raises(SecretUnavailableError):
            token.get()
    secrets.value = "T2"
    assert token.get() == "T2"


def test_a_refused_token_is_replaced_only_by_another(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    token.get()
    clock.now += 1
    assert (token.replacement("T1", since=clock.now), secrets.reads) == (None, 2)
    clock.now += 1
    secrets.value = "T2"
    assert (token.replacement("T1", since=clock.now), secrets.reads) == ("T2", 3)
    assert (token.get(), secrets.reads) == ("T2", 3)


def test_a_call_that_began_before_the_last_reading_reads_nothing(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    token.get()
    began = clock.now + 1
    clock.now += 2
    assert token.replacement("T1", since=began) is None
    secrets.value = "T2"
    assert (token.replacement("T1", since=began), secrets.reads) == (None, 2)


def test_a_call_that_began_at_the_moment_of_the_last_reading_reads_again(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    token.get()
    assert (token.replacement("T1", since=clock.now), secrets.reads) == (None, 2)


def test_whoever_waited_through_a_failure_and_a_success_reads_for_itself(secrets: Secrets) -> None:
    times = iter([10.0, 20.0, 30.0, 31.0, 15.0, 40.0, 41.0])
    token = BearerToken(secrets, "arn:token", 0, lambda: next(times))
    secrets.value = NO_ANSWER
    with pytest.raises(SecretUnavailableError):
        token.get()  # asks at 10, fails at 20
    secrets.value = "T1"
    assert token.get() == "T1"

    assert (token.get(), secrets.reads) == ("T1", 3)  # asked at 15


def test_a_replacement_that_cannot_be_read(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    token.get()
    clock.now += 1
    secrets.value = NO_ANSWER
    with pytest.raises(SecretUnavailableError):
        token.replacement("T1", since=clock.now)


def test_a_forgotten_token_is_read_again(token: BearerToken, secrets: Secrets) -> None:
    token.get()
    token.forget()
    token.get()
    assert secrets.reads == 2


def test_a_forgotten_token_is_read_for_a_replacement_too(
    token: BearerToken, secrets: Secrets, clock: Clock
) -> None:
    token.get()
    token.forget()
    secrets.value = "T2"
    assert token.replacement("T1", since=clock.now - 1) == "T2"


@pytest.mark.parametrize("value", ["T2", "T1", NO_ANSWER])
def test_many_refused_together_cost_one_reading(
    token: BearerToken, secrets: Secrets, clock: Clock, value: object
) -> None:
    token.get()
    began = clock.now + 1
    clock.now += 2
    secrets.value = value

    def replaced(_: int) -> str | None:
        try:
            return token.replacement("T1", since=began)
        except SecretUnavailableError:
            return "no answer"

    with ThreadPoolExecutor(10) as pool:
        got = list(pool.map(replaced, range(10)))

    expected = {"T2": "T2", "T1": None}.get(str(value), "no answer")
    assert got == [expected] * 10
    assert secrets.reads == 2


@pytest.mark.parametrize("value", ["T1", NO_ANSWER])
def test_many_that_wait_together_get_the_same_answer(value: object) -> None:
    count = 10
    times = itertools.count()
    all_wait = threading.Event()

    def clock() -> float:
        now = next(times)
        if now >= count - 1:
            all_wait.set()
        return now

    class SlowSecrets(Secrets):
        def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803, ANN401
            assert all_wait.wait(timeout=10)
            return super().get_secret_value(SecretId=SecretId)

    secrets = SlowSecrets(value)
    token = BearerToken(secrets, "arn:token", TTL, clock)

    def got(_: int) -> str:
        try:
            return token.get()
        except SecretUnavailableError:
            return "no answer"

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(got, range(count)))

    assert answers == ["no answer" if value is NO_ANSWER else "T1"] * count
    assert secrets.reads == 1
