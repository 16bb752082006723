"""POST /emails/batch: all or none, or those that are valid; and what faults make of it."""

import json
from typing import Any

import pytest

from tests.faults import boundary
from tests.faults.installation import installed
from tests.faults.standins.errors import client_error
from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, mail, sent, waiting


def numbered(count: int, **fields: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Return so many mails that can be told apart."""
    return [mail(subject=f"mail {number}", **fields) for number in range(count)]


def ids(reply: Reply) -> list[str]:
    """Return the ids of an accepted batch."""
    assert reply.status == 200, reply.body
    return [entry["id"] for entry in reply.body["data"]]


@pytest.mark.parametrize("count", [1, 11, 100])
def test_a_batch_is_one_message_until_the_worker_spreads_it(
    shop: Caller, world: World, count: int
) -> None:
    found = ids(shop.batch(numbered(count)))

    [message] = waiting(world)
    assert [part["id"] for part in message["batch"]] == found
    world.run_until_quiet()
    assert sent(world) == {f"mail {number}": 1 for number in range(count)}
    shown = [shop.show(mail_id).body for mail_id in found]
    assert {entry["last_event"] for entry in shown} == {"sent"}


def test_large_mails_are_spread_in_calls_that_sqs_takes(shop: Caller, world: World) -> None:
    mails = numbered(3, text="x" * 340_000)

    ids(shop.batch(mails))
    world.run_until_quiet()

    assert len(sent(world)) == 3


@pytest.mark.parametrize("body", [[], {}, None, "x", 5, [mail()] * 101])
def test_what_is_not_a_list_of_1_to_100_mails_is_refused(shop: Caller, body: object) -> None:
    reply = shop.batch(json.dumps(body))

    assert reply.status == 422
    assert "`body` must be a JSON array of 1 to 100 mails" in reply.body["message"]


@pytest.mark.parametrize(
    ("wrong", "status", "field"),
    [
        (mail(to=["x"]), 422, "[2].to[0]"),
        (mail(cc="a@example.com"), 422, "[2].cc"),
        (mail(**{"from": "x@other.sa"}), 403, "[2].from"),
        (mail(text="x" * 1_045_000), 413, "[2].text"),
        ("x", 422, "[2]"),
        (None, 422, "[2]"),
    ],
)
def test_one_mail_that_is_not_valid_refuses_a_strict_batch(
    shop: Caller, world: World, wrong: object, status: int, field: str
) -> None:
    for mode in (None, "strict", "Strict"):
        reply = shop.batch([*numbered(2), wrong, mail()], "key", mode)

        assert reply.status == status
        assert reply.body["message"].startswith(f"`{field}` ")
    assert world.dynamo.items == {}
    assert waiting(world) == []


def test_a_permissive_batch_leaves_out_what_is_not_valid(shop: Caller, world: World) -> None:
    mails = [*numbered(2), mail(to=["x"]), mail(**{"from": "x@other.sa"}), "x"]

    reply = shop.batch(mails, mode="permissive")

    assert len(ids(reply)) == 2
    assert [error["index"] for error in reply.body["errors"]] == [2, 3, 4]
    assert reply.body["errors"][0]["message"].startswith("`to[0]` ")
    world.run_until_quiet()
    assert sent(world) == {"mail 0": 1, "mail 1": 1}


def test_a_permissive_batch_without_a_valid_mail_accepts_none(shop: Caller, world: World) -> None:
    reply = shop.batch(["x"], mode="permissive")

    assert (ids(reply), len(reply.body["errors"])) == ([], 1)
    assert waiting(world) == []


def test_only_a_permissive_batch_has_errors(shop: Caller) -> None:
    assert "errors" not in shop.batch([mail()]).body
    assert shop.batch([mail()], mode="permissive").body["errors"] == []


def test_another_mode_is_refused(shop: Caller) -> None:
    reply = shop.batch([mail()], mode="lenient")

    assert (reply.status, reply.body["name"]) == (422, "validation_error")


def test_a_batch_that_is_too_large_in_all_is_to_be_split(shop: Caller, world: World) -> None:
    reply = shop.batch(numbered(2, text="x" * 523_000))

    assert reply.status == 413
    assert "split the batch" in reply.body["message"]
    assert world.dynamo.items == {}


def test_a_repeat_with_the_same_key_gives_the_same_ids(shop: Caller, world: World) -> None:
    first = ids(shop.batch(numbered(3), "key"))
    assert ids(shop.batch(numbered(3), "key")) == first
    world.run_until_quiet()

    assert ids(shop.batch(numbered(3), "key")) == first
    assert waiting(world) == []
    assert sent(world) == {"mail 0": 1, "mail 1": 1, "mail 2": 1}


def test_the_key_stands_for_the_whole_batch(shop: Caller) -> None:
    shop.accepted("single")
    ids(shop.batch(numbered(3), "key"))
    rows = dict(shop.world.dynamo.items)

    for other in (numbered(2), numbered(4), [*numbered(2), mail()]):
        reply = shop.batch(other, "key")
        assert (reply.status, reply.body["name"]) == (409, "invalid_idempotent_request")
    assert shop.batch([mail()], "single").status == 409
    assert shop.send("key").status == 409
    assert shop.world.dynamo.items == rows


def test_a_repeat_accepts_what_a_caller_may_send_by_now(world: World) -> None:
    mails = [mail(subject="one"), mail(subject="two", **{"from": "x@other.sa"})]
    before = Caller(world).batch(mails, "key", "permissive")
    after = Caller(world, senders=["*"]).batch(mails, "key", "permissive")

    assert ids(after)[:1] == ids(before)
    world.run_until_quiet()
    assert sent(world) == {"one": 1, "two": 1}


def test_a_scheduled_mail_in_a_batch_gets_its_schedule_from_the_worker(
    shop: Caller, world: World
) -> None:
    mails = [mail(subject="now"), mail(subject="later", scheduled_at=world.now + 7200)]
    now, later = ids(shop.batch(mails))

    world.run_until_quiet()
    assert (shop.state(now), shop.state(later)) == ("sent", "scheduled")
    assert list(world.scheduler.schedules) == [later]
    world.wait(7260)
    world.run_until_quiet()
    assert sent(world) == {"now": 1, "later": 1}


def test_a_mail_in_a_batch_that_no_schedule_can_hold_is_refused(shop: Caller, world: World) -> None:
    reply = shop.batch([mail(), mail(text="x" * 262_200, scheduled_at=world.now + 7200)])

    assert reply.status == 413
    assert reply.body["message"].startswith("`[1].text` ")


class Contested:
    """Lets another transaction on the same items be under way for so many calls."""

    def __init__(self, world: World, times: int) -> None:
        self.left = times
        self.write = world.dynamo.transact_write_items
        world.dynamo.transact_write_items = self  # type: ignore[method-assign]

    def __call__(self, **arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
        if self.left:
            self.left -= 1
            reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            raise client_error(
                "TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons
            )
        return self.write(**arguments)


def test_a_batch_that_another_call_is_accepting_waits_for_it(shop: Caller, world: World) -> None:
    contested = Contested(world, 3)

    assert len(ids(shop.batch(numbered(2), "key"))) == 2
    assert contested.left == 0


def test_a_batch_that_another_call_keeps_accepting_is_told_so(shop: Caller, world: World) -> None:
    Contested(world, 100)

    reply = shop.batch(numbered(2), "key")

    assert (reply.status, reply.body["name"]) == (409, "concurrent_idempotent_requests")
    assert waiting(world) == []


def test_a_transaction_that_fails_otherwise_is_a_failure(shop: Caller, world: World) -> None:
    def refuse(**_: object) -> None:
        reasons = [{"Code": "ValidationError"}]
        raise client_error(
            "TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons
        )

    world.dynamo.transact_write_items = refuse  # type: ignore[method-assign]

    assert shop.batch(numbered(2), "key").status == 500


# ---- The message of a batch ----------------------------------------------------------------------


def test_a_batch_of_which_sqs_takes_a_part_is_spread_again(shop: Caller, world: World) -> None:
    ids(shop.batch(numbered(2)))
    take_all = world.sqs.send_message_batch
    calls = 0

    def take_a_part(**arguments: Any) -> Any:  # noqa: ANN401 - botocore's shape
        nonlocal calls
        calls += 1
        if calls > 1:
            return take_all(**arguments)
        entries = arguments["Entries"]
        answer = take_all(QueueUrl=arguments["QueueUrl"], Entries=entries[:1])
        return answer | {"Failed": [{"Id": entry["Id"]} for entry in entries[1:]]}

    world.sqs.send_message_batch = take_a_part  # type: ignore[method-assign]
    world.run_until_quiet()

    assert calls == 2
    assert sent(world) == {"mail 0": 1, "mail 1": 1}


@pytest.mark.parametrize(
    "batch",
    [
        [{"from": "a@acme.sa", "to": "b@example.com", "subject": "no id", "text": "x"}],
        [5],
        [{"id": "a", "text": "\ufffe"}],
        [{"id": "a", "text": "\ud800"}],
    ],
)
def test_a_batch_of_somebody_else_s_making_is_parked(world: World, batch: object) -> None:
    text = json.dumps({"version": 1, "batch": batch}, separators=(",", ":"))
    world.sqs.send_message(QueueUrl=world.environment["MAIL_QUEUE_URL"], MessageBody=text)
    world.post("neighbour")
    world.run_until_quiet()

    [parked] = world.failed.messages
    assert parked.body == text
    assert parked.attributes["reason"]["StringValue"].startswith("invalid:batch")
    assert sent(world) == {"neighbour": 1}


def test_a_batch_is_spread_while_sending_is_paused(shop: Caller, world: World) -> None:
    world.taqnyat.refusing = "code_2"
    world.post("first")
    while not world.paused:
        world.poll()
    ids(shop.batch(numbered(2)))
    world.taqnyat.refusing = None
    world.wait(400)
    world.run_until_quiet()

    assert sent(world) == {"first": 1, "mail 0": 1, "mail 1": 1}


# ---- Faults --------------------------------------------------------------------------------------

MAILS = numbered(3)


def calls_of_a_batch() -> list[boundary.Call]:
    """Return the calls that the API makes for a batch, and the worker to spread it."""
    with installed():
        world = World(batch_size=1)
        Caller(world).batch(MAILS, "key")
        world.poll()
    return world.calls


FAULTS = [
    (number, kind)
    for number, call in enumerate(calls_of_a_batch())
    for kind in boundary.kinds(call)
]


@pytest.mark.parametrize("key", ["key", None])
@pytest.mark.parametrize(("number", "kind"), FAULTS)
def test_under_any_single_fault_all_are_sent_or_none(
    number: int, kind: str, key: str | None
) -> None:
    with installed():
        world = World(batch_size=1, plan={number: kind})
        answer = _posted(world, key)
        world.run_until_quiet()

        counts = set(sent(world).values())
        assert world.struck == [kind]
        assert len(sent(world)) in {0, len(MAILS)}
        assert counts <= {1}
        if answer is not None and answer["statusCode"] == 200:
            assert len(sent(world)) == len(MAILS)
        if key is not None:
            again = _posted(world, key)
            world.run_until_quiet()
            assert again["statusCode"] == 200
            assert sent(world) == {"mail 0": 1, "mail 1": 1, "mail 2": 1}


def _posted(world: World, key: str | None) -> Any:  # noqa: ANN401 - API Gateway's shape
    return world.ask(
        {
            "httpMethod": "POST",
            "resource": "/emails/batch",
            "headers": {} if key is None else {"Idempotency-Key": key},
            "body": json.dumps(MAILS),
            "requestContext": {
                "authorizer": {"client": "shop", "from": '["*"]', "scopes": "send"},
            },
        }
    )


def test_the_faults_are_those_of_every_call() -> None:
    names = [call.name for call in calls_of_a_batch()]

    assert names[:3] == ["dynamodb.transact_write_items", "sqs.send_message", "response.api"]
    assert "sqs.send_message_batch" in names
    assert len(FAULTS) > 50
