"""Signing secrets: encrypted for one endpoint, opened while they are valid, kept for a while."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from outbox.webhooks.endpoint import Endpoint, Sealed
from outbox.webhooks.sealing import Seals

from tests.clock import Clock
from tests.faults.standins.others import Kms

NOW = 1_800_000_000.0
HOOK = Endpoint(id="e-1", client="shop", url="", events=(), secrets=(), created="")


class Counted(Kms):
    """Counts what it decrypts."""

    def __init__(self) -> None:
        super().__init__("key")
        self.opened = 0

    def decrypt(self, **arguments: Any) -> Any:  # noqa: ANN401 - botocore's answer
        self.opened += 1
        return super().decrypt(**arguments)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def kms() -> Counted:
    return Counted()


@pytest.fixture
def seals(kms: Counted, clock: Clock) -> Seals:
    return Seals(kms, "key", clock)


def sealed(seals: Seals, *texts: str) -> Endpoint:
    return replace(HOOK, secrets=tuple(seals.seal(text, "shop", "e-1") for text in texts))


def test_a_secret_is_kept_encrypted_and_opened_again(seals: Seals) -> None:
    hook = sealed(seals, "new", "old")
    assert seals.open(hook) == ["new", "old"]
    assert [one.until for one in hook.secrets] == [0, 0]
    assert b"new" not in base64.b64decode(hook.secrets[0].text, validate=True)


@pytest.mark.parametrize("other", [{"client": "another"}, {"id": "e-2"}])
def test_a_secret_is_of_one_endpoint_alone(seals: Seals, other: dict[str, str]) -> None:
    hook = sealed(seals, "one")
    assert seals.open(hook) == ["one"]
    with pytest.raises(ClientError):
        seals.open(replace(hook, **other))  # type: ignore[arg-type]


def test_a_secret_is_valid_until_its_end(seals: Seals, clock: Clock) -> None:
    [one] = sealed(seals, "one").secrets
    hook = replace(HOOK, secrets=(Sealed(one.text, int(NOW) + 1),))
    assert seals.open(hook) == ["one"]
    clock.now += 1
    assert seals.open(hook) == []


def test_an_opened_secret_is_kept_for_five_minutes(
    seals: Seals, kms: Counted, clock: Clock
) -> None:
    hook = sealed(seals, "one")
    for seconds, opened in ((0, 1), (299.5, 1), (0.5, 2), (299.5, 2)):
        clock.now += seconds
        assert seals.open(hook) == ["one"]
        assert kms.opened == opened


def test_five_hundred_are_kept_at_most(seals: Seals, kms: Counted) -> None:
    hooks = [sealed(seals, f"secret {number}") for number in range(501)]
    for hook in hooks[:500]:
        seals.open(hook)
    seals.open(hooks[0])
    assert kms.opened == 500
    seals.open(hooks[500])
    seals.open(hooks[0])
    assert kms.opened == 502
