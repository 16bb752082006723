"""What a crowd of mails meets, live: each scenario with its figure of 0.1.0 and its goal."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from tests.crowd.stand import MINUTE, Stand, share, stand

_IDLE_MAILS: Final = 30
_SLOWEST: Final = 7
_POISON_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `good` is None where nothing is judged."""

    what: str
    before: str
    goal: str
    after: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is given: a seed for what is drawn, and the share of the mails (1: all)."""

    seed: int
    scale: float = 1.0

    def mails(self, count: int) -> int:
        """Return how many mails to take in the place of `count`."""
        return max(10, round(count * self.scale))


Scenario = Callable[[Run], list[Row]]
LIVE: dict[str, Scenario] = {}


def scenario(run: Scenario) -> Scenario:
    """Put a scenario on the list, by its name."""
    LIVE[run.__name__] = run
    return run


_POISONS: Final[dict[str, dict[str, Any]]] = {
    "poison-3": {"answer": "code:3"},
    "poison-403": {"answer": "status:403"},
    "poison-404": {"answer": "status:404"},
    "poison-302": {"answer": "redirect:http://127.0.0.1:9/"},
    "poison-429": {"answer": "status:429"},
}


def _poison(run: Run, *, name: str) -> list[Row]:
    """Let 30 good mails wait behind one that is always refused."""
    del run
    kind = name.removeprefix("poison-")
    with stand() as crowd:
        crowd.simulator.script({**_POISONS[name], "subject": "poison"})
        crowd.post(["poison"])
        crowd.until(lambda: crowd.simulator.calls()["total"] > 0, MINUTE)
        for sender in ("shop", "news", "billing"):
            crowd.post([f"good {sender} {n}" for n in range(10)], **{"from": f"{sender}@acme.sa"})
        took = crowd.until_sent(30, "good", _POISON_SECONDS)
        sent = len(crowd.sent("good"))
        after = f"{sent} of 30 in {took or _POISON_SECONDS:.0f} s, {len(crowd.pauses)} pauses"
        good = took is not None and took <= 150
    what = f"30 good mails behind one answered {kind}"
    return [Row(what, "0 of 30", "30 in 150 s", after, good)]


LIVE |= {name: partial(_poison, name=name) for name in _POISONS}


class Kind(NamedTuple):
    """How Taqnyat counts: in a bucket, or in windows of seconds; and what may be refused."""

    window: float | None
    refused: float

    def __str__(self) -> str:
        return "bucket" if self.window is None else f"windows of {self.window:.0f} s"


KINDS: Final = {
    "limit": Kind(None, 0.05),
    "limit-windows-1": Kind(1.0, 0.1),
    "limit-windows-10": Kind(10.0, 0.1),
}


def _limit(run: Run, *, name: str) -> list[Row]:
    """Send against a hard limit that the gateway is not told, without Retry-After."""
    kind, mails = KINDS[name], run.mails(2000)
    with stand() as crowd:
        fastest = _fastest(crowd)
        rate = _drawn(f"{name} {run.seed}", fastest)
        return [_against(crowd, kind, [rate], mails, fastest)]


LIVE |= {name: partial(_limit, name=name) for name in KINDS}


@scenario
def two_limits(run: Run) -> list[Row]:
    """Let a second limit, drawn too, take the place of the first one halfway."""
    mails = run.mails(2000)
    with stand() as crowd:
        fastest = _fastest(crowd)
        rates = [_drawn(f"{number} {run.seed}", fastest) for number in range(2)]
        return [_against(crowd, KINDS["limit"], rates, mails, fastest)]


def _against(crowd: Stand, kind: Kind, rates: list[int], mails: int, fastest: float) -> Row:
    """Send mails under one limit after the other, each for its share of the mails."""
    part = mails / len(rates)
    needed, received = sum(part / rate for rate in rates), crowd.receives()
    crowd.simulator.clear()
    crowd.simulator.account(limit={"per_second": rates[0], "window": kind.window})
    crowd.post([f"mail {n}" for n in range(mails)])
    for number, rate in enumerate(rates):
        crowd.simulator.account(limit={"per_second": rate, "window": kind.window})
        took = crowd.until_sent(round(part * (number + 1)), "mail", 5 * needed + MINUTE)
    calls = crowd.simulator.calls()
    refused = calls["by_answer"].get("limited", 0) / max(1, calls["total"])
    times = sorted(crowd.sent("mail").values())
    spent = times[-1] - times[0] if times else 0.0
    most = share(times, 0.95) - times[0] if times else 0.0
    received = crowd.receives() - received
    return Row(
        f"{mails} mails, {' then '.join(map(str, rates))}/s, {kind}",
        "62 of 400 in 12 minutes (20/s)",
        f"1.25 x {needed:.0f} s, refused {kind.refused:.0%}, no pause, 3 receives a mail",
        f"{len(times)} in {spent:.0f} s, 95% in {most:.0f} s "
        f"({spent / needed:.2f} x; this machine {fastest:.0f}/s), "
        f"refused {refused:.1%}, {len(crowd.pauses)} pauses, {received / mails:.2f} receives",
        took is not None
        and spent <= 1.25 * needed
        and refused <= kind.refused
        and not crowd.pauses
        and received <= 3 * mails,
    )


def _drawn(seed: str, fastest: float) -> int:
    """Draw a limit, of which this machine reaches more than it."""
    luck = random.Random(seed)  # noqa: S311 - a test's choice
    return luck.randint(_SLOWEST, max(_SLOWEST, min(60, int(fastest * 0.7))))


def _fastest(crowd: Stand) -> float:
    """Return how many mails a second this machine sends without a limit."""
    crowd.post([f"warm {n}" for n in range(400)])
    crowd.until_sent(400, "warm", 2 * MINUTE)
    times = sorted(crowd.sent("warm").values())[200:]  # by then both containers are up
    return (len(times) - 1) / max(0.01, times[-1] - times[0]) if len(times) > 1 else 1.0


@scenario
def moving_limit(run: Run) -> list[Row]:
    """Let the limit fall to a fifth, and rise again, under a queue that does not end."""
    rate = random.Random(run.seed + 1).randint(20, 40)  # noqa: S311 - a test's choice
    lower = rate / 5
    with stand() as crowd:
        rate = min(rate, int(_fastest(crowd) * 0.8) or 1)
        crowd.simulator.account(limit={"per_second": rate})
        crowd.post([f"mail {n}" for n in range(rate * 150)])  # however small the scale
        crowd.until(lambda: False, MINUTE / 2)
        crowd.simulator.account(limit={"per_second": lower})
        crowd.until(lambda: False, 10)
        refused, seen = _refused_share(crowd, 30)
        crowd.simulator.account(limit={"per_second": rate})
        rose = crowd.until(lambda: _rate(crowd, 5) >= 0.8 * rate, 3 * MINUTE)
    return [
        Row(
            f"limit falls from {rate} to {lower:.1f}/s",
            "-",
            "followed within 10 s: refused 10% after it",
            f"{refused:.0%} of {seen} calls from second 10 to 40",
            refused <= 0.1,
        ),
        Row(
            f"limit rises to {rate}/s",
            "-",
            "80% of it within 60 s",
            f"{rose:.0f} s" if rose else "not in 3 minutes",
            rose is not None and rose <= MINUTE,
        ),
    ]


def _refused_share(crowd: Stand, seconds: float) -> tuple[float, int]:
    before = crowd.simulator.calls()
    crowd.until(lambda: False, seconds)
    after = crowd.simulator.calls()
    calls = after["total"] - before["total"]
    refused = after["by_answer"].get("limited", 0) - before["by_answer"].get("limited", 0)
    return refused / max(1, calls), calls


def _rate(crowd: Stand, seconds: float) -> float:
    since = time.time() - seconds
    return sum(at > since for at in crowd.sent().values()) / seconds


@scenario
def hanging(run: Run) -> list[Row]:
    """Let half of the calls hang for five minutes."""
    mails = run.mails(800)
    with stand() as crowd:
        crowd.listen()
        crowd.simulator.script({"answer": "hang", "every": 2})
        crowd.post([f"mail {n}" for n in range(mails)])
        crowd.until(lambda: False, 5 * MINUTE)
        crowd.simulator.clear_script()
        resumed = crowd.until(lambda: not crowd.paused, 10 * MINUTE)

        def ended() -> bool:
            states = crowd.states()
            return states["sent"] + states["unknown"] + states["failed"] >= mails

        took = crowd.until(ended, 10 * MINUTE)
        states, told = crowd.states(), len(crowd.notices())
    whole = None if took is None or resumed is None else took + resumed
    return [
        Row(
            f"half of the calls hang for 5 minutes, {mails} mails",
            "132 unknown, 23 notices",
            "30 unknown, 3 notices, resumed in 2 and all sent in 5 minutes after",
            f"{states['unknown']} unknown, {told} notices, resumed after "
            f"{'-' if resumed is None else f'{resumed:.0f}'} s, "
            f"{states['sent']} sent {'-' if whole is None else f'{whole:.0f}'} s after",
            states["unknown"] <= 30
            and told <= 3
            and whole is not None
            and (resumed or 0) <= 2 * MINUTE
            and whole <= 5 * MINUTE,
        )
    ]


@scenario
def lanes(run: Run) -> list[Row]:
    """Send normal mails one by one beside thousands of bulk ones."""
    bulk, normal = run.mails(2000), 100
    with stand() as crowd:
        crowd.simulator.account(limit={"per_second": 20})
        crowd.simulator.script({"answer": "success", "delay": 0.3})
        _one_by_one(crowd, "idle", _IDLE_MAILS)
        crowd.until_sent(_IDLE_MAILS, "idle", 2 * MINUTE)
        idle = share(crowd.waits("idle"), 0.95)
        crowd.post([f"bulk {n}" for n in range(bulk)], priority="bulk")
        crowd.until_sent(20, "bulk", MINUTE)
        before, began = len(crowd.sent("bulk")), time.monotonic()
        _one_by_one(crowd, "normal", normal)
        crowd.until_sent(normal, "normal", 5 * MINUTE)
        rate = (len(crowd.sent("bulk")) - before) / (time.monotonic() - began)
        waits = crowd.waits("normal")
    p95 = share(waits, 0.95)
    return [
        Row(
            f"{normal} normal mails beside {bulk} bulk ones, 300 ms, 20/s",
            "a password reset waits 10 to 55 s (idle: 0.5 s)",
            "p95 at most 3 x idle; bulk at least 2/s",
            f"{len(waits)} sent, p95 {p95:.1f} s (idle {idle:.1f} s), bulk {rate:.1f}/s",
            len(waits) == normal and p95 <= 3 * idle and rate >= 2,
        )
    ]


def _one_by_one(crowd: Stand, prefix: str, count: int) -> None:
    """Post one mail a second, so that a mail waits for the others and not for its like."""
    for number in range(count):
        crowd.post([f"{prefix} {number}"])
        crowd.until(lambda: False, 1)


@scenario
def empty_balance(run: Run) -> list[Row]:
    """Let the balance end with 1,000 mails waiting, and top it up."""
    mails = run.mails(1000)
    with stand() as crowd:
        crowd.simulator.account(balance=0)
        crowd.post([f"mail {n}" for n in range(mails)])
        crowd.until(lambda: crowd.paused, MINUTE)
        crowd.until(lambda: False, 10)
        calls = crowd.simulator.calls()["total"]
        crowd.simulator.account(balance=10 * mails)
        took = crowd.until_sent(mails, "mail", 20 * MINUTE)
        twice = crowd.doubled()
    return [
        Row(
            f"balance 0 with {mails} mails, then a top-up",
            "at most 20 calls before the pause; each sent once",
            "the same",
            f"{calls} calls before the pause, all sent {took or -1:.0f} s after the top-up, "
            f"{twice} twice",
            calls <= 20 and took is not None and twice == 0,
        )
    ]


@scenario
def expired_first(run: Run) -> list[Row]:
    """Let 1,000 mails expire while the balance is gone; a live one is behind them."""
    mails = run.mails(1000)
    with stand() as crowd:
        crowd.simulator.account(balance=0)
        crowd.post(["first"])
        crowd.until(lambda: crowd.paused, MINUTE)
        soon = time.time() + 90
        crowd.post([f"dead {n}" for n in range(mails)], expires_at=soon)
        crowd.until(lambda: time.time() > soon + 1, 2 * MINUTE)
        crowd.post(["live"])
        crowd.simulator.account(balance=100)
        due = crowd.stack.item("#pause").get("next_probe", 0)
        crowd.until(lambda: time.time() >= due, 35 * MINUTE)
        took = crowd.until_sent(1, "live", 20 * MINUTE)
        dead = len(crowd.sent("dead"))
    return [
        Row(
            f"a live mail behind {mails} expired ones",
            "56 minutes",
            "2 minutes after the first probe",
            f"{took:.0f} s" if took else "not in 20 minutes",
            took is not None and took <= 2 * MINUTE and dead == 0,
        )
    ]
