"""Two lanes and a caller's limits on the real template: queues, mappings, roles and authorizer."""

import json

import pytest

from local.parameters import STACK_NAME
from tests.e2e.test_keys import Keys
from tests.e2e.test_operations import Operator
from tests.e2e.world import World


@pytest.fixture
def operator(world: World) -> Operator:
    return Operator(world)


@pytest.mark.parametrize("lane", ["normal", "bulk"])
def test_a_mail_goes_its_lane(world: World, lane: str) -> None:
    mail_id = world.post(world.mail(priority=lane))
    row = world.until_state(mail_id, "sent")
    assert row.get("lane", "normal") == lane
    _, _, shown = world.call("GET", f"/emails/{mail_id}")
    assert shown["taqnyat"]["priority"] == lane
    assert len(world.received()) == 1


def test_a_producer_chooses_the_queue(world: World) -> None:
    mail_id = world.put_on_queue(world.mail(), "BulkQueueUrl")
    assert world.until_state(mail_id, "sent")["lane"] == "bulk"


def test_a_batch_of_both_lanes(world: World) -> None:
    mails = [world.mail(priority=lane, subject=lane) for lane in ("bulk", "normal", "bulk")]
    status, _, answer = world.call("POST", "/emails/batch", json.dumps(mails).encode())
    assert status == 200
    rows = [world.until_state(entry["id"], "sent") for entry in answer["data"]]
    assert [row.get("lane") for row in rows] == ["bulk", None, "bulk"]


def test_a_re_driven_mail_comes_back_to_its_lane(world: World, operator: Operator) -> None:
    world.simulator.script({"answer": "code:14", "to": world.address()})
    mail_id = world.post(world.mail(priority="bulk"))
    world.until_state(mail_id, "failed")
    world.simulator.clear_script()
    world.until(lambda: operator.json("failed", "list", "--id", mail_id))
    assert operator.json("failed", "redrive", "--id", mail_id, "--yes")["move"] == 1
    assert world.until_state(mail_id, "sent")["lane"] == "bulk"


def test_bulk_mails_of_a_queue_that_was_left_over(world: World, operator: Operator) -> None:
    sqs, name = world.stack.client("sqs"), f"{STACK_NAME}-BulkQueue-old"
    old = sqs.create_queue(QueueName=name)["QueueUrl"]
    try:
        sent = sqs.send_message(QueueUrl=old, MessageBody=json.dumps(world.mail()))
        assert operator.json("leftover") == [{"queue": old, "messages": 1}]
        assert operator.check("left-over queues")["level"] == "warning"
        assert operator.json("leftover", "--move", "--yes") == {"moved": 1, "left": 0}
        assert world.until_state(sent["MessageId"], "sent")["lane"] == "bulk"
    finally:
        sqs.delete_queue(QueueUrl=old)


def test_a_key_with_limits(world: World, operator: Operator) -> None:
    before = operator.secret("ApiKeysSecretArn")
    client = world.domain.partition(".")[0]
    try:
        words = ("--from", "*", "--daily", "3", "--rate", "50", "--priority", "bulk")
        key = operator.json("keys", "add", client, *words)["key"]
        headers = {"Authorization": f"Bearer {key}"}
        body = json.dumps(world.mail()).encode()
        left = []
        for _ in range(3):
            status, said, answer = world.call("POST", "/emails", body, headers)
            assert status == 200, answer
            left.append(said["ratelimit-remaining"])
        assert left == ["2", "1", "0"]
        status, said, refused = world.call("POST", "/emails", body, headers)
        assert (status, refused["name"]) == (429, "daily_quota_exceeded")
        assert 0 < int(said["retry-after"]) <= 86400
        assert world.until_state(answer["id"], "sent")["lane"] == "bulk"
    finally:
        operator.secret("ApiKeysSecretArn", before)
    assert Keys(world).before.keys() == json.loads(before).keys()
