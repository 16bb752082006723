"""What clients of Resend's wire require, where no registry here holds the client itself."""

from collections.abc import Callable

import pytest

from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, mail, sent


def until_200(send: Callable[[], Reply], tries: int = 4) -> int:
    """Send as Symfony's bridge does under Messenger; return how many tries it took.

    symfony/resend-mailer, Transport/ResendApiTransport.php: `if (200 !== $statusCode) throw`.
    """
    for number in range(1, tries + 1):
        if send().status == 200:
            return number
    return tries


@pytest.mark.parametrize("batch", [False, True])
def test_a_client_that_takes_only_200_for_success_sends_one_mail(
    world: World, *, batch: bool
) -> None:
    shop = Caller(world)

    tries = until_200(lambda: shop.batch([mail()]) if batch else shop.send())
    world.run_until_quiet()

    assert (tries, sent(world)) == (1, {"Hi": 1})
