"""The model of a crowd: good mails and poisoned ones, two lanes, one breaker, minutes that pass.

A step is a minute; who goes first under a limited rate is the model of `lanes.py`. The design is
what `outbox/sending` does; each of its parts can be broken. Two things must hold: every good mail
is sent in the end while one good call is possible, and a provider that fails half of the calls
costs few mails that a person must judge.
"""

import random
from dataclasses import dataclass, field
from typing import Final

ORDERS: Final = ("oldest", "newest", "random")
DELAYS: Final = (1, 2, 5, 10, 20, 30)
BATCH: Final = 10
WINDOW: Final = 24
LEAST: Final = 10
STRIKES: Final = 3


@dataclass(frozen=True, slots=True)
class Design:
    """The design, and what can be broken about it; as it stands, nothing is."""

    second_mail_decides: bool = True
    strikes: bool = True
    probes_other_mails: bool = True
    probe_calls: int = 3
    passes_over_dead: bool = True
    trips_by_rate: bool = True
    two_of_three_resume: bool = True
    unknown_ends_probe: bool = True
    half_opens: bool = True
    probes_both_lanes: bool = True


@dataclass(slots=True)
class Mail:
    """One mail. `kind` is good, refused (for its own sake), dead or failing (500, every time)."""

    number: int
    kind: str
    visible_at: int = 0
    refused_at: int = -1
    strikes: int = 0
    blamed: bool = False
    lane: str = "normal"


