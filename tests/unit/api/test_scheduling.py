"""scheduled_at, PATCH and cancel: sent at its time, at its new time, or never."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from tests.faults import boundary
from tests.faults.accounts import START
from tests.faults.installation import installed
from tests.faults.world import World
from tests.unit.api.caller import Caller, Reply, interrupt, mail, sent, waiting

HOUR: Final = 3600
DAY: Final = 86400


def at(seconds: float, offset: int = 0) -> str:
    """Return the time so many seconds after the start, in ISO 8601."""
    zone = timezone(timedelta(hours=offset)) if offset else UTC
    return datetime.fromtimestamp(START + seconds, zone).isoformat()


def pass_time(world: World, until: float, step: float = 60.0) -> None:
    """Let time pass until so many seconds after the start, and AWS do its part."""
    while world.now < START + until:
        world.wait(min(step, START + until - world.now))
        world.run_until_quiet()


# ---- Sent at its time ----------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 3])
def test_a_mail_of_a_later_time_is_sent_then_and_not_before(
    shop: Caller, world: World, offset: int
) -> None:
    mail_id = shop.accepted(scheduled_at=at(2 * HOUR, offset))

    shown = shop.show(mail_id).body
    assert (shown["last_event"], shown["scheduled_at"]) == (
        "scheduled",
        "2027-01-15T10:00:00.000Z",
    )
    assert waiting(world) == []
    pass_time(world, 2 * HOUR - 1)
    assert sent(world) == {}
    pass_time(world, 2 * HOUR + 60)
    assert shop.state(mail_id) == "sent"
    assert world.scheduler.schedules == {}


def test_a_mail_of_the_next_minute_waits_in_the_queue(shop: Caller, world: World) -> None:
    mail_id = shop.accepted(scheduled_at=at(45))

    assert world.scheduler.schedules == {}
    assert shop.state(mail_id) == "scheduled"
    [message] = world.mail.messages
    assert message.visible_at == pytest.approx(START + 45, abs=1)
    world.run_until_quiet()
    assert shop.state(mail_id) == "sent"
    assert world.now > START + 40


@pytest.mark.parametrize("then", [0, -60, -DAY * 400])
def test_a_time_that_is_not_to_come_means_now(shop: Caller, world: World, then: float) -> None:
    mail_id = shop.accepted(scheduled_at=at(then))

    assert shop.state(mail_id) == "queued"
    world.run_until_quiet()
    assert sent(world) == {"Hi": 1}


def test_up_to_366_days(shop: Caller) -> None:
    assert shop.send(scheduled_at=at(366 * DAY)).status == 200
    reply = shop.send(scheduled_at=at(366 * DAY + 60))

    assert (reply.status, reply.body["name"]) == (422, "invalid_parameter")
    assert reply.body["message"] == "`scheduled_at` is more than 366 days away"


@pytest.mark.parametrize(
    "value",
    ["2027-01-15T10:00:00", "in 1 hour", "", True, {}, -1, 1e30, "0001-01-01T00:00:00+14:00"],
)
def test_what_is_no_time_is_refused(shop: Caller, world: World, value: object) -> None:
    given = shop.send(scheduled_at=value)
    if value in ({}, ""):
        assert given.status == 200  # as if it were left out
        return
    assert given.status == 422
    assert "`scheduled_at`" in given.body["message"]
    assert waiting(world) == []


def test_a_mail_that_expires_before_its_time_is_refused(shop: Caller) -> None:
    reply = shop.send(scheduled_at=at(2 * HOUR), expires_at=at(2 * HOUR))

    assert reply.status == 422
    assert "`expires_at` is not after `scheduled_at`" in reply.body["message"]


def test_a_mail_that_no_schedule_can_hold_is_refused(shop: Caller, world: World) -> None:
    body = "x" * 262_200

    assert shop.send(text=body, scheduled_at=at(45)).status == 200
    reply = shop.send(text=body, scheduled_at=at(HOUR))

    assert (reply.status, reply.body["name"]) == (413, "validation_error")
    assert reply.body["message"].startswith("`text` makes the mail larger than the 262144 bytes")
    assert len(world.dynamo.items) == 1


def test_scheduler_s_own_words_arrive_as_they_are(shop: Caller, world: World) -> None:
    text = r"Try <aws.scheduler.attempt-number>, \<aws.scheduler.attempt-number>"
    shop.accepted(text=text, scheduled_at=at(HOUR))
    world.wait(HOUR)
    world.scheduler.fire()

    [message] = waiting(world)
    assert message["text"] == text


def test_a_repeat_heals_a_schedule_that_was_not_made(shop: Caller, world: World) -> None:
    world.plan = {1: "error_before"}
    assert shop.send("key", scheduled_at=at(HOUR)).status == 500
    assert world.scheduler.schedules == {}

    mail_id = shop.accepted("key", scheduled_at=at(HOUR))

    assert shop.accepted("key", scheduled_at=at(HOUR)) == mail_id
    pass_time(world, HOUR + 60)
    assert sent(world) == {"Hi": 1}


def test_a_repeat_does_not_undo_a_reschedule(shop: Caller, world: World) -> None:
    mail_id = shop.accepted("key", scheduled_at=at(HOUR))
    shop.move(mail_id, at(3 * HOUR))
    shop.accepted("key", scheduled_at=at(HOUR))

    assert len(world.scheduler.schedules) == 1
    pass_time(world, 3 * HOUR - 60)
    assert sent(world) == {}
    pass_time(world, 3 * HOUR + 60)
    assert sent(world) == {"Hi": 1}


# ---- Canceled means never sent -------------------------------------------------------------------


@pytest.mark.parametrize("scheduled_at", [None, at(45), at(HOUR)])
def test_a_canceled_mail_is_never_sent(
    shop: Caller, world: World, scheduled_at: str | None
) -> None:
    mail_id = shop.accepted(scheduled_at=scheduled_at)

    reply = shop.cancel(mail_id)

    assert (reply.status, reply.body) == (200, {"object": "email", "id": mail_id})
    assert shop.show(mail_id).body["last_event"] == "canceled"
    assert world.scheduler.schedules == {}
    pass_time(world, 2 * HOUR)
    assert sent(world) == {}
    assert shop.cancel(mail_id).status == 200


def test_a_schedule_that_could_not_be_deleted_sends_nothing(shop: Caller, world: World) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR))
    world.plan = {len(world.calls) + 2: "error_before"}

    assert shop.cancel(mail_id).status == 200
    assert world.struck
    assert len(world.scheduler.schedules) == 1
    pass_time(world, HOUR + 60)
    assert sent(world) == {}
    assert world.failed.messages == []


def test_a_mail_that_waits_for_another_try_can_be_canceled(shop: Caller, world: World) -> None:
    world.taqnyat.script = ["status_503"]
    mail_id = shop.accepted()
    world.poll()
    assert shop.state(mail_id) == "queued"

    assert shop.cancel(mail_id).status == 200
    world.run_until_quiet()
    assert sent(world) == {}


@pytest.mark.parametrize(
    ("script", "state"), [(None, "sent"), ("code_15", "failed"), ("status_500", "unknown")]
)
def test_what_is_settled_cannot_be_changed(
    shop: Caller, world: World, script: str | None, state: str
) -> None:
    world.taqnyat.script = [script] if script else []
    mail_id = shop.accepted()
    world.run_until_quiet()
    assert shop.state(mail_id) == state

    for reply in (shop.cancel(mail_id), shop.move(mail_id, at(HOUR))):
        assert (reply.status, reply.body["name"]) == (422, "validation_error")
    assert shop.state(mail_id) == state


def test_a_mail_that_may_have_been_sent_cannot_be_canceled(shop: Caller, world: World) -> None:
    world.taqnyat.script = ["status_500_but_accepted", "status_503"]
    mail_id = shop.accepted(on_unknown="resend")
    world.poll()
    assert shop.state(mail_id) == "queued"

    reply = shop.cancel(mail_id)

    assert (reply.status, reply.body["message"]) == (422, "Taqnyat may have sent this mail already")


# ---- Moved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [90, HOUR / 2, 2 * HOUR, 365 * DAY])
def test_a_moved_mail_is_sent_at_its_new_time_only(
    shop: Caller, world: World, later: float
) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR))

    reply = shop.move(mail_id, at(later))

    assert (reply.status, reply.body) == (200, {"object": "email", "id": mail_id})
    assert len(world.scheduler.schedules) == 1
    step = max(60.0, later / 50)
    pass_time(world, later - step, step)
    assert sent(world) == {}
    pass_time(world, later + 60, step)
    assert sent(world) == {"Hi": 1}
    pass_time(world, later + 2 * HOUR, HOUR)
    assert sent(world) == {"Hi": 1}


@pytest.mark.parametrize("later", [-HOUR, 0, 30])
def test_a_mail_that_is_moved_to_now_is_sent_now(shop: Caller, world: World, later: float) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR))

    assert shop.move(mail_id, at(later)).status == 200
    assert world.scheduler.schedules == {}
    world.run_until_quiet()
    assert world.now < START + 60
    assert sent(world) == {"Hi": 1}


def test_a_mail_can_be_moved_often_and_then_canceled(shop: Caller, world: World) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR))
    for hours in (5, 2, 3):
        assert shop.move(mail_id, at(hours * HOUR)).status == 200
    assert shop.show(mail_id).body["scheduled_at"] == at(3 * HOUR).replace("+00:00", ".000Z")

    shop.cancel(mail_id)

    assert world.scheduler.schedules == {}
    pass_time(world, 6 * HOUR, HOUR)
    assert sent(world) == {}


def test_a_client_may_repeat_the_id(shop: Caller) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR))
    body = {"id": mail_id, "scheduled_at": at(2 * HOUR)}

    assert shop.call("PATCH", "/emails/{id}", body, mail_id=mail_id).status == 200


def test_the_last_minute_is_too_late(shop: Caller) -> None:
    mail_id = shop.accepted(scheduled_at=at(45))

    reply = shop.move(mail_id, at(HOUR))

    assert (reply.status, reply.body["name"]) == (422, "validation_error")
    assert "about to be sent" in reply.body["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scheduled_at"),
        ({"scheduled_at": None}, "scheduled_at"),
        ({"scheduled_at": "tomorrow"}, "scheduled_at"),
        ({"scheduled_at": at(400 * DAY)}, "scheduled_at"),
        ({"scheduled_at": at(HOUR), "subject": "x"}, "subject"),
        ({"scheduled_at": at(HOUR), "id": "another"}, "id"),
        ([], "body"),
    ],
)
def test_only_the_time_can_be_changed(shop: Caller, body: object, field: str) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR))

    reply = shop.call("PATCH", "/emails/{id}", body, mail_id=mail_id)

    assert reply.status == 422
    assert reply.body["message"].startswith(f"`{field}` ")


# ---- Faults --------------------------------------------------------------------------------------

Change = Callable[[Caller, str], Reply]
CHANGES: dict[str, tuple[Change, list[float]]] = {
    # How it is changed, and when it may be sent: at its old time only if the change was not made.
    "later": (lambda shop, mail_id: shop.move(mail_id, at(3 * HOUR)), [3 * HOUR]),
    "earlier": (lambda shop, mail_id: shop.move(mail_id, at(HOUR)), [HOUR]),
    "now": (lambda shop, mail_id: shop.move(mail_id, at(0)), [0]),
    "never": (lambda shop, mail_id: shop.cancel(mail_id), []),
}
OLD: Final = 2 * HOUR


def begun(world: World) -> tuple[Caller, str]:
    """Accept a mail that is due in two hours."""
    shop = Caller(world)
    return shop, shop.accepted(scheduled_at=at(OLD))


def faults() -> list[tuple[str, int, str]]:
    """Return each fault of each call of each change: its number counts from the change on."""
    found = []
    for name, (change, _) in CHANGES.items():
        with installed():
            world = World()
            shop, mail_id = begun(world)
            before = len(world.calls)
            change(shop, mail_id)
            for number, call in enumerate(world.calls[before:]):
                found += [(name, number, kind) for kind in boundary.kinds(call)]
    return found


@pytest.mark.parametrize(("name", "number", "kind"), faults())
def test_under_any_single_fault_a_change_is_made_or_not(name: str, number: int, kind: str) -> None:
    change, moments = CHANGES[name]
    with installed():
        world = World()
        shop, mail_id = begun(world)
        world.plan = {len(world.calls) + number: kind}
        answered = None
        try:
            answered = change(shop, mail_id)
        except AssertionError:
            assert not world.errors  # it broke off and gave no answer
        made = answered is not None and answered.status == 200
        allowed = moments if made else [*moments, OLD]
        sends = _sends(world)

        assert world.struck == [kind]
        assert len(sends) == (0 if name == "never" and (made or not sends) else 1)
        for moment in sends:
            assert any(then <= moment <= then + 120 for then in allowed), (sends, allowed)


def _sends(world: World) -> list[float]:
    """Let all its time pass; return when the mail was sent, in seconds after the start."""
    pass_time(world, 4 * HOUR)
    assert world.failed.messages == []
    accepted: Any = world.taqnyat.accepted
    return [round(entry.at - START) for entries in accepted.values() for entry in entries]


def test_a_change_that_broke_off_can_be_made_again() -> None:
    for name, number, kind in faults():
        if kind != "crash_before" or name == "never":
            continue
        with installed():
            world = World()
            shop, mail_id = begun(world)
            world.plan = {len(world.calls) + number: kind}
            with pytest.raises(AssertionError):
                CHANGES[name][0](shop, mail_id)
            again = CHANGES[name][0](shop, mail_id)
            sends = _sends(world)

            assert again.status == 200, (name, number, again.body)
            assert len(sends) == 1
            assert sends[0] <= CHANGES[name][1][0] + 120


@pytest.mark.parametrize("moved_before", [False, True])
@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("later", "earlier"),
        ("earlier", "later"),
        ("now", "later"),
        ("later", "now"),
        ("later", "never"),
        ("never", "later"),
        ("now", "never"),
        ("never", "now"),
    ],
)
def test_of_two_changes_at_once_the_mail_follows_one(
    shop: Caller,
    world: World,
    first: str,
    second: str,
    number: int,
    moved_before: bool,  # noqa: FBT001 - pytest's way
) -> None:
    """The second is made whole just before one call of the first."""
    mail_id = shop.accepted(scheduled_at=at(OLD))
    if moved_before:
        shop.move(mail_id, at(OLD + 60))
    answers: dict[str, int] = {}

    def make(name: str) -> None:
        answers[name] = CHANGES[name][0](shop, mail_id).status

    begun = len(world.calls)
    interrupt(world, begun + number, lambda: make(second))
    make(first)

    made = [name for name in answers if answers[name] == 200]
    assert set(answers.values()) <= {200, 422}
    assert made
    assert len(world.scheduler.schedules) <= 1
    if number in {1, 2} and {first, second} == {"later", "earlier"}:
        assert made == [second]  # the first had read the row before it
    sends = _sends(world)
    if "never" in made:
        assert sends == []
    else:
        assert len(sends) == 1
        moments = [then for name in made for then in CHANGES[name][1]]
        assert any(then <= sends[0] <= then + 120 for then in moments)


def test_an_early_message_of_a_far_time_gets_a_schedule_again(shop: Caller, world: World) -> None:
    mail_id = shop.accepted(scheduled_at=at(2 * HOUR))
    [name] = world.scheduler.schedules
    entry = world.scheduler.schedules.pop(name)
    world.sqs.send_message(QueueUrl=entry.target["Arn"], MessageBody=entry.target["Input"])

    world.run_until_quiet()
    assert list(world.scheduler.schedules) == [mail_id]
    pass_time(world, 2 * HOUR + 60)
    assert sent(world) == {"Hi": 1}


def test_an_early_message_of_a_near_time_waits_in_the_queue(shop: Caller, world: World) -> None:
    shop.accepted(scheduled_at=at(600))
    [entry] = world.scheduler.schedules.values()
    world.sqs.send_message(QueueUrl=entry.target["Arn"], MessageBody=entry.target["Input"])

    world.poll()
    assert sent(world) == {}
    assert len(world.mail.messages) == 1
    pass_time(world, 700)
    assert sent(world) == {"Hi": 1}


def test_what_is_put_on_the_queue_is_the_mail(shop: Caller, world: World) -> None:
    mail_id = shop.accepted(scheduled_at=at(HOUR), subject="طلبك <aws> 🌙")
    [entry] = world.scheduler.schedules.values()

    assert json.loads(entry.target["Input"])["id"] == mail_id
    assert "طلبك <aws> 🌙" in entry.target["Input"]


@pytest.mark.parametrize("seconds", [0, -1, -86400])
def test_a_mail_whose_time_has_passed_is_refused(shop: Caller, world: World, seconds: int) -> None:
    past = world.now + seconds
    for reply in (shop.send(expires_at=past), shop.batch([mail(expires_at=past)])):
        assert (reply.status, reply.body["name"]) == (422, "invalid_parameter")
        assert reply.body["message"].endswith("`expires_at` is in the past") or "[0]" in str(reply)
    assert waiting(world) == []
    permissive = shop.batch([mail(), mail(expires_at=past)], mode="permissive")
    assert permissive.body["errors"][0]["index"] == 1


def test_a_repeat_is_answered_as_before_although_its_time_has_passed(
    shop: Caller, world: World
) -> None:
    soon = world.now + 60
    first = shop.accepted("k", expires_at=soon)
    batch = shop.batch([mail(expires_at=soon)], "b").body
    world.now += 120

    assert shop.accepted("k", expires_at=soon) == first
    assert shop.batch([mail(expires_at=soon)], "b").body == batch
    assert shop.send("new", expires_at=soon).status == 422
