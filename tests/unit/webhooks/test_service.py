"""The actions on endpoints: what is made, looked up, rotated and called again."""

from typing import Any
from unittest.mock import Mock

import pytest
from outbox.webhooks.deliveries import Delivery
from outbox.webhooks.endpoint import EndpointError, Sealed
from outbox.webhooks.events import Event, first_id
from outbox.webhooks.sealing import Seals
from outbox.webhooks.service import Webhooks
from outbox.webhooks.stores import Stores
from outbox.webhooks.targets import RefusedTargetError

from tests.clock import Clock
from tests.faults.standins.dynamo import SortedDynamo
from tests.faults.standins.others import Kms

NOW = 1_800_000_000.0
DAY = 86_400
URL = "https://app.acme.sa/hook"
NEW = {"endpoint": URL, "events": ["email.sent"]}


class Desk:
    """The service on stores in memory. `refusal` is what a look-up raises."""

    def __init__(self) -> None:
        self.clock = Clock(NOW)
        self.sqs = Mock()
        self.looked: list[tuple[Any, ...]] = []
        self.refusal: Exception | None = None
        self.stores = Stores.of(SortedDynamo("hooks"), "hooks", self.sqs, "url")
        self.seals = Seals(Kms("key"), "key", self.clock)
        self.hooks = Webhooks(
            self.stores, self.seals, loopback=True, clock=self.clock, resolver=self._resolver
        )

    def _resolver(self, *, loopback: bool) -> Any:  # noqa: ANN401 - in Resolver's place
        def look(*what: object) -> None:
            self.looked.append((loopback, *what))
            if self.refusal:
                raise self.refusal

        return look

    def secrets(self, name: str) -> list[str]:
        found = self.hooks.get("shop", name)
        assert found is not None
        return self.seals.open(found)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_endpoint_is_made_with_a_secret_of_its_own(desk: Desk) -> None:
    made, secret = desk.hooks.create("shop", NEW)
    assert (made.client, made.url, made.events) == ("shop", URL, ("email.sent",))
    assert made.created == "2027-01-15T08:00:00.000Z"
    assert desk.hooks.list("shop") == [made]
    assert desk.secrets(made.id) == [secret]
    assert desk.looked == [(False, "app.acme.sa", 443, 3.0)]
    other, _ = desk.hooks.create("shop", {**NEW, "endpoint": "http://127.0.0.1:9000/"})
    assert other.id != made.id
    assert desk.looked[1:] == [(True, "127.0.0.1", 9000, 3.0)]


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (
            RefusedTargetError(),
            "leads to an address of a private, local or reserved network",
        ),
        (OSError(), "names a host that has no address"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(desk: Desk, refusal: Exception, message: str) -> None:
    made, _ = desk.hooks.create("shop", NEW)
    desk.refusal = refusal
    for call in (
        lambda: desk.hooks.create("shop", NEW),
        lambda: desk.hooks.change("shop", made.id, {"endpoint": URL}),
    ):
        with pytest.raises(EndpointError) as error:
            call()
        assert (error.value.field, error.value.message) == ("endpoint", message)
    assert desk.hooks.list("shop") == [made]
    assert desk.hooks.change("shop", made.id, {"events": ["email.failed"]}) is not None


def test_old_secrets_sign_for_a_day_from_when_they_were_replaced(desk: Desk) -> None:
    made, first = desk.hooks.create("shop", NEW)
    second = desk.hooks.rotate("shop", made.id)
    assert desk.secrets(made.id) == [second, first]
    desk.clock.now += DAY - 10
    third = desk.hooks.rotate("shop", made.id)
    assert desk.secrets(made.id) == [third, second, first]
    found = desk.hooks.get("shop", made.id)
    assert found is not None
    assert [one.until for one in found.secrets] == [0, int(NOW) + 2 * DAY - 10, int(NOW) + DAY]
    desk.clock.now += 10
    fourth = desk.hooks.rotate("shop", made.id)
    assert desk.secrets(made.id) == [fourth, third, second]
    found = desk.hooks.get("shop", made.id)
    assert found is not None
    assert len(found.secrets) == 3  # the first is gone
    assert isinstance(found.secrets[0], Sealed)
    assert desk.hooks.rotate("shop", "another") is None


def test_five_secrets_are_kept_at_most(desk: Desk) -> None:
    made, _ = desk.hooks.create("shop", NEW)
    for _ in range(6):
        desk.hooks.rotate("shop", made.id)
    assert len(desk.secrets(made.id)) == 5


def test_a_trial_waits_for_the_endpoint_and_wakes_it_now(desk: Desk) -> None:
    made, _ = desk.hooks.create("shop", NEW)
    name = desk.hooks.test(made)
    [waiting] = desk.stores.deliveries.waiting(made.id, 9)
    assert (waiting.event.id, waiting.event.kind) == (name, "webhook.test")
    assert name.startswith(first_id(NOW))
    [body] = [call.kwargs["MessageBody"] for call in desk.sqs.send_message.call_args_list]
    assert '"now":true' in body


def test_events_that_are_done_are_called_again(desk: Desk) -> None:
    made, _ = desk.hooks.create("shop", NEW)
    done = Delivery(
        event=Event(id=first_id(NOW), kind="email.sent", created_at="", client="shop", data={})
    )
    desk.hooks.replay(made, [done])
    assert [one.event for one in desk.stores.deliveries.waiting(made.id, 9)] == [done.event]
    assert '"now":true' in desk.sqs.send_message.call_args.kwargs["MessageBody"]


@pytest.mark.parametrize(
    ("data", "now"),
    [({"status": "enabled"}, 1), ({"endpoint": URL}, 1), ({"include_tags": True}, 0)],
)
def test_whoever_mends_an_endpoint_expects_its_events_now(
    desk: Desk, data: dict[str, Any], now: int
) -> None:
    made, _ = desk.hooks.create("shop", NEW)
    assert desk.hooks.change("shop", made.id, data) is not None
    bodies = [call.kwargs["MessageBody"] for call in desk.sqs.send_message.call_args_list]
    assert sum('"now":true' in body for body in bodies) == now
    assert desk.hooks.change("shop", "another", data) is None
    assert desk.hooks.remove("shop", made.id)
    assert not desk.hooks.remove("shop", made.id)
