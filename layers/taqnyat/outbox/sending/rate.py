"""The rate: how many mails a second all workers together may send, and how it is learned.

Pure. A 429 lowers the rate for all workers (multiplicative); each success raises it (additive). So
it settles just below Taqnyat's limit. After a pause, and while nothing is known, it starts low and
rises fast until the first refusal. The control record has it; `turns.py` reads and writes it there.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outbox.mail.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

START: Final = 5.0
LEAST: Final = 1.0
# A learned rate above this is no limit.
LIFTED: Final = 500.0
# After this time without a refusal, a learned rate is forgotten.
FORGOTTEN_SECONDS: Final = 900
# After a resume the rate starts low, for at most this time.
SLOW_START_SECONDS: Final = 300
# What a success adds to the rate until the first refusal.
_STEEP: Final = 0.6
# And after it, by the share of the rate that was last refused: slowly near that rate (a provider
# that counts by the second accepts a little more for a while), faster when it accepts more now.
_GAINS: Final = ((0.92, 0.04), (1.0, 0.004), (1.1, 0.01), (1.3, 0.03), (inf, 0.08))
# Twice of it above that rate when nothing was refused for so long: the limit is another one now.
# At a few mails a second such a step is too coarse.
_QUIET_SECONDS: Final = 15.0
_COARSE: Final = 9.0
# The share of the rate that is left after a refusal; after many refusals it is less.
_LOWERED: Final = 0.85
_HALVED: Final = 0.5
_MANY: Final = 0.4
_SOON_SECONDS: Final = 5.0
_LEAST_HOLD, _LONG_HOLD, _MOST_HOLD = 0.5, 2.0, 4.0
_BURSTY_SECONDS: Final = 120.0
# Sent mails are counted over these seconds; the count lowers the rate to this share at most.
_LEAST_SPAN, _MOST_SPAN = 8.0, 30.0
_MOST_AT_ONCE: Final = 0.3

_NORMAL_SHARE: Final = 0.9  # while bulk mails wait too, which get the rest
_ACTIVE_SECONDS: Final = 3.0
_MOMENT_SECONDS: Final = 1.0


class Rate(NamedTuple):
    """The rate in the control record.

    `learned` is mails a second (0: nothing learned), valid until `learned_until`; `ceiling` is the
    rate that was last refused (0: none yet). `lowered_at` is the last refusal that lowered it.
    Until `held_until` nothing is sent (Retry-After). `turn` and `bulk_turn` are when the next turn
    of a lane begins. `hold` is the last wait, in seconds, while there were only refusals; after a
    long one, until `bursty_until`, we assume that Taqnyat counts over some seconds. `counted`
    mails were sent since `counted_since`, the last one at `sent_at`. Times are epoch seconds.
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
    sent_at: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Rate:
        """Read the control record's attributes, whose numbers are thousandths."""
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
            sent_at=values.get("sent_at", 0),
        )

    def limit(self, most: float, now: float) -> float:
        """Return the mails a second that all workers may send; 0 for no limit.

        `most` is MaxSendRate, 0 for none.
        """
        known = 0 < self.learned < LIFTED and now < self.learned_until
        limits = [rate for rate in (self.learned if known else 0.0, most) if rate > 0]
        return min(limits, default=0.0)

    def next_turn(self, lane: Lane) -> float:
        """Return when the next turn of a lane begins."""
        return self.bulk_turn if lane is Lane.BULK else self.turn

    def share(self, lane: Lane, now: float) -> float:
        """Return a lane's share of the limit: normal leaves a tenth to bulk if bulk waits."""
        if lane is Lane.NORMAL and self.bulk_turn > now - _ACTIVE_SECONDS:
            return _NORMAL_SHARE
        return 1.0

    def begins(self, lane: Lane, now: float, *, passed: bool) -> float:
        """Return when a lane's next call may begin.

        `passed` tells that after refusals alone one mail went through.
        """
        if self.hold and passed:
            return now
        return max(self.next_turn(lane), self.first_turn, now)

    @property
    def first_turn(self) -> float:
        """The end of the second after the first refusal: Taqnyat may count by the second."""
        return 0.0 if self.ceiling or self.hold else self.lowered_at + _MOMENT_SECONDS

    def gain(self, now: float) -> float:
        """Return the mails a second that one success adds."""
        if not self.ceiling:
            return _STEEP
        part = self.learned / self.ceiling
        gain = next(gain for below, gain in _GAINS if part < below)
        quiet = self.learned > _COARSE and now - self.lowered_at > _QUIET_SECONDS
        return 2 * gain if quiet and part >= 1 else gain


class Tally(NamedTuple):
    """What a container counted since its last write, and when the last call of each began.

    `limit` is the rate by which these calls had their turns; 0 for none.
    """

    successes: int = 0
    sent_at: float = 0.0
    refusals: int = 0
    refused_at: float = 0.0
    limit: float = 0.0

    def success(self, started: float) -> Tally:
        """Count a sent mail."""
        return self._replace(successes=self.successes + 1, sent_at=max(self.sent_at, started))

    def refusal(self, started: float) -> Tally:
        """Count a 429."""
        return self._replace(refusals=self.refusals + 1, refused_at=max(self.refused_at, started))


def lowers(rate: Rate, tally: Tally) -> bool:
    """Return whether a tally lowers a rate; calls without a turn, or from before, do not."""
    return tally.refusals > 0 and tally.limit > 0 and tally.refused_at > rate.lowered_at


def _has_sent(rate: Rate, tally: Tally) -> bool:
    """Return whether anybody sent a mail since the last lowering."""
    return tally.successes > 0 or rate.sent_at > rate.lowered_at


def lowered(rate: Rate, limit: float, tally: Tally, now: float) -> Rate:
    """Return the rate that follows refusals; `limit` is the one that holds now.

    Refusals soon after others, with no success between, only mean that it is too early: Taqnyat
    counts over some seconds, and that count is used up. Then all wait, each time twice as long. If
    the waits become long, the number of sent mails shows the rate better than any step. Otherwise
    it is a step below the rate that was refused, or half of it if many were. That is the rate of
    the calls' turns, if it was lowered since: so the refusals of many containers lower it once.
    """
    again = now - rate.lowered_at < _SOON_SECONDS
    lasting = rate._replace(lowered_at=now, learned_until=now + FORGOTTEN_SECONDS)
    many = tally.refusals > _MANY * (tally.refusals + tally.successes)
    used_up = not _has_sent(rate, tally) or (many and rate.bursty_until > now)
    if rate.learned and again and used_up:
        hold = min(max(2 * rate.hold, _LEAST_HOLD), _MOST_HOLD)
        bursty = now + _BURSTY_SECONDS if hold >= _LONG_HOLD else rate.bursty_until
        return lasting._replace(hold=hold, held_until=now + hold, bursty_until=bursty)
    refused = max(limit, tally.limit)
    learned = refused * (_HALVED if many and again else _LOWERED)
    span = now - rate.counted_since if rate.counted_since else 0.0
    if span > _LEAST_SPAN and rate.bursty_until > now:
        learned = min(learned, max(rate.counted / span, refused * _MOST_AT_ONCE))
    # Few refusals soon after others are still of the rate before: it is the one that was refused.
    ceiling = (rate.ceiling if again and not many else 0.0) or refused
    after = lasting._replace(learned=max(LEAST, min(learned, limit)), ceiling=ceiling)
    if not rate.counted_since or span > _MOST_SPAN:
        after = after._replace(counted_since=now, counted=0)
    return after
