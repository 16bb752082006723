"""Limits of a caller at the API: 429 with the time to wait, and headers that clients read."""

import pytest

from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, mail

DAY = {"daily": "10"}
FAST = {"rate": "5"}


def limited(world: World, **options: str) -> Caller:
    return Caller(world, options=options)


def told(reply: Reply) -> tuple[str, str]:
    return reply.headers["ratelimit-limit"], reply.headers["ratelimit-remaining"]


def usage(world: World) -> list[str]:
    return [call.name for call in world.calls if call.name == "dynamodb.update_item"]


def test_a_key_without_limits_costs_no_request_and_says_nothing(world: World) -> None:
    reply = Caller(world).send()
    assert [call.name for call in world.calls] == [
        "dynamodb.put_item",
        "sqs.send_message",
        "response.api",
    ]
    assert not [name for name in reply.headers if name.startswith("ratelimit")]


def test_a_key_with_limits_costs_one_request_and_says_how_it_stands(world: World) -> None:
    shop = limited(world, **FAST)
    assert told(shop.send()) == ("5", "4")
    assert len(usage(world)) == 1


def test_too_many_a_second_are_refused_until_their_time_has_come(world: World) -> None:
    shop = limited(world, **FAST)
    assert [shop.send().status for _ in range(5)] == [200] * 5
    refused = shop.send()
    assert (refused.status, refused.body["name"]) == (429, "rate_limit_exceeded")
    assert told(refused) == ("5", "0")
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"] == "1"
    assert len(world.mail.messages) == 5
    world.wait(1)
    assert shop.send().status == 200


def test_a_batch_that_does_not_fit_is_refused_whole(world: World) -> None:
    shop = limited(world, **DAY)
    assert told(shop.batch([mail()] * 7)) == ("10", "3")
    refused = shop.batch([mail()] * 4)
    assert (refused.status, refused.body["name"]) == (429, "daily_quota_exceeded")
    assert told(refused) == ("10", "3")
    assert len(world.mail.messages) == 1
    assert told(shop.batch([mail()] * 3)) == ("10", "0")
    later = int(refused.headers["retry-after"])
    assert 0 < later <= 86400
    world.wait(later)
    assert told(shop.send()) == ("10", "9")


@pytest.mark.usefixtures("world")
def test_the_day_ends_where_the_stack_says() -> None:
    world = World(QUOTA_TIME_ZONE="UTC")  # it is 08:00 UTC there, 11:00 in Riyadh
    shop = limited(world, **DAY)
    assert shop.send().headers["ratelimit-reset"] == str(16 * 3600)
    riyadh = limited(World(), **DAY)
    assert riyadh.send().headers["ratelimit-reset"] == str(13 * 3600)


@pytest.mark.usefixtures("world")
def test_a_day_of_a_zone_that_there_is_not_ends_at_midnight_utc() -> None:
    shop = limited(World(QUOTA_TIME_ZONE="Asia/Nowhere"), **DAY)
    assert shop.send().headers["ratelimit-reset"] == str(16 * 3600)


def test_only_valid_mails_of_a_permissive_batch_count(world: World) -> None:
    shop = limited(world, **DAY)
    reply = shop.batch([mail(), mail(to="nobody"), mail()], mode="permissive")
    assert told(reply) == ("10", "8")
    assert told(shop.batch([mail(to="nobody")], mode="permissive")) == ("10", "8")


def test_every_answer_to_a_key_with_limits_says_how_it_stands(world: World) -> None:
    shop = limited(world, **DAY, rate="1000")
    assert told(shop.call("GET", "/emails/{id}", mail_id="nothing")) == ("10", "10")
    mail_id = shop.accepted()
    for method, route in (
        ("GET", "/emails/{id}"),
        ("GET", "/emails"),
        ("POST", "/emails/{id}/cancel"),
        ("GET", "/status"),
        ("DELETE", "/emails"),
    ):
        reply = shop.call(method, route, mail_id=mail_id if "{" in route else "")
        assert told(reply) == ("10", "9")
    refused = shop.send(to="nobody")
    assert (refused.status, told(refused)) == (422, ("10", "9"))


