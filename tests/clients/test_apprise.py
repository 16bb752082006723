"""apprise: its Resend plugin has one address; an application may give the class another."""

import apprise
import pytest
from apprise.plugins.resend import NotifyResend

from tests.clients.matrix import PAYLOADS, Matrix, check_payloads, expected
from tests.e2e.world import World

# All plugins are loaded for one, and some of them import what Python takes away.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _pointed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyResend, "notify_url", f"{world.stack.api_url}/emails")
    monkeypatch.setattr(NotifyResend, "request_rate_per_sec", 0)


def notifier(world: World, key: str) -> apprise.Apprise:
    """Make the notifier of a URL such as resend://key:from/to."""
    found = apprise.Apprise()
    assert found.add(f"resend://{key}:orders@acme.sa/{world.address()}")
    return found


def test_payloads_arrive(world: World, matrix: Matrix) -> None:
    html = [payload for payload in PAYLOADS if payload.get("html")]
    told = notifier(world, world.stack.api_key)
    for payload in html:
        subject, body = expected(payload)
        assert told.notify(title=subject, body=body, body_format=apprise.NotifyFormat.HTML)

    ids = [row["pk"] for row in sorted(world.rows_of_this_test(), key=lambda row: row["created"])]
    check_payloads(world, ids, html)
    matrix.note("apprise", f"{len(html)} payloads of HTML")


def test_a_refusal_is_told(world: World, matrix: Matrix) -> None:
    assert not notifier(world, "tqm-wrong").notify(title="Hi", body="Hello")
    matrix.note("apprise", "refusals")
