"""The edge of AWS, as documented: what Lambda and SQS do with a batch, whatever becomes of it."""

import json

import pytest
from mail_send import worker
from outbox.mail.states import State

from tests.faults import books
from tests.faults.accounts import MAIL_QUEUE
from tests.faults.containers import Context, Notes, Process
from tests.faults.standins import sqs
from tests.faults.world import World


def _queued(world: World, mails: int = 10) -> None:
    for number in range(mails):
        world.drop(f"mail {number}")


def _all_sent_once(world: World, mails: int = 10) -> bool:
    taken = [len(world.taqnyat.accepted[f"mail {number}"]) for number in range(mails)]
    return taken == [1] * mails and books.faults(world) == []


@pytest.mark.parametrize("event", [{}, {"Records": []}])
def test_an_empty_batch(event: dict[str, object]) -> None:
    world = World()
    world.drop("mail")
    world.poll()
    calls = len(world.calls)
    assert world.ask_worker(event) == {"batchItemFailures": []}
    assert len(world.calls) == calls


def test_a_function_that_raises_gets_its_whole_batch_again() -> None:
    world = World()
    _queued(world)
    sound = world.dynamo.get_item
    world.dynamo.get_item = _raises  # type: ignore[method-assign]  # a bug, at the first call
    world.poll()
    assert [type(error) for _, error in world.errors] == [RuntimeError]
    assert len(world.mail.messages) == 10
    world.dynamo.get_item = sound  # type: ignore[method-assign]
    world.errors.clear()
    world.replace_containers()
    world.run_until_quiet()
    assert _all_sent_once(world)


def _raises(**_: object) -> None:
    raise RuntimeError


def test_the_answer_names_only_messages_of_the_batch() -> None:
    """An id that is unknown would return the whole batch, what was sent with it."""
    world = World()
    world.taqnyat.script = ["status_503", "code_15", "hang"]
    _queued(world)
    messages = world.sqs.take(world.mail, 10)
    answer = world.ask_worker({"Records": [sqs.record(message) for message in messages]})
    again = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert set(again) < {message.id for message in messages}
    assert len(again) == len(set(again))


def test_an_answer_that_names_a_stranger_returns_all_and_nothing_is_sent_again() -> None:
    world = World()
    _queued(world)
    messages = world.sqs.take(world.mail, 10)
    world.ask_worker({"Records": [sqs.record(message) for message in messages]})
    handles = {message.id: message.handle for message in messages}
    world.acknowledge(handles, {"batchItemFailures": [{"itemIdentifier": "a stranger"}]})
    assert len(world.mail.messages) == 10
    world.run_until_quiet()
    assert _all_sent_once(world)


@pytest.mark.parametrize("body", ["no JSON", "[1]", '{"to":', '{"from":"a@b.sa"}', "[" * 9999])
def test_one_message_that_is_no_mail(body: str) -> None:
    world = World()
    _queued(world, 9)
    world.mail.messages[4].body = body
    subject = "mail 4"
    del world.orders[subject]
    world.run_until_quiet()
    assert len(world.taqnyat.accepted) == 8
    [parked] = world.failed.messages
    assert parked.attributes["state"]["StringValue"] == "invalid"
    assert parked.body == body


def test_one_message_that_finds_a_bug_sinks_no_other_and_ends_in_the_failed_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Notes, "error", lambda *_: None)  # a bug is raised there else
    world = World()
    world.mail.max_receives = 3
    _queued(world)
    poison = world.orders.pop("mail 4")
    world.dynamo.items[poison.mail_id] = {"pk": {"S": poison.mail_id}, "state": {"S": "of later"}}
    world.run_until_quiet()
    assert len(world.taqnyat.accepted) == 9
    assert [message.id for message in world.failed.messages] == [poison.mail_id]
    assert books.faults(world) == []


def test_a_message_twice_in_one_batch() -> None:
    for lockstep in (False, True):
        world = World(lockstep=lockstep)
        _queued(world, 5)
        messages = world.sqs.take(world.mail, 10)
        world.work([*messages, *messages])
        world.run_until_quiet()
        assert _all_sent_once(world, 5)


@pytest.mark.parametrize("policy", ["hold", "resend"])
@pytest.mark.parametrize("lockstep", [False, True])
def test_a_time_limit_in_the_middle_of_a_batch(policy: str, *, lockstep: bool) -> None:
    world = World(policy=policy, lockstep=lockstep, FAILURE_RUN="1000")
    _queued(world)
    world.taqnyat.script = ["hang_but_accepted"] * 3
    world.plan = {30: "killed_before"}
    world.run_until_quiet()
    assert books.faults(world) == []


def test_a_throttled_poller_does_not_make_dead_letters() -> None:
    """Each try to invoke a throttled function spends a receive."""
    world = World()
    world.taqnyat.script = ["status_503"] * 5
    _queued(world)
    for _ in range(world.mail.max_receives - 50):
        assert len(world.sqs.take(world.mail, 10)) == 10
        world.wait(world.mail.visibility_seconds + 1)
    world.run_until_quiet()
    assert world.failed.messages == []
    assert _all_sent_once(world)


def test_a_batch_is_given_back_while_sending_is_paused() -> None:
    world = World()
    world.taqnyat.refusing = "code_2"
    world.drop("first")
    world.poll()
    _queued(world)
    messages = world.sqs.take(world.mail, 10)
    answer = world.ask_worker({"Records": [sqs.record(message) for message in messages]})
    assert len(answer["batchItemFailures"]) == 10
    assert len(world.taqnyat.calls) == 1
    assert all(message.visible_at <= world.now + 30 for message in messages)


def test_a_worker_without_time_left_starts_nothing() -> None:
    world = World()
    _queued(world)
    messages = world.sqs.take(world.mail, 10)
    event = {"Records": [sqs.record(message) for message in messages]}
    answer = world.ask_worker(event, seconds=20)
    assert len(answer["batchItemFailures"]) == 10
    assert world.taqnyat.calls == []
    assert all(world.row(order) is None for order in world.orders.values())


def test_a_producers_own_attributes_are_no_re_drive() -> None:
    world = World()
    text = {"DataType": "String", "StringValue": "failed"}
    body = {"from": "shop@acme.sa", "to": ["a@b.sa"], "subject": "mail", "text": "Hi"}
    answer = world.sqs.send_message(
        QueueUrl=MAIL_QUEUE,
        MessageBody=json.dumps(body),
        MessageAttributes={"state": text, "id": text},
    )
    world.run_until_quiet()
    item = world.dynamo.items[answer["MessageId"]]
    assert item["state"] == {"S": State.SENT}


def test_lambda_tells_the_time_that_is_left() -> None:
    world = World()
    context = Context(world, Process("worker", world.now + 1.5))
    assert context.get_remaining_time_in_millis() == 1500
    assert worker.Context.__name__ == "Context"
