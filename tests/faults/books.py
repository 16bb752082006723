"""The books, closed when all is quiet: what Taqnyat took, the rows, the queue, the failed queue.

Nothing lost: each accepted mail was sent, or is failed or unknown with its body in the failed
queue. Nothing doubled in silence: Taqnyat took a mail twice only where the row counts a resend, and
under `hold` only where a human re-drove it.
"""

from collections.abc import Iterator

from outbox.mail.states import State
from outbox.storage.row import Row

from tests.faults.accounts import Order
from tests.faults.provider import Acceptance
from tests.faults.world import World


def faults(world: World) -> list[str]:
    """Return what is wrong, in words; nothing is what it should be."""
    found = [
        f"{order.subject}: {fault}"
        for order in world.orders.values()
        for fault in _of_one(world, order)
    ]
    if world.waiting:
        found.append(f"{len(world.waiting)} messages are left in the mail queue")
    if unknown := world.taqnyat.accepted.keys() - world.orders.keys():
        found.append(f"Taqnyat took mails that nobody ordered: {sorted(unknown)}")
    if world.unexpected:
        found.append(f"a function raised {world.unexpected[0]!r}")
    return found


def _of_one(world: World, order: Order) -> Iterator[str]:
    taken = world.taqnyat.accepted.get(order.subject, [])
    row = world.row(order)
    if not order.accepted:
        yield "was never accepted"
        return
    if row is None:
        yield "has no row"
        return
    yield from _of_state(world, order, row, taken)
    allowed = row.resends if (order.on_unknown or world.policy) == "resend" else order.redriven
    if len(taken) > 1 and (row.resends < len(taken) - 1 or allowed < len(taken) - 1):
        yield f"was taken {len(taken)} times, the row counts {row.resends} resends"
    if row.resends and not any("resend" in attempt for attempt in row.attempts) and len(taken) > 1:
        yield "no attempt is marked as a resend"


def _of_state(world: World, order: Order, row: Row, taken: list[Acceptance]) -> Iterator[str]:
    copies = world.parked(order)
    if row.state is State.SENT:
        if row.msg_id not in {acceptance.msg_id for acceptance in taken}:
            yield "says sent with a msgId that Taqnyat did not give"
    elif row.state in {State.FAILED, State.UNKNOWN}:
        if row.state is State.FAILED and taken:
            yield "says failed, but Taqnyat took it"
        if not copies:
            yield f"is {row.state} and not in the failed queue"
        for copy in copies:
            attempt = int(copy.attributes["attempt"]["StringValue"])
            if attempt > row.attempt_count:
                yield f"was parked by attempt {attempt} of {row.attempt_count}"
    elif row.state is State.CANCELED and order.canceled:
        if taken:
            yield "says canceled, but Taqnyat took it"
    else:
        yield f"is stuck as {row.state}"