@dataclass(slots=True)
class Crowd:
    """The world. `failing(minute, call)` tells whether the provider fails a call."""

    design: Design
    mails: list[Mail]
    order: str = "oldest"
    fails_until: int = 0
    now: int = 0
    calls: int = 0
    paused: str = ""
    next_probe: int = 0
    probes: int = 0
    sent: int = 0
    sent_at: int = -1
    unknown: int = 0
    suspect: int | None = None
    run: int = 0
    window: dict[int, bool] = field(default_factory=dict)
    permits: int | None = None
    passed: int = 0
    failed: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311

    def minute(self) -> None:
        """Let a minute pass."""
        if self.paused and self.now >= self.next_probe:
            self._probe()
        if not self.paused:
            self._work()
        self.now += 1

    @property
    def waiting(self) -> int:
        """How many good mails wait."""
        return sum(mail.kind == "good" for mail in self.mails)

    # ---- Calls ---------------------------------------------------------------------------------

    def _visible(self) -> list[Mail]:
        found = [mail for mail in self.mails if mail.visible_at <= self.now]
        if self.order == "random":
            self.chance.shuffle(found)
        return found[::-1] if self.order == "newest" else found

    def _call(self, mail: Mail) -> str:
        """Return sent, refused or unknown; the mail leaves where it has ended."""
        self.calls += 1
        fails = self.now < self.fails_until and self.calls % 2 == 0
        if mail.kind == "failing" or fails:
            self.unknown += 1
            self.mails.remove(mail)  # held for a person
            return "unknown"
        if mail.kind == "good":
            self.mails.remove(mail)
            self.sent += 1
            self.sent_at = self.now
            return "sent"
        alone = self.design.strikes and -1 < mail.refused_at < self.sent_at
        mail.strikes += alone
        mail.refused_at = self.now
        mail.visible_at = self.now + (15 * 2 ** min(mail.strikes, 3) if mail.strikes else 1)
        if mail.strikes >= STRIKES:
            self.mails.remove(mail)
        return "alone" if alone else "refused"

    # ---- A worker ------------------------------------------------------------------------------

    def _work(self) -> None:
        for _ in range(20):
            alive = [mail for mail in self._visible() if mail.kind != "dead"]
            batch = [mail for mail in alive if mail.lane == "normal"][:BATCH]
            batch += [mail for mail in alive if mail.lane == "bulk"][:BATCH]
            if not batch:
                return
            for mail in batch:
                if self.paused or self.permits == 0:
                    break
                if self.permits is not None:
                    self.permits -= 1
                self._judge(mail, self._call(mail))
            if self.permits == 0:
                self.permits = 3 - self.passed - self.failed
                return  # the next batch comes later
            if self.paused:
                return

    def _judge(self, mail: Mail, answer: str) -> None:
        if answer == "sent":
            self.suspect, self.run = None, 0
            self.window[mail.number] = False
            self.passed += self.permits is not None
            self._end_of_round()
        elif answer == "refused":
            self._suspect(mail)
        elif answer == "unknown":
            self._failed(mail)
        while len(self.window) > WINDOW:
            del self.window[next(iter(self.window))]

    def _suspect(self, mail: Mail) -> None:
        second = self.suspect not in (None, mail.number)
        if second or not self.design.second_mail_decides:
            mail.blamed = True
            self._pause("account")
        else:
            self.suspect = mail.number

    def _failed(self, mail: Mail) -> None:
        self.run += 1
        self.window[mail.number] = True
        if not self.design.trips_by_rate:
            if self.run >= LEAST:
                self._pause("provider")
            return
        if self.permits is not None:
            self.failed += 1
            if self.failed >= 2:
                self._pause("provider")
            self._end_of_round()
        elif len(self.window) >= LEAST and sum(self.window.values()) * 2 >= len(self.window):
            self._half_open()

    def _half_open(self) -> None:
        if self.design.half_opens:
            self.permits, self.passed, self.failed = 3, 0, 0
        else:
            self._pause("provider")

    def _end_of_round(self) -> None:
        if self.permits is None:
            return
        if self.passed >= 3:
            self.permits, self.window = None, {}
        elif self.passed + self.failed >= 3:
            self.permits, self.passed, self.failed = 3, 0, 0

    def _pause(self, cause: str) -> None:
        self.paused, self.probes, self.suspect = cause, 0, None
        self.next_probe = self.now + DELAYS[0]

    # ---- A probe -------------------------------------------------------------------------------

    def _probe(self) -> None:
        tried: list[str] = []
        for _ in range(self.design.probe_calls):
            mail = self._candidate(len(tried))
            if mail is None:
                break
            if mail.kind == "dead":
                self.mails.remove(mail)  # one is ended; twenty of them are all that fit
                if (self.probes + len(tried)) % 20 == 0:
                    break
                continue
            tried.append(self._call(mail))
            if tried[-1] == "unknown" and self.design.unknown_ends_probe:
                break
            if self._resumes(tried):
                self.paused, self.run, self.window = "", 0, {}
                self.permits = None
                if self.design.two_of_three_resume and self.fails_until:
                    self.permits, self.passed, self.failed = 3, 0, 0
                return
        self.probes += 1
        self.next_probe = self.now + DELAYS[min(self.probes, len(DELAYS) - 1)]

    def _resumes(self, tried: list[str]) -> bool:
        two = self.paused == "provider" and self.design.two_of_three_resume
        good = len([mail for mail in self.mails if mail.kind == "good"])
        return tried.count("sent") >= (2 if two and good else 1)

    def _candidate(self, tried: int) -> Mail | None:
        visible = self._visible()
        if not self.design.probes_both_lanes:
            visible = [mail for mail in visible if mail.lane == "normal"]
        if not self.design.probes_other_mails:
            return visible[0] if visible else None
        if self.design.passes_over_dead:
            visible = [mail for mail in visible if mail.kind != "dead"]
        if not visible:
            return None

        def rank(mail: Mail) -> tuple[bool, bool, int, int]:
            return mail.blamed, mail.refused_at >= 0, mail.strikes, mail.refused_at

        best = min(map(rank, visible))
        like = [mail for mail in visible if rank(mail) == best]
        first = -1 if self.probes % 2 else 0
        return like[(first, -1, len(like) // 2)[tried % 3]]
