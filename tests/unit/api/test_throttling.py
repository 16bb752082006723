"""What AWS throttles is tried again, then answered 503; what broke off is taken back."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import BotoCoreError, ReadTimeoutError
from outbox.throttling import is_throttled

from tests.faults.standins.errors import client_error
from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, mail, sent, waiting

THROTTLED = [
    client_error("PutItem", "ThrottlingException"),
    client_error("PutItem", "ProvisionedThroughputExceededException"),
    client_error("PutItem", "RequestLimitExceeded"),
    client_error("PutItem", "TransactionConflictException"),
    *(
        client_error(
            "TransactWriteItems",
            "TransactionCanceledException",
            CancellationReasons=[{"Code": "None"}, {"Code": reason}],
        )
        for reason in ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")
    ),
]
WRITES = ("put_item", "update_item", "transact_write_items")


class Throttled:
    """Lets DynamoDB refuse so many writes."""

    def __init__(self, world: World, error: Exception, times: int) -> None:
        self.left = times
        self.refused_at: list[float] = []
        for name in WRITES:
            setattr(world.dynamo, name, self._refusing(getattr(world.dynamo, name), world, error))
        world.replace_containers()

    def _refusing(
        self, write: Callable[..., Any], world: World, error: Exception
    ) -> Callable[..., Any]:
        def refuse(**arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
            if self.left:
                self.left -= 1
                self.refused_at.append(world.now)
                raise error
            return write(**arguments)

        return refuse


def _single(shop: Caller, _: str) -> Reply:
    return shop.send()


def _batch(shop: Caller, _: str) -> Reply:
    return shop.batch([mail(), mail()])


def _cancel(shop: Caller, mail_id: str) -> Reply:
    return shop.cancel(mail_id)


def _move(shop: Caller, mail_id: str) -> Reply:
    return shop.move(mail_id, shop.world.now + 9000)


CALLS = pytest.mark.parametrize("call", [_single, _batch, _cancel, _move])


@pytest.mark.parametrize("error", THROTTLED, ids=str)
@CALLS
def test_a_call_outlasts_a_moment_of_throttling(
    shop: Caller, world: World, call: Callable[[Caller, str], Reply], error: Exception
) -> None:
    mail_id = shop.accepted(scheduled_at=world.now + 7200)
    throttled = Throttled(world, error, 3)

    assert call(shop, mail_id).status == 200
    assert throttled.left == 0


@pytest.mark.parametrize("error", THROTTLED, ids=str)
@CALLS
def test_a_call_that_is_throttled_throughout_is_told_when_to_come_back(
    shop: Caller, world: World, call: Callable[[Caller, str], Reply], error: Exception
) -> None:
    mail_id = shop.accepted(scheduled_at=world.now + 7200)
    throttled = Throttled(world, error, 1000)
    began = world.now

    reply = call(shop, mail_id)

    assert (reply.status, reply.body["name"]) == (503, "internal_server_error")
    assert "try again after `retry-after` seconds" in reply.body["message"]
    assert 1 <= int(reply.headers["retry-after"]) <= 5
    assert 2 < world.now - began < 5
    waits = [
        round(later - earlier, 2)
        for earlier, later in zip(throttled.refused_at, throttled.refused_at[1:], strict=False)
    ]
    assert waits == sorted(waits)
    assert len(waits) >= 5
    assert waiting(world) == []


def test_a_batch_that_another_call_keeps_writing_has_no_key_to_blame(
    shop: Caller, world: World
) -> None:
    Throttled(world, THROTTLED[-1], 1000)

    assert shop.batch([mail()]).status == 503
    assert shop.batch([mail()], "key").status == 409


@pytest.mark.parametrize(
    "reasons",
    [
        [],
        [{"Code": "None"}],
        [{"Code": "ValidationError"}, {"Code": "ThrottlingError"}],
        [{"Code": "ConditionalCheckFailed"}, {"Code": "TransactionConflict"}],
    ],
)
def test_a_transaction_that_can_never_succeed_is_not_throttled(
    reasons: list[dict[str, str]],
) -> None:
    error = client_error(
        "TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons
    )

    assert not is_throttled(error)
    assert not is_throttled(client_error("PutItem", "AccessDeniedException"))
    assert not is_throttled(ReadTimeoutError(endpoint_url="https://aws.example"))


def test_what_is_no_throttling_is_not_tried_again(shop: Caller, world: World) -> None:
    throttled = Throttled(world, client_error("PutItem", "AccessDeniedException"), 1000)

    reply = shop.send()

    assert reply.status == 500
    assert "retry-after" not in reply.headers
    assert len(throttled.refused_at) == 2  # to accept it, and to take it back


def test_a_limit_is_not_used_up_by_what_was_throttled(world: World) -> None:
    shop = Caller(world, options={"daily": "2"})
    write, refuses = world.dynamo.put_item, True

    def put(**arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
        if refuses:
            raise THROTTLED[0]
        return write(**arguments)

    world.dynamo.put_item = put  # type: ignore[method-assign]
    assert [shop.send().status for _ in range(3)] == [503] * 3
    refuses = False

    assert [shop.send().status for _ in range(3)] == [200, 200, 429]


# ---- A call that breaks off between row and message ----------------------------------------------


QUEUE_ERRORS = [
    client_error("SendMessage", "InternalFailure"),
    client_error("SendMessage", "RequestThrottled"),
    ReadTimeoutError(endpoint_url="https://aws.example"),
]


def _breaking(world: World, error: Exception, *, after: bool = False) -> None:
    """Let SQS refuse messages, or take them and lose its answer."""
    send = world.sqs.send_message

    def broken(**arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
        if after:
            send(**arguments)
        raise error

    world.sqs.send_message = broken  # type: ignore[method-assign]
    world.replace_containers()


def _states(world: World) -> set[tuple[str, str]]:
    return {
        (item["state"]["S"], item.get("reason", {"S": ""})["S"])
        for item in world.dynamo.items.values()
        if "state" in item
    }


@pytest.mark.parametrize("key", [None, "k"])
def test_a_limit_is_not_used_up_by_calls_that_break_off(
    world: World, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """An outage of minutes, in which a caller tries again and again, must not cost it its day."""
    shop = Caller(world, options={"daily": "10"})
    with monkeypatch.context() as outage:
        outage.setattr(world.sqs, "send_message", Mock(side_effect=BotoCoreError()))
        assert [shop.send(key).status for _ in range(12)] == [500] * 12
    world.replace_containers()
    after = shop.send(key)
    assert (after.status, after.headers["ratelimit-remaining"]) == (200, "9")


@pytest.mark.parametrize("error", QUEUE_ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("count", [1, 2, 100])
def test_a_mail_whose_call_broke_off_does_not_stay_queued(
    shop: Caller, world: World, error: Exception, count: int
) -> None:
    _breaking(world, error)

    reply = shop.send() if count == 1 else shop.batch([mail()] * count)

    assert reply.status in {500, 503}
    assert len(world.dynamo.items) == count
    assert _states(world) == {("canceled", "not_accepted")}


@pytest.mark.parametrize("count", [1, 2])
def test_a_message_that_got_through_all_the_same_is_not_a_second_mail(
    shop: Caller, world: World, count: int
) -> None:
    """The caller was told that it failed, and sends it again."""
    _breaking(world, QUEUE_ERRORS[2], after=True)
    assert (shop.send() if count == 1 else shop.batch([mail()] * count)).status == 500
    del world.sqs.__dict__["send_message"]
    world.replace_containers()

    assert (shop.send() if count == 1 else shop.batch([mail()] * count)).status == 200
    world.run_until_quiet()

    assert sent(world) == {"Hi": count}


def test_a_scheduled_mail_whose_call_broke_off_does_not_stay_scheduled(
    shop: Caller, world: World
) -> None:
    def refuse(**_: object) -> None:
        raise client_error("CreateSchedule", "InternalServerException")

    world.scheduler.create_schedule = refuse  # type: ignore[method-assign]

    assert shop.send(scheduled_at=world.now + 7200).status == 500
    assert _states(world) == {("canceled", "not_accepted")}


def test_mails_that_a_worker_has_already_are_not_taken_back(shop: Caller, world: World) -> None:
    send = world.sqs.send_message

    def slow(**arguments: Any) -> None:  # noqa: ANN401 - botocore's shape
        send(**arguments)
        world.batch_size = 1
        world.poll()  # spread
        world.poll()  # one of them is sent
        world.batch_size = 10
        raise QUEUE_ERRORS[2]

    world.sqs.send_message = slow  # type: ignore[method-assign]

    assert shop.batch([mail(), mail()]).status == 500
    assert _states(world) == {("sent", "sent"), ("queued", "")}
    del world.sqs.__dict__["send_message"]
    world.replace_containers()
    world.run_until_quiet()
    assert sent(world) == {"Hi": 2}


@pytest.mark.parametrize("join_within", [0, 600])
def test_a_mail_that_a_repeat_can_heal_stays(world: World, join_within: int) -> None:
    shop = Caller(world, join_within=join_within)
    key = None if join_within else "key"
    _breaking(world, QUEUE_ERRORS[0])
    assert shop.send(key).status == 500
    assert shop.batch([mail(subject="1"), mail(subject="2")], key and "other").status == 500
    assert {state for state, _ in _states(world)} == {"queued"}
    del world.sqs.__dict__["send_message"]
    world.replace_containers()

    assert shop.send(key).status == 200
    assert shop.batch([mail(subject="1"), mail(subject="2")], key and "other").status == 200
    world.run_until_quiet()

    assert sent(world) == {"Hi": 1, "1": 1, "2": 1}


def test_where_it_cannot_be_taken_back_the_first_failure_is_answered(
    shop: Caller, world: World
) -> None:
    def refuse(**_: object) -> None:
        raise client_error("TransactWriteItems", "InternalServerError")

    _breaking(world, QUEUE_ERRORS[1])
    world.dynamo.transact_write_items = refuse  # type: ignore[method-assign]

    assert shop.send().status == 503
    assert _states(world) == {("queued", "")}
