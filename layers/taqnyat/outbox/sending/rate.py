"""How many mails a second all workers together may send: what limits, and how it is learned.

Pure. A refusal by 429 lowers the rate for everybody (multiplicative), each success raises it
(additive), so that it settles just below what Taqnyat takes. It starts low and rises steeply until
the first refusal: after a pause, and where nothing is known yet. It is kept in the control record;
`turns.py` reads and writes it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outbox.mail.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

START: Final = 5.0
LEAST: Final = 1.0
# A learned rate above this limits nobody any more.
LIFTED: Final = 500.0
# Without a refusal for so long, a learned rate is forgotten.
FORGOTTEN_SECONDS: Final = 900
# After a resume it starts low, and for so long at most.
SLOW_START_SECONDS: Final = 300
# What a success adds to the rate until the first refusal.
_STEEP: Final = 0.6
# And after it, by the part of the rate that was last refused: gently near that one (a provider that
# counts by the second takes a little more for a while), boldly where it evidently takes more now.
_GAINS: Final = ((0.95, 0.04), (1.05, 0.01), (1.3, 0.02))
_BOLD: Final = 0.08
# What is left of the rate after a refusal; of many refusals, less.
_LOWERED: Final = 0.85
_HALVED: Final = 0.5
_MANY: Final = 0.4
_SOON_SECONDS: Final = 5.0
_LEAST_HOLD, _LONG_HOLD, _MOST_HOLD = 0.5, 2.0, 4.0
_BURSTY_SECONDS: Final = 120.0
# What went through is counted over so many seconds, and lowers the rate to this part at most.
_LEAST_SPAN, _MOST_SPAN = 8.0, 30.0
_MOST_AT_ONCE: Final = 0.3


_NORMAL_SHARE: Final = 0.9  # while bulk waits too: the rest is bulk's
_ACTIVE_SECONDS: Final = 3.0
_MOMENT_SECONDS: Final = 1.0


class Rate(NamedTuple):
    """What the control record holds of the rate.

    `learned` is mails a second (0: nothing learned), and counts until `learned_until`; `ceiling`
    the rate that was last refused (0: none yet). `lowered_at` is the last refusal that lowered it.
    Until `held_until` nothing is sent at all (Retry-After). `turn` and `bulk_turn` are when the
    next turn of a lane begins. `hold` is the last wait, in seconds, while there were only refusals;
    after a long one, until `bursty_until`, Taqnyat is taken to count over some seconds. `counted`
    mails went through since `counted_since`. Times are epoch seconds.
    """

    learned: float = 0.0
    learned_until: float = 0.0
    ceiling: float = 0.0
    lowered_at: float = 0.0
    held_until: float = 0.0
    turn: float = 0.0
    bulk_turn: float = 0.0
    hold: float = 0.0
    bursty_until: float = 0.0
    counted_since: float = 0.0
    counted: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rate:
        """Read the control record's attributes; numbers are kept as thousandths."""
        return cls(
            learned=values.get("rate_learned", 0) / 1000,
            learned_until=values.get("rate_learned_until", 0) / 1000,
            ceiling=values.get("rate_ceiling", 0) / 1000,
            lowered_at=values.get("rate_lowered_at", 0) / 1000,
            held_until=values.get("rate_held_until", 0) / 1000,
            turn=values.get("rate_turn", 0) / 1000,
            bulk_turn=values.get("rate_bulk_turn", 0) / 1000,
            hold=values.get("rate_hold", 0) / 1000,
            bursty_until=values.get("rate_bursty_until", 0) / 1000,
            counted_since=values.get("rate_counted_since", 0) / 1000,
            counted=values.get("rate_counted", 0),
        )

    def limit(self, most: float, now: float) -> float:
        """Return the mails a second that all workers may send; 0 when nothing limits.

        `most` is MaxSendRate, 0 for none.
        """
        known = 0 < self.learned < LIFTED and now < self.learned_until
        limits = [rate for rate in (self.learned if known else 0.0, most) if rate > 0]
        return min(limits, default=0.0)

    def next_turn(self, lane: Lane) -> float:
        """Return when the next turn of a lane begins."""
        return self.bulk_turn if lane is Lane.BULK else self.turn

    def share(self, lane: Lane, now: float) -> float:
        """Return a lane's part of the limit: normal leaves a tenth to bulk where bulk waits."""
        if lane is Lane.NORMAL and self.bulk_turn > now - _ACTIVE_SECONDS:
            return _NORMAL_SHARE
        return 1.0

    @property
    def first_turn(self) -> float:
        """The end of the moment after the first refusal: Taqnyat may count by the second."""
        return 0.0 if self.ceiling else self.lowered_at + _MOMENT_SECONDS

    @property
    def gain(self) -> float:
        """Mails a second that one success adds."""
        if not self.ceiling:
            return _STEEP
        part = self.learned / self.ceiling
        return next((gain for below, gain in _GAINS if part < below), _BOLD)


class Tally(NamedTuple):
    """What a container has seen since it last wrote: how many of each, and when the last began."""

    successes: int = 0
    sent_at: float = 0.0
    refusals: int = 0
    refused_at: float = 0.0

    def success(self, started: float) -> Tally:
        """Count a mail that went through."""
        return self._replace(successes=self.successes + 1, sent_at=max(self.sent_at, started))

    def refusal(self, started: float) -> Tally:
        """Count a 429."""
        return self._replace(refusals=self.refusals + 1, refused_at=max(self.refused_at, started))


def lowers(rate: Rate, tally: Tally) -> bool:
    """Tell whether a tally lowers a rate: a refusal of a call from before the last one does not."""
    return tally.refusals > 0 and tally.refused_at > rate.lowered_at


def lowered(rate: Rate, limit: float, tally: Tally, now: float) -> Rate:
    """Return the rate that follows refusals under a limit.

    Soon after others, refusals with no success between only say that it is too early: what Taqnyat
    counts over some seconds is used up. Then all wait, each time twice as long, and where the waits
    grow long, what went through since shows the rate better than any step. Else it is lowered by a
    step, and halved where many were refused.
    """
    again = now - rate.lowered_at < _SOON_SECONDS
    lasting = rate._replace(lowered_at=now, learned_until=now + FORGOTTEN_SECONDS)
    if rate.learned and again and not tally.successes:
        hold = min(max(2 * rate.hold, _LEAST_HOLD), _MOST_HOLD)
        bursty = now + _BURSTY_SECONDS if hold >= _LONG_HOLD else rate.bursty_until
        return lasting._replace(hold=hold, held_until=now + hold, bursty_until=bursty)
    share = tally.refusals / (tally.refusals + tally.successes)
    learned = limit * (_HALVED if share > _MANY and again else _LOWERED)
    span = now - rate.counted_since if rate.counted_since else 0.0
    if span > _LEAST_SPAN and rate.bursty_until > now:
        learned = min(learned, max(rate.counted / span, limit * _MOST_AT_ONCE))
    after = lasting._replace(learned=max(LEAST, learned), ceiling=limit)
    if not rate.counted_since or span > _MOST_SPAN:
        after = after._replace(counted_since=now, counted=0)
    return after
