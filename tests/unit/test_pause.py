"""The pause item: what each write says, whole; and when it is not made."""

from typing import Any, NoReturn, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from outbox.queues.event_source import EventSource
from outbox.sending.control import PauseState
from outbox.sending.pause import Pause
from outbox.storage.expressions import pack_item, unpack_item

from tests.clock import Clock
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.errors import client_error

NOW = 1_800_000_000
DELAYS = (300, 600, 1200)
BEGUN: dict[str, Any] = {
    "pk": "#pause",
    "paused": True,
    "reason": "ip_refused",
    "detail": "10.0.0.1",
    "by": "system",
    "since": NOW,
    "next_probe": NOW + 300,
    "probes": 0,
    "announced": False,
    "cause": "account",
    "repeats": 0,
    "series_since": NOW,
    "blamed": [],
    "passed": 0,
    "failed": 0,
}
# What a resume leaves beside itself: when a mail went through, and a rate that starts low.
SLOW_START = {
    "rate_learned": 5000,
    "rate_ceiling": 0,
    "rate_held_until": 0,
}


class Table(Dynamo):
    """The table that holds the pause."""

    def __init__(self) -> None:
        super().__init__("ledger")

    def get_item(self, **arguments: object) -> dict[str, Any]:
        if arguments["Key"] == {"pk": {"S": "#pause"}}:
            assert arguments["ConsistentRead"] is True
        answer: dict[str, Any] = super().get_item(**arguments)
        return answer

    def item(self, key: str = "#pause") -> dict[str, Any]:
        return unpack_item(self.items[key])

    def change(self, **values: object) -> None:
        self.items["#pause"] = pack_item(self.item() | values)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW + 0.5)


@pytest.fixture
def pause(table: Table, clock: Clock) -> Pause:
    return Pause(cast("Any", table), "ledger", list(DELAYS), clock)


def slow_start(now: int) -> dict[str, Any]:
    return SLOW_START | {"sent_at": now, "rate_learned_until": (now + 300) * 1000}


def _begun(pause: Pause) -> PauseState:
    assert pause.begin("ip_refused", "10.0.0.1")
    return pause.read()


def test_without_an_item_nothing_is_paused(pause: Pause) -> None:
    assert pause.read() == PauseState()
    assert PauseState() == PauseState(paused=False, next_probe=0, probes=0, announced=True)


def test_it_begins_once(pause: Pause, table: Table, clock: Clock) -> None:
    state = _begun(pause)
    assert table.item() == BEGUN
    known = {key: value for key, value in BEGUN.items() if key != "pk"}
    assert state == PauseState(**known | {"blamed": ()})
    clock.now += 10
    assert pause.begin("balance_empty") is False
    assert table.item() == BEGUN


def test_what_a_later_version_wrote_is_passed_over(pause: Pause, table: Table) -> None:
    state = _begun(pause)
    table.change(of_a_later_version=1)
    assert pause.read() == state


def test_a_pause_without_detail_has_an_empty_one(pause: Pause) -> None:
    pause.begin("balance_empty")
    assert pause.read().detail == ""


@pytest.mark.parametrize(
    ("seen_after", "began"), [(None, True), (0.0, True), (0.9, True), (-0.6, False), (-99.0, False)]
)
def test_a_call_from_before_the_resume_pauses_nothing(
    pause: Pause, clock: Clock, seen_after: float | None, *, began: bool
) -> None:
    state = _begun(pause)
    clock.now += 10
    assert pause.end(state)
    resumed = float(int(clock.now))
    seen_at = None if seen_after is None else resumed + seen_after
    assert pause.begin("balance_empty", "", seen_at) is began
    assert pause.read().paused is began


def test_by_hand_it_waits_for_a_hand(pause: Pause, table: Table) -> None:
    _begun(pause)
    pause.begin_by_hand("maintenance")
    by_hand = {"reason": "maintenance", "detail": "", "by": "operator", "next_probe": 0}
    assert table.item() == BEGUN | by_hand | {"cause": "operator"}
    assert pause.begin("balance_empty") is False


