"""No mail, and no moment of the provider, holds up all the others: and old designs do."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.model.crowd import ORDERS, Crowd, Design, Mail
from tests.model.explore import explore
from tests.model.lanes import LANES, LanesModel
from tests.model.lanes import Design as LaneDesign

HOURS = 6 * 60


def company(
    design: Design, order: str, poison: int, kind: str = "refused", lane: str = "normal"
) -> Crowd:
    """Return a crowd with poison in a lane, after hours in which a good mail came each minute.

    The good ones come in both lanes, by turns.
    """
    crowd = Crowd(design, [Mail(number, kind, lane=lane) for number in range(poison)], order)
    for minute in range(HOURS):
        good = Mail(1000 + minute, "good", visible_at=minute, lane=LANES[minute % 2])
        crowd.mails.append(good)
        crowd.minute()
    return crowd


def half_fails(design: Design, order: str) -> Crowd:
    """Return a crowd of 800 mails under a provider that failed each second call for an hour."""
    crowd = Crowd(design, [Mail(number, "good") for number in range(800)], order, fails_until=60)
    for _ in range(HOURS):
        crowd.minute()
    return crowd


def dead_in_front(design: Design) -> Crowd:
    """Return a crowd whose account came back while 5,000 expired mails wait before a live one."""
    dead = [Mail(number, "dead") for number in range(5000)]
    mails = [*dead[:1500], Mail(9999, "good"), *dead[1500:]]
    crowd = Crowd(design, mails, paused="account")
    for _ in range(HOURS):
        crowd.minute()
    return crowd


def paused_with(design: Design, lane: str) -> Crowd:
    """Return a crowd whose account came back, some hours later; all its mails are in one lane."""
    mails = [Mail(number, "good", lane=lane) for number in range(20)]
    crowd = Crowd(design, mails, paused="account")
    for _ in range(HOURS):
        crowd.minute()
    return crowd


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("poison", [0, 1, 10, 30])
@pytest.mark.parametrize("kind", ["refused", "failing"])
@pytest.mark.parametrize("lane", LANES)
def test_every_good_mail_is_sent_in_the_end(order: str, poison: int, kind: str, lane: str) -> None:
    crowd = company(Design(), order, poison, kind, lane)
    assert crowd.sent >= HOURS - 40  # those of the last minutes may still wait


@pytest.mark.parametrize("order", ORDERS)
def test_a_provider_that_fails_half_of_the_calls_asks_few_questions(order: str) -> None:
    crowd = half_fails(Design(), order)
    assert (crowd.waiting, crowd.sent + crowd.unknown) == (0, 800)
    assert crowd.unknown <= 30


@pytest.mark.parametrize("lane", LANES)
def test_a_pause_ends_whichever_lane_the_mails_are_in(lane: str) -> None:
    assert paused_with(Design(), lane).sent == 20


def test_a_probe_of_one_lane_is_caught() -> None:
    assert paused_with(Design(probes_both_lanes=False), "bulk").sent == 0


def test_dead_mails_hold_up_nobody() -> None:
    assert dead_in_front(Design()).sent == 1


OLD = Design(
    second_mail_decides=False,
    strikes=False,
    probes_other_mails=False,
    probe_calls=1,
    trips_by_rate=False,
    two_of_three_resume=False,
)


def test_the_old_design_starved_everybody_behind_one_poisoned_mail() -> None:
    assert company(OLD, "oldest", 1).sent == 0


def test_a_probe_of_the_first_mail_only_is_caught() -> None:
    broken = Design(probes_other_mails=False, probe_calls=1, strikes=False)
    assert company(broken, "oldest", 10).sent < HOURS // 2


def test_a_run_of_calls_is_caught() -> None:
    assert half_fails(Design(trips_by_rate=False), "oldest").unknown > 100


def test_any_success_that_resumes_a_failing_provider_is_caught() -> None:
    broken = Design(two_of_three_resume=False, half_opens=False)
    assert half_fails(broken, "oldest").unknown > 30


def test_a_probe_that_stops_at_dead_mails_is_caught() -> None:
    assert dead_in_front(Design(passes_over_dead=False)).sent == 0


# Each broken design: what is watched, and what the model says of it.
BROKEN_LANES = {
    "normal_first": ("normal", "a normal mail starves"),
    "leaves_a_part": ("bulk", "a bulk mail starves"),
    "two_queues": ("normal", "a normal mail starves"),
    "one_rate": ("", "more is sent than the limit"),
    "pushes_always": ("", "more is sent than the limit"),
}


@pytest.mark.parametrize("watched", [*LANES, ""])
def test_no_lane_starves_and_both_keep_one_limit(
    watched: str, record_property: Callable[[str, object], None]
) -> None:
    found = explore(LanesModel(LaneDesign(), watched))
    figures = {"states": len(found.states), "steps": found.steps}
    record_property("model", (f"lanes, {watched or 'the limit'}", figures))
    assert found.wrongs == {}
    assert len(found.states) > 500


@pytest.mark.parametrize("flaw", BROKEN_LANES)
def test_broken_lanes_are_caught(flaw: str) -> None:
    watched, wrong = BROKEN_LANES[flaw]
    found = explore(LanesModel(replace(LaneDesign(), **{flaw: False}), watched), until=wrong)
    assert wrong in found.wrongs
