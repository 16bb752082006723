"""The stand-in SQS gives messages out as AWS describes fair queues."""

from collections import Counter

import pytest

from tests.faults.standins.fairness import Message, Queue
from tests.faults.standins.sqs import MAX_IN_FLIGHT, Sqs


class Shop:
    """One queue, and the clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sqs = Sqs(lambda: self.now)
        self.queue = Queue(30, 10**6)
        self.sqs.queues = {"q": self.queue}

    def send(self, group: str, count: int = 1) -> None:
        for _ in range(count):
            more = {"MessageGroupId": group} if group else {}
            self.sqs.send_message(QueueUrl="q", MessageBody="{}", **more)

    def take(self, number: int = 10) -> list[Message]:
        return self.sqs.take(self.queue, number)

    def groups(self, number: int = 10) -> list[str]:
        return [message.group for message in self.take(number)]

    def delete(self, messages: list[Message]) -> None:
        for message in messages:
            self.sqs.delete_message(QueueUrl="q", ReceiptHandle=message.handle)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_without_noise_the_oldest_goes_first(shop: Shop) -> None:
    for group in ("a", "b", "a", "", "c"):
        shop.send(group)
    assert shop.groups(4) == ["a", "b", "a", ""]


def test_a_quiet_caller_goes_before_one_with_30_in_flight(shop: Shop) -> None:
    shop.send("noisy", 100)
    assert shop.groups(30) == ["noisy"] * 30
    shop.send("quiet", 2)
    shop.send("", 1)
    assert shop.groups() == ["quiet", "quiet", ""] + ["noisy"] * 7


def test_fewer_than_30_in_flight_are_no_noise(shop: Shop) -> None:
    shop.send("many", 100)
    shop.take(29)
    shop.send("quiet")
    assert shop.groups() == ["many"] * 10


def test_a_caller_that_takes_the_consumers_time_is_noisy_with_few_messages(shop: Shop) -> None:
    shop.send("slow", 30)
    slow = shop.take(5)
    shop.now += 20
    shop.delete(slow)
    shop.send("quiet", 3)
    assert shop.groups() == ["quiet"] * 3 + ["slow"] * 7


def test_among_noisy_callers_the_one_with_the_fewest_in_flight_goes_first(shop: Shop) -> None:
    shop.send("first", 200)
    shop.send("second", 200)
    shop.take(60)
    assert Counter(shop.groups(40)) == {"second": 40}
    assert Counter(shop.groups(40)) == {"second": 30, "first": 10}


def test_a_noisy_caller_is_quiet_again_when_nothing_of_it_waits(shop: Shop) -> None:
    shop.send("noisy", 40)
    shop.delete(shop.take(40))
    shop.send("other", 10)
    shop.send("noisy", 1)
    shop.send("other", 10)
    assert "noisy" in shop.groups(11)


def test_no_more_than_120_000_are_given_out(shop: Shop) -> None:
    message = Message("m", "{}", {}, shop.now, shop.now + 60, handle="h")
    shop.queue.messages = [message] * MAX_IN_FLIGHT
    shop.send("a")
    assert shop.take() == []
    with pytest.raises(Exception, match="OverLimit"):
        shop.sqs.receive_message(QueueUrl="q", MaxNumberOfMessages=1)
