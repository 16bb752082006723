"""One call of an endpoint: what is sent, to where, and what its answer means."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from outbox.webhooks import poster
from outbox.webhooks.endpoint import Endpoint
from outbox.webhooks.events import Event
from outbox.webhooks.health import Call
from outbox.webhooks.poster import Poster
from outbox.webhooks.signature import headers
from taqnyat.outcome import Fault
from taqnyat.transport import Answer

NOW = 1_800_000_000.75
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = Endpoint(
    id="e-1",
    client="shop",
    url="https://app.acme.sa/hook?key=1",
    events=("email.sent",),
    secrets=(),
    created="",
)
EVENT = Event(
    id="msg_1",
    kind="email.sent",
    created_at="2027-01-15T08:00:00Z",
    client="shop",
    data={"email_id": "m-1"},
    tags={"n": "v"},
)


class Desk:
    """A poster with a transport that answers as it is told; each new one is noted."""

    def __init__(
        self, patch: pytest.MonkeyPatch, answer: Answer, *, loopback: bool = False
    ) -> None:
        self.seals = Mock()
        self.seals.open.return_value = [KEY]
        self.made: list[tuple[str, float]] = []
        self.sent: list[tuple[Any, ...]] = []
        self.options: dict[str, Any] = {}
        self.resolver = Mock(refused=False)
        self.looked: list[bool] = []

        def request(*what: object, **options: object) -> Answer:
            self.sent.append(what)
            self.options = options
            return answer

        def transport(origin: str, seconds: float) -> SimpleNamespace:
            self.made.append((origin, seconds))
            return SimpleNamespace(request=request)

        def resolver(*, loopback: bool) -> Mock:
            self.looked.append(loopback)
            return self.resolver

        patch.setattr(poster, "Transport", transport)
        self._poster = Poster(self.seals, loopback=loopback, clock=lambda: NOW, resolver=resolver)

    def post(self, url: str = HOOK.url, *, tags: bool = False) -> Call:
        hook = Endpoint(
            id="e-1",
            client="shop",
            url=url,
            events=(),
            secrets=(),
            created="",
            include_tags=tags,
        )
        return self._poster.post(hook, EVENT)


GOOD = Answer(200, b"", 0.25)


@pytest.mark.parametrize("tags", [True, False])
def test_a_call_is_a_signed_post_to_the_url(monkeypatch: pytest.MonkeyPatch, *, tags: bool) -> None:
    desk = Desk(monkeypatch, GOOD)
    assert desk.post(tags=tags) == Call(ok=True, seconds=0.25, status=200)
    [(method, path, deadline, body, sent)] = desk.sent
    assert (method, path, deadline) == ("POST", "/hook?key=1", NOW + 10)
    assert sent == {
        "Content-Type": "application/json",
        "User-Agent": "taqnyat-mail-gateway-webhooks",
        **headers([KEY], "msg_1", 1_800_000_000, body),
    }
    assert json.loads(body) == {
        "type": "email.sent",
        "created_at": "2027-01-15T08:00:00Z",
        "data": {"email_id": "m-1", **({"tags": {"n": "v"}} if tags else {})},
    }
    assert desk.made == [("https://app.acme.sa:443", 5.0)]
    assert (desk.options["resolve"], desk.looked) == (desk.resolver, [False])


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        (Answer(299, b"", 0.5, "60"), Call(ok=True, seconds=0.5, status=299)),
        (Answer(199, b"", 0.5), Call(ok=False, seconds=0.5, status=199)),
        (Answer(300, b"", 0.5), Call(ok=False, seconds=0.5, status=300)),
        (Answer(503, b"", 0.5, "60"), Call(ok=False, seconds=0.5, status=503, wait=60.0)),
        (Answer(503, b"", 0.5, "9999"), Call(ok=False, seconds=0.5, status=503, wait=3600.0)),
        (
            Answer(200, b"", 0.5, fault=Fault.CUT),
            Call(ok=False, seconds=0.5, status=200, reason="connection_lost"),
        ),
        (
            Answer(None, b"", 0.5, fault=Fault.UNREACHABLE),
            Call(ok=False, seconds=0.5, reason="unreachable"),
        ),
        (Answer(None, b"", 0.5), Call(ok=False, seconds=0.5)),
    ],
)
def test_only_an_answer_of_2xx_read_to_its_end_is_a_success(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, call: Call
) -> None:
    desk = Desk(monkeypatch, answer)
    assert desk.post() == call
    assert desk.options["keep"](answer) is call.ok


def test_a_name_that_leads_into_a_private_network_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, Answer(None, b"", 0.5, fault=Fault.UNREACHABLE))
    desk.resolver.refused = True
    assert desk.post() == Call(ok=False, seconds=0.5, reason="refused_address")


def test_plain_http_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Call(ok=False, seconds=0.0, reason="refused_url")
    assert Desk(monkeypatch, GOOD).post("http://127.0.0.1:9000/") == refused
    desk = Desk(monkeypatch, GOOD, loopback=True)
    assert desk.post("http://app.acme.sa/") == refused
    assert desk.post("http://127.0.0.1:9000/").ok
    assert (desk.made, desk.looked) == ([("http://127.0.0.1:9000", 5.0)], [True])


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "KMSInvalidStateException",
        "NotFoundException",
    ],
)
def test_a_secret_that_can_never_be_read_fails_the_endpoint(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    desk = Desk(monkeypatch, GOOD)
    desk.seals.open.side_effect = ClientError({"Error": {"Code": code}}, "Decrypt")
    assert desk.post() == Call(ok=False, seconds=0.0, reason="unreadable_secret")
    assert desk.sent == []


@pytest.mark.parametrize("answer", [{"Error": {"Code": "ThrottlingException"}}, {"Error": {}}, {}])
def test_a_key_service_that_does_not_answer_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,  # noqa: ANN401 - AWS's answer
) -> None:
    desk = Desk(monkeypatch, GOOD)
    desk.seals.open.side_effect = ClientError(answer, "Decrypt")
    with pytest.raises(ClientError):
        desk.post()


def test_connections_are_used_again_and_the_oldest_of_many_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(monkeypatch, GOOD)
    for number in range(64):
        desk.post(f"https://app{number}.acme.sa/")
    desk.post("https://app0.acme.sa/again")
    assert len(desk.made) == 64
    desk.post("https://app64.acme.sa/")  # drops app1, since app0 was used after it
    desk.post("https://app0.acme.sa/")
    assert len(desk.made) == 65
    desk.post("https://app1.acme.sa/")
    assert [origin for origin, _ in desk.made[65:]] == ["https://app1.acme.sa:443"]