@pytest.mark.parametrize("before", [False, True])
def test_by_hand_it_begins_whatever_was_before(
    pause: Pause, table: Table, clock: Clock, *, before: bool
) -> None:
    ended = {"resumed_at": NOW + 10, **slow_start(NOW + 10)} if before else {}
    if before:
        state = _begun(pause)
        clock.now += 10
        pause.probe_failed(state, "api_disabled", "")
        pause.end(state)
        pause.announced(pause.read())
        clock.now += 10
    pause.begin_by_hand("maintenance")
    by_hand = {"reason": "maintenance", "detail": "", "by": "operator", "next_probe": 0}
    now = {"since": int(clock.now), "series_since": int(clock.now), "cause": "operator"}
    told = {"told_at": NOW + 10} if before else {}
    assert table.item() == BEGUN | by_hand | ended | now | told


def test_of_two_checks_one_takes_the_probe(pause: Pause, table: Table) -> None:
    state = _begun(pause)
    assert pause.take_probe(state, NOW + 400.9) is True
    assert table.item() == BEGUN | {"next_probe": NOW + 400}
    assert pause.take_probe(state, NOW + 401) is False
    assert table.item()["next_probe"] == NOW + 400


@pytest.mark.parametrize("other", [{"since": NOW + 1}, {"by": "operator"}, {"paused": False}])
def test_what_was_read_must_still_stand(
    pause: Pause, table: Table, other: dict[str, object]
) -> None:
    state = _begun(pause)
    table.change(next_probe=NOW + 350, **other)
    before = table.item()
    assert pause.take_probe(state, NOW + 400) is False
    assert pause.end(state) is False
    pause.probe_failed(state, "api_disabled", "")
    pause.probe_again(state)
    pause.announced(state)
    assert table.item() == before


def test_each_probe_that_fails_waits_longer(pause: Pause, table: Table, clock: Clock) -> None:
    state = _begun(pause)
    for probes, delay in ((1, 600), (2, 1200), (3, 1200)):
        clock.now += 1000
        pause.probe_failed(state, "api_disabled", "detail")
        at = int(clock.now) + delay
        changed = {"reason": "api_disabled", "detail": "detail", "probes": probes}
        assert table.item() == BEGUN | changed | {"next_probe": at}
        state = pause.read()


def test_probes_of_the_provider_wait_longer_from_the_fourth_on(pause: Pause, clock: Clock) -> None:
    assert pause.begin("timeout", cause="provider")
    state = pause.read()
    for delay in (300, 300, 300, 600, 1200, 1200):
        clock.now += 1000
        began = clock.now - 25  # the wait counts from when the probe began
        pause.probe_failed(state, "timeout", "", began)
        state = pause.read()
        assert state.next_probe == int(began) + delay


def test_a_probe_without_a_mail_is_still_due(pause: Pause, table: Table) -> None:
    state = _begun(pause)
    pause.take_probe(state, NOW + 400)
    pause.probe_again(state)
    assert table.item() == BEGUN


def test_the_end_is_written_and_told_once(pause: Pause, table: Table, clock: Clock) -> None:
    state = _begun(pause)
    pause.announced(state)
    clock.now += 10
    assert pause.end(state) is True
    ended = {"paused": False, "next_probe": 0, "resumed_at": NOW + 10, "told_at": NOW}
    assert table.item() == BEGUN | ended | slow_start(NOW + 10)
    assert pause.end(state) is False


@pytest.mark.parametrize(
    ("reason", "later", "repeats", "delay"),
    [("ip_refused", 60, 1, 600), ("balance_empty", 60, 0, 300), ("ip_refused", 3700, 0, 300)],
)
def test_a_pause_that_comes_back_within_the_hour_waits_longer(
    pause: Pause, clock: Clock, reason: str, later: int, repeats: int, delay: int
) -> None:
    pause.end(_begun(pause))
    before = pause.read()
    clock.now += later
    assert pause.begin(reason, previous=before)
    state = pause.read()
    assert (state.repeats, state.next_probe) == (repeats, int(clock.now) + delay)
    assert state.series_since == (NOW if repeats else int(clock.now))


