"""Queues that the stack no longer has: found by name, and emptied without losing lane or caller."""

import json
from typing import Any

import pytest
from outbox.storage.expressions import pack_item

from tests.faults.standins.fairness import Queue
from tests.unit.ops import cloud
from tests.unit.ops.office import BULK, MAIL, Office

OLD = "https://sqs/taqnyat-mail-BulkQueue-x"


class Queues(cloud.Queues):
    """SQS as the office has it, with the queues of two stacks."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        self.urls = [OLD, BULK]

    def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
        assert arguments == {"QueueNamePrefix": "taqnyat-mail-BulkQueue-"}
        return [{"QueueUrls": self.urls}, {}]

    def get_queue_attributes(self, *, QueueUrl: str, **_: object) -> dict[str, Any]:  # noqa: N803
        count = len(self._sqs.queues[QueueUrl].messages)
        return {"Attributes": {"ApproximateNumberOfMessages": str(count)}}


@pytest.fixture
def old(office: Office) -> Queue:
    """Give a left-over queue: an accepted mail, a batch, another stack's, a direct producer's."""
    office.clients["sqs"] = Queues(office)
    office.sqs.queues[OLD] = queue = Queue(300, 86400)
    office.dynamo.items |= {
        name: pack_item({"pk": name, "state": "queued"}) for name in ("mine", "part")
    }
    batch = {"version": 1, "batch": [{"id": "part", "client": "shop"}]}
    for body in (
        {"id": "mine", "client": "shop"},
        batch,
        {"id": "theirs", "client": "shop"},
        {"subject": "direct"},
        "no mail",
    ):
        office.sqs.send_message(
            QueueUrl=OLD,
            MessageBody=json.dumps(body, separators=(",", ":")),
            MessageGroupId="shop",
        )
    return queue


def test_what_is_there_is_shown_and_nothing_moved(office: Office, old: Queue) -> None:
    assert office.json("leftover") == [{"queue": OLD, "messages": 5}]
    assert len(old.messages) == 5


@pytest.mark.parametrize("to", [BULK, MAIL])
def test_it_is_queued_again_and_what_is_not_ours_is_left(
    office: Office, old: Queue, to: str
) -> None:
    if to == MAIL:  # as after 0.1.0 was deployed again
        del office.outputs["BulkQueueUrl"]
        office.clients["sqs"].urls = [OLD]
    direct = old.messages[3].id

    assert office.json("leftover", "--move", "--yes", code=1) == {"moved": 4, "left": 1}

    assert [json.loads(message.body)["id"] for message in old.messages] == ["theirs"]
    moved = office.sqs.queues[to].messages
    assert {message.group for message in moved} == {"shop"}
    assert {message.attributes["lane"]["StringValue"] for message in moved} == {"bulk"}
    (alone,) = [message for message in moved if "direct" in message.body]
    assert alone.attributes["id"]["StringValue"] == direct


def test_no_queue_is_left_over(office: Office) -> None:
    office.clients["sqs"] = queues = Queues(office)
    queues.urls = [BULK]
    assert office.json("leftover", "--move") == []


def test_what_is_there_is_shown_to_people(office: Office, old: Queue) -> None:
    code, out, err = office.run("leftover")
    asked = office.run("leftover", "--move")

    assert (code, err) == (0, "")
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "queue messages",
        f"{OLD} 5",
        "1 of 1 left-over queue(s) hold messages. `leftover --move` queues them again.",
    ]
    assert asked[0] == 1
    assert [" ".join(line.split()) for line in asked[2].splitlines()] == [
        f"{OLD}: about 5",
        "Error: not done without an answer to: Move their messages to taqnyat-mail (nowhere)?",
        "add --yes",
    ]
    assert len(old.messages) == 5


def test_what_was_moved_is_told_to_people(office: Office, old: Queue) -> None:
    code, out, _ = office.run("leftover", "--move", "--yes")
    del old.messages[:]
    office.sqs.send_message(QueueUrl=OLD, MessageBody="no mail")
    rest = office.run("leftover", "--move", "--yes")
    empty = office.run("leftover", "--move", "--yes")

    assert (code, out) == (
        1,
        "4 message(s) queued again, 1 left: their mails have no record in this stack.\n",
    )
    assert rest[:2] == (0, "1 message(s) queued again. An empty queue can be deleted.\n")
    assert empty[0] == 0
    assert empty[1].splitlines()[-1] == "0 of 1 left-over queue(s) hold messages."
