"""Simulated: an account that drains steadily for six hours, and balances that lie."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tests.crowd.scenarios import Row, Run
from tests.faults.installation import installed
from tests.faults.shop import LIES, Shop

Scenario = Callable[[Run], list[Row]]
_HOURS: Final = 6
_NOTICE_HOURS: Final = 2.0


def draining(run: Run) -> list[Row]:
    """Let the money of six hours go, a mail a minute, until Taqnyat answers code 2."""
    del run
    with installed():
        shop = Shop()
        shop.world.taqnyat.balance = shop.world.taqnyat.price * _HOURS * 60
        gone = shop.until_paused(_HOURS + 1)
        rang = shop.first_alarm
    early = None if rang is None else gone - rang
    return [
        Row(
            f"an account that drains in {_HOURS} simulated hours",
            "no warning",
            f"alarm {_NOTICE_HOURS:.0f} hours before code 2",
            "no alarm" if early is None else f"{early:.1f} hours before",
            early is not None and early >= _NOTICE_HOURS,
        )
    ]


def lying(run: Run) -> list[Row]:
    """Let the balance tell what is not so."""
    del run
    rang = []
    for name, lie in LIES.items():
        with installed():
            shop = Shop()
            shop.run(_HOURS, lambda lie=lie, shop=shop: lie(shop.world, _spent(shop)))  # type: ignore[misc]
            rang += [name] * bool(shop.hours)
    return [
        Row(
            f"a balance that lies ({', '.join(LIES)}), {_HOURS} simulated hours each",
            "-",
            "no alarm",
            f"alarm: {', '.join(rang)}" if rang else "no alarm",
            not rang,
        )
    ]


def _spent(shop: Shop) -> Decimal:
    return Decimal(len(shop.world.taqnyat.calls))


MONEY: Final[dict[str, Scenario]] = {"draining": draining, "lying": lying}