def test_a_probe_goes_on_where_it_was(pause: Pause) -> None:
    state = _begun(pause)
    pause.take_probe(state, NOW + 400)
    pause.probe_again(state, passed=1, failed=1)
    again = pause.read()
    assert (again.passed, again.failed, again.next_probe) == (1, 1, state.next_probe)
    pause.probe_failed(again, "api_disabled", "")
    assert (pause.read().passed, pause.read().failed) == (0, 0)


def test_an_announcement_is_of_what_was_read(pause: Pause, table: Table) -> None:
    state = _begun(pause)
    pause.announced(state)
    assert table.item() == BEGUN | {"announced": True, "told_at": NOW}


def test_what_taqnyat_says_of_itself_is_kept(pause: Pause, table: Table) -> None:
    assert pause.provider() == {}
    pause.note_provider(up=True, milliseconds=80)
    assert pause.provider() == {
        "pk": "#provider",
        "up": True,
        "milliseconds": 80,
        "checked_at": NOW,
    }
    assert set(table.items) == {"#provider"}


def test_any_other_error_is_raised(
    pause: Pause, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise client_error("UpdateItem", "ThrottlingException")

    monkeypatch.setattr(table, "update_item", refuse)
    with pytest.raises(ClientError, match="Throttling"):
        pause.begin("balance_empty")


QUEUES = ("arn:mail", "arn:bulk")


class Functions:
    """Lambda's client: mappings of the worker's two queues, and one that is none of ours."""

    def __init__(self, *states: str) -> None:
        self.states = states
        self.refused = ""
        self.asked: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []

    def list_event_source_mappings(self, **arguments: object) -> dict[str, Any]:
        self.asked.append(arguments)
        mappings = [
            {"UUID": f"{at}", "State": state, "EventSourceArn": QUEUES[at % 2]}
            for at, state in enumerate(self.states)
        ]
        mappings.append({"UUID": "other", "State": "Updating", "EventSourceArn": "arn:other"})
        return {"EventSourceMappings": mappings}

    def update_event_source_mapping(self, **arguments: object) -> None:
        self.updates.append(arguments)
        if arguments["UUID"] == self.refused:
            raise client_error("UpdateEventSourceMapping", "ResourceInUseException")


@pytest.mark.parametrize("on", [True, False])
def test_the_event_source_is_switched_where_it_is_not_so_already(*, on: bool) -> None:
    states = ("Enabled", "Enabling", "Disabled", "Disabling", "Creating", "Updating")
    functions = Functions(*states)
    event_source = EventSource(lambda: cast("Any", functions), "worker", QUEUES)
    assert (event_source.enable() if on else event_source.disable()) is True
    assert functions.asked == [{"FunctionName": "worker"}]
    others = ("2", "3", "4", "5") if on else ("0", "1", "4", "5")
    assert functions.updates == [{"UUID": name, "Enabled": on} for name in others]


def test_a_mapping_that_is_being_switched_does_not_keep_the_other_as_it_is() -> None:
    functions = Functions("Enabled", "Enabled")
    functions.refused = "0"
    event_source = EventSource(lambda: cast("Any", functions), "worker", QUEUES)
    assert event_source.disable() is False
    assert [update["UUID"] for update in functions.updates] == ["0", "1"]


@pytest.mark.parametrize(
    "error",
    [client_error("Any", "Throttling"), EndpointConnectionError(endpoint_url="https://lambda")],
)
def test_a_switch_that_fails_is_told_and_not_raised(error: Exception) -> None:
    def refuse() -> NoReturn:
        raise error

    assert EventSource(refuse, "worker", QUEUES).disable() is False
