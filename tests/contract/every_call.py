"""Mails that make the functions call AWS in every way that they can."""

from collections.abc import Callable

from tests.faults.accounts import START
from tests.faults.installation import installed
from tests.faults.webhook_world import URL, WebhookWorld, with_webhooks
from tests.faults.world import World
from tests.unit.api.caller import Caller, mail


def make_every_call(prepare: Callable[[World], None]) -> None:
    """Make every kind of call at least once, in a world that `prepare` may change first."""
    with installed():
        world = World(policy="resend", ALARM_TOPIC_ARN="arn:aws:sns:us-east-1:123456789012:alarms")
        prepare(world)
        _sent_retried_failed_unknown(world)
        _paused_and_resumed(world)
        _asked_by_api(Caller(world), world)
        _bulk(Caller(world), world)
        for lane in ("normal", "bulk"):
            _probed(Caller(world), world, lane)
        _moved_under_a_probe(Caller(world), world)
        assert world.errors == []


def make_every_webhook_call(prepare: Callable[[World], None]) -> None:
    """Make every kind of call of webhooks, likewise."""
    with installed(), with_webhooks():
        world = WebhookWorld()
        prepare(world)
        hook = world.hook()
        world.manage("GET", "/webhooks")
        world.manage("POST", "/webhooks/{id}/signing-secret/rotate", hook=hook)
        world.receivers[URL].answer = lambda _: 500
        world.post("a")
        world.post_batch([f"mail {number}" for number in range(30)])
        world.run_until_told()
        assert world.sns.notices  # it was paused
        world.receivers[URL].answer = lambda _: 200
        world.manage("PATCH", "/webhooks/{id}", {"status": "enabled"}, hook=hook)
        world.manage("PATCH", "/webhooks/{id}", {"include_tags": True}, hook=hook)
        world.run_until_told()
        world.manage("DELETE", "/webhooks/{id}", hook=hook)
        assert world.errors == []


def _sent_retried_failed_unknown(world: World) -> None:
    world.post("a", to=["a@example.com", "b@example.com"], expires_at=int(START) + 10**6)
    world.drop("b")
    world.drop("c", on_unknown="hold")
    world.sqs.send_message(
        QueueUrl=world.environment["MAIL_QUEUE_URL"], MessageBody='{"subject":"poison"}'
    )
    world.taqnyat.script = ["status_503", "code_14", "hang", "status_429_in_90s"]
    world.run_until_quiet()
    assert len(world.failed.messages) == 3
    world.redrive()
    world.run_until_quiet()


def _paused_and_resumed(world: World) -> None:
    world.taqnyat.refusing = "code_102"
    world.post("d")
    world.poll()
    world.check()
    assert world.paused
    world.taqnyat.refusing = None
    world.run_until_quiet()
    assert not world.paused


def _asked_by_api(shop: Caller, world: World) -> None:
    later = "2027-02-01T00:00:00Z"
    first, second = (shop.accepted(scheduled_at=later) for _ in range(2))
    assert shop.move(first, "2027-03-01T00:00:00Z").status == 200
    assert shop.cancel(second).status == 200
    assert shop.batch([mail(), mail(scheduled_at=later)], key="k").status == 200
    assert shop.list(limit="2").status == 200
    assert shop.call("GET", "/status").status == 200
    world.poll()
    world.run_until_quiet()


def _bulk(shop: Caller, world: World) -> None:
    world.taqnyat.script = ["status_503", "code_14"]
    shop.accepted(priority="bulk", scheduled_at="2027-02-01T00:00:00Z")
    assert shop.batch([mail(priority="bulk"), mail(priority="bulk")], key="bulk").status == 200
    world.run_until_quiet()
    world.redrive()
    world.run_until_quiet()


def _probed(shop: Caller, world: World, lane: str) -> None:
    """Let status checks deliver: expired, a batch, a part too early, one retried, then refused."""
    world.taqnyat.refusing = "code_102"
    world.post(f"e {lane}", expires_at=int(world.now) + 600, priority=lane)
    world.poll()
    tripped = world.paused
    assert tripped
    world.taqnyat.refusing = None
    world.taqnyat.script = ["status_503", "code_14"]
    mails = [mail(scheduled_at="2027-04-01T00:00:00Z", priority=lane), mail(priority=lane)]
    assert shop.batch(mails, key=f"probed {lane}").status == 200
    for _ in range(4):
        world.wait(3600)
        world.check()
    assert not world.paused
    assert world.taqnyat.script == []


def _moved_under_a_probe(shop: Caller, world: World) -> None:
    """Let a mail be moved between a probe's look and its claim: its schedule is made again."""
    hour = 3600
    mail_id = shop.accepted(scheduled_at=int(world.now) + hour)
    world.taqnyat.refusing = "code_102"
    world.post("f", expires_at=int(world.now) + 600)
    world.poll()
    tripped = world.paused
    assert tripped
    world.taqnyat.refusing = None
    world.wait(2 * hour)
    world.poll()
    read = world.dynamo.batch_get_item

    def moved(**arguments: object) -> object:
        answer = read(**arguments)
        world.dynamo.items[mail_id]["scheduled_at"] = {"N": str(int(world.now) + 24 * hour)}
        return answer

    world.dynamo.batch_get_item = moved  # type: ignore[method-assign]
    world.check()
    world.dynamo.batch_get_item = read  # type: ignore[method-assign]
    world.post("g")
    for _ in range(4):
        world.wait(hour)
        world.check()
    assert not world.paused