@pytest.mark.parametrize("options", [DAY, DAY | {"rate": "1000"}])
def test_a_repeat_counts_once_and_is_answered_also_when_nothing_is_left(
    world: World, options: dict[str, str]
) -> None:
    shop = limited(world, **options)
    first = shop.send("key")
    assert shop.send("key").body == first.body
    assert shop.send("key").body == first.body
    assert told(shop.batch([mail()] * 9))[1] == "0"
    assert shop.send().status == 429
    assert shop.send("key").body == first.body
    assert shop.send("another key").status == 429


def test_a_repeated_batch_counts_once(world: World) -> None:
    shop = limited(world, **DAY)
    mails = [mail(subject=str(number)) for number in range(6)]
    first = shop.batch(mails, "key")
    assert shop.batch(mails, "key").body == first.body
    assert told(shop.send())[1] == "3"
    assert shop.batch(mails[:4], "more").status == 429


def test_what_is_refused_for_another_reason_counts_nothing(world: World) -> None:
    shop = limited(world, **DAY)
    shop.send("key")
    assert shop.send("key", subject="another").status == 409
    assert shop.send(to="nobody").status == 422
    assert shop.batch([mail(text="x" * 600_000)] * 2).status == 413
    assert told(shop.send())[1] == "8"


def test_callers_do_not_share_their_limits(world: World) -> None:
    for client in ("shop", "news"):
        caller = Caller(world, client=client, options=dict(DAY))
        assert told(caller.send()) == ("10", "9")


def test_the_lane_of_a_key_is_that_of_its_mails_which_name_none(world: World) -> None:
    news = limited(world, priority="bulk")
    shown = [news.show(news.accepted()), news.show(news.accepted(priority="normal"))]
    assert [reply.body["taqnyat"]["priority"] for reply in shown] == ["bulk", "normal"]
    assert [len(world.bulk.messages), len(world.mail.messages)] == [1, 1]
    assert [message.group for message in world.waiting] == ["shop", "shop"]


@pytest.mark.parametrize("priority", ["urgent", "BULK", 1, True, ["bulk"]])
def test_a_priority_that_there_is_not_names_the_field(world: World, priority: object) -> None:
    reply = Caller(world).send(priority=priority)
    assert (reply.status, reply.body["name"]) == (422, "validation_error")
    assert reply.body["message"] == "`priority` must be one of: normal, bulk"
    assert world.waiting == []


def test_a_batch_of_both_lanes_is_one_message_and_ends_in_both(world: World) -> None:
    caller = Caller(world)
    mails = [mail(subject=lane, priority=lane) for lane in ("bulk", "normal", "bulk")]
    assert caller.batch(mails).status == 200
    assert (len(world.mail.messages), len(world.bulk.messages)) == (1, 0)
    world.work(world.sqs.take(world.mail, 10))
    assert [(len(world.mail.messages), len(world.bulk.messages))] == [(1, 2)]
    world.run_until_quiet()
    assert {subject: len(times) for subject, times in world.taqnyat.accepted.items()} == {
        "bulk": 2,
        "normal": 1,
    }


def test_a_scheduled_mail_comes_back_to_its_lane_also_when_it_was_moved(world: World) -> None:
    caller = Caller(world)
    at = "2027-02-01T00:00:00Z"
    mail_id = caller.accepted(priority="bulk", scheduled_at=at)
    assert caller.move(mail_id, "2027-03-01T00:00:00Z").status == 200
    [schedule] = world.scheduler.schedules.values()
    assert schedule.target["Arn"] == world.environment["BULK_QUEUE_ARN"]
    world.run_until_quiet(schedules=True)
    assert caller.state(mail_id) == "sent"


def test_equal_calls_that_are_joined_count_once(world: World) -> None:
    shop = limited(world, **DAY)
    shop.join_within = 300
    first = shop.send()
    assert shop.send().body == first.body
    mails = [mail(subject=str(number)) for number in range(3)]
    assert shop.batch(mails).body == shop.batch(mails).body
    assert told(shop.send(subject="another"))[1] == "5"
