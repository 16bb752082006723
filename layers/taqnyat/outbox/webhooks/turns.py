"""The turn to call an endpoint, and its timers: one item for each endpoint.

One run at a time calls an endpoint. Storing events for it wakes it: during a run this is only
counted, and the run checks the count before it ends; without a run a message must be sent. A
message for a later time is a timer. The item lists the timers, so that there is one for many
events.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from outbox.storage.expressions import Expression, existing_item, pack, unpack_item
from outbox.webhooks.deliveries import partition
from outbox.webhooks.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outbox.ports import TableClient

# Clocks differ, and timers are whole seconds.
SLACK_SECONDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The item of one endpoint, as it is read.

    `token` and `lease` (epoch seconds) belong to the run in progress; `wakes` counts the wakings;
    `timers` are the times (epoch seconds) at which its messages will be received.
    """

    token: str = ""
    lease: int = 0
    wakes: int = 0
    timers: tuple[int, ...] = ()
    health: Health

    def timer_between(self, now: float, at: float) -> bool:
        """Return whether a message will come after `now` and until `at`, or a moment later."""
        return any(now < timer <= at + SLACK_SECONDS for timer in self.timers)


class Turns:
    """The items of all endpoints. Methods raise botocore's errors when DynamoDB fails."""

    def __init__(
        self,
        dynamo: TableClient,
        table: str,
        lease_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`lease_seconds` is longer than a run can last."""
        self._dynamo = dynamo
        self._table = table
        self._lease_seconds = lease_seconds
        self._clock = clock

    def wake(self, endpoint_id: str) -> bool:
        """Count that there is work; return whether a message must be sent for it."""
        write = Expression()
        update = f"SET {write.add('wakes', write.value(1))}"
        turn = _turn(self._update(endpoint_id, write, update, None)["Attributes"])
        now = self._clock()
        if turn.lease > now:
            return False
        # No call may be made before a later time: its timer is enough.
        later = turn.health.probe_at > now
        return not (later and turn.timer_between(now, float("inf")))

    def take(self, endpoint_id: str, token: str, timer: int) -> Turn | None:
        """Take the turn for a run; None if another run has it, which then checks again.

        `timer` is the timer of the message that started this run, or 0.
        """
        while True:
            write, now = Expression(), int(self._clock())
            assign = write.set(token=token, lease=now + self._lease_seconds)
            lease = write.name("lease")
            free = f"attribute_not_exists({lease}) OR {lease} <= {write.value(now)}"
            ours = f"{write.name('token')} = {write.value(token)}"
            update = f"SET {', '.join(assign)}"
            try:
                answer = self._update(endpoint_id, write, update, f"{free} OR {ours}")
            except ClientError as error:
                existing_item(error)
                if not self.wake(endpoint_id):
                    return None
            else:
                turn = _turn(answer["Attributes"])
                timers = tuple(each for each in turn.timers if each > now and each != timer)
                return Turn(
                    token=token,
                    lease=turn.lease,
                    wakes=turn.wakes,
                    timers=timers,
                    health=turn.health,
                )

    def release(
        self,
        endpoint_id: str,
        turn: Turn,
        health: Health,
        timers: Sequence[int],
        *,
        woken: bool = False,
    ) -> Turn | None:
        """Release the turn; return the turn as it is now if the endpoint was woken in between.

        None: it was released, or was no longer ours. With `woken` it is released in any case.
        """
        write = Expression()
        assign = write.set(token="", lease=0, timers=sorted(set(timers)), **asdict(health))
        condition = f"{write.name('token')} = {write.value(turn.token)}"
        if not woken:
            wakes = write.name("wakes")
            same = f"{wakes} = {write.value(turn.wakes)}"
            none = "" if turn.wakes else f" OR attribute_not_exists({wakes})"
            condition += f" AND ({same}{none})"
        try:
            self._update(endpoint_id, write, f"SET {', '.join(assign)}", condition)
        except ClientError as error:
            item = existing_item(error)
            found = _turn(item or {})
            return found if found.token == turn.token else None
        return None

    def _update(
        self, endpoint_id: str, write: Expression, update: str, condition: str | None
    ) -> Any:  # noqa: ANN401  botocore's answer
        return self._dynamo.update_item(
            TableName=self._table,
            Key={"pk": pack(partition(endpoint_id)), "sk": pack("health")},
            UpdateExpression=update,
            ExpressionAttributeNames=write.names,
            ExpressionAttributeValues=write.values,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **({"ConditionExpression": condition} if condition else {}),
        )


def _turn(item: dict[str, Any]) -> Turn:
    values = unpack_item(item)
    health = {each.name: values[each.name] for each in fields(Health) if each.name in values}
    return Turn(
        token=values.get("token", ""),
        lease=values.get("lease", 0),
        wakes=values.get("wakes", 0),
        timers=tuple(values.get("timers", ())),
        health=Health(**health),
    )
