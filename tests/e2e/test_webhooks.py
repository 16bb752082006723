"""Webhooks of the local stack, as the libraries that applications use see them."""

import base64
import http.client
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from unittest import mock

import django
import pytest
import resend
import standardwebhooks
import svix.webhooks
from click.testing import CliRunner
from django.conf import settings

from local.loopback import LoopbackServer
from local.stack import LocalStack, Options
from ops.cli import main

PATIENCE_SECONDS: Final = 40.0
NODE: Final = Path(__file__).parents[2] / "examples/node"
LATE: Final = timedelta(minutes=5, seconds=5)
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine


@dataclass(slots=True)
class Call:
    """A call that came: its headers (names in lower case) and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The body's JSON."""
        read: dict[str, Any] = json.loads(self.body)
        return read


@dataclass
class Application:
    """An application on this machine; `answer` says what a path gets, by the number of the call."""

    calls: list[Call] = field(default_factory=list)
    answer: Callable[[str, int], int] = lambda _path, _number: 200
    url: str = ""

    def serve(self) -> LoopbackServer:
        """Start serving."""
        application = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                application.calls.append(Call(self.path, headers, body))
                number = sum(call.path == self.path for call in application.calls)
                self.send_response(application.answer(self.path, number))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        server = LoopbackServer(("127.0.0.1", 0), Handler)
        server.start()
        self.url = server.base_url
        return server

    def at(self, path: str) -> list[Call]:
        """Return the calls of a path."""
        return [call for call in self.calls if call.path == path]

    def heard(self, path: str, count: int) -> list[Call]:
        """Wait for so many calls of a path."""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(self.at(path)) < count and time.monotonic() < end:
            time.sleep(0.05)
        assert len(self.at(path)) >= count, [call.path for call in self.calls]
        return self.at(path)


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """Give an application that listens."""
    found = Application()
    server = found.serve()
    yield found
    server.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Give a stack of their own, as the option is off in the shared one."""
    parameters = {"Webhooks": "on", "WebhookLoopback": "on", "WebhookRetrySeconds": "1,1,1"}
    options = Options(
        root=tmp_path_factory.mktemp("local"), tick=1.0, webhooks=True, parameters=parameters
    )
    with LocalStack(options) as running:
        resend.api_url, resend.api_key = running.api_url, running.api_key
        yield running


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery and the secret that it was signed with."""

    call: Call
    secret: str


@pytest.fixture(scope="module")
def delivered(stack: LocalStack, application: Application) -> Delivered:
    """Make an endpoint with Resend's client, send a mail with it, and wait for the call."""
    del stack
    made = resend.Webhooks.create(
        {"endpoint": f"{application.url}/verified?key=1", "events": ["email.sent"]}
    )
    resend.Emails.send(
        {"from": "shop@acme.sa", "to": "nora@example.com", "subject": "Hello", "text": "Hello"}
    )
    (call,) = application.heard("/verified?key=1", 1)
    return Delivered(call, made["signing_secret"])


def by_resend(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    resend.Webhooks.verify(
        {
            "payload": body.decode(),
            "headers": {
                "id": headers["svix-id"],
                "timestamp": headers["svix-timestamp"],
                "signature": headers["svix-signature"],
            },
            "webhook_secret": secret,
        }
    )


def by_svix(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    svix.webhooks.Webhook(secret).verify(body, dict(headers))


def by_standardwebhooks(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    standardwebhooks.Webhook(secret).verify(body, dict(headers))


def by_anymail(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Post it to Anymail's tracking view, as Django would."""
    view = _anymail(secret)
    from django.test import RequestFactory  # noqa: PLC0415 - after its configuration

    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    request = RequestFactory().post("/", body, content_type="application/json", **given)
    if view(request).status_code != http.client.OK:
        raise ValueError("Anymail refused it")


HEARD: list[Any] = []


def _anymail(secret: str) -> Any:  # noqa: ANN401 - a view
    if not settings.configured:
        settings.configure(
            ANYMAIL={}, INSTALLED_APPS=["anymail"], ALLOWED_HOSTS=["*"], SECRET_KEY="made-up"
        )
        django.setup()
    from anymail.signals import tracking  # noqa: PLC0415 - after Django's configuration
    from anymail.webhooks.resend import ResendTrackingWebhookView  # noqa: PLC0415

    tracking.connect(_track, weak=False, dispatch_uid="test")
    return ResendTrackingWebhookView.as_view(signing_secret=secret)


def _track(event: Any, **_: object) -> None:  # noqa: ANN401 - Anymail's
    HEARD.append(event)


def _by_node(library: str, body: bytes, headers: Mapping[str, str], secret: str) -> None:
    if shutil.which("node") is None or not (NODE / "node_modules").exists():
        pytest.skip("the Node example is not installed (`make examples` does)")
    given = {
        "library": library,
        "body": body.decode(),
        "headers": dict(headers),
        "secret": secret,
        "now": time.time(),
    }
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("verify.mjs")), str(NODE)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.stdout.strip() != "good":
        assert "WebhookVerificationError" in done.stderr, done.stderr
        raise ValueError("it was refused")


def by_resend_in_node(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    _by_node("resend", body, headers, secret)


def by_standardwebhooks_in_node(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    _by_node("standardwebhooks", body, headers, secret)


VERIFIERS = [
    by_resend,
    by_svix,
    by_standardwebhooks,
    by_anymail,
    by_resend_in_node,
    by_standardwebhooks_in_node,
]


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_library_takes_it(verify: Callable[..., None], delivered: Delivered) -> None:
    verify(delivered.call.body, delivered.call.headers, delivered.secret)


@pytest.mark.parametrize("verify", VERIFIERS)
@pytest.mark.parametrize("place", ["body", "id", "signature", "secret"])
def test_a_library_refuses_it_with_a_byte_changed(
    verify: Callable[..., None], place: str, delivered: Delivered
) -> None:
    body, headers, secret = delivered.call.body, dict(delivered.call.headers), delivered.secret
    if place == "body":
        body = body.replace(b"sent", b"Sent", 1)
    elif place == "secret":
        raw = bytearray(base64.b64decode(secret.removeprefix("whsec_")))
        raw[0] ^= 1
        secret = f"whsec_{base64.b64encode(raw).decode()}"
    else:
        for family in ("svix", "webhook"):
            name = f"{family}-{place}"
            at = len(headers[name]) - 5
            changed = "a" if headers[name][at] != "a" else "b"
            headers[name] = headers[name][:at] + changed + headers[name][at + 1 :]

    with pytest.raises(Exception, match=r"."):  # each library has its own
        verify(body, headers, secret)


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_library_refuses_it_five_minutes_late(
    verify: Callable[..., None], delivered: Delivered
) -> None:
    later = datetime.now(UTC) + LATE

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":  # noqa: ANN401 - as in the base
            return cls.fromtimestamp(later.timestamp(), tz)

    with (
        mock.patch("time.time", later.timestamp),
        mock.patch("svix.webhooks.datetime", Later),
        mock.patch("standardwebhooks.webhooks.datetime", Later),
        pytest.raises(Exception, match=r"."),
    ):
        verify(delivered.call.body, delivered.call.headers, delivered.secret)


def test_anymail_tracks_it(delivered: Delivered) -> None:
    HEARD.clear()
    by_anymail(delivered.call.body, delivered.call.headers, delivered.secret)
    (event,) = HEARD

    assert event.event_type == "sent"
    assert event.event_id == delivered.call.headers["svix-id"]
    assert event.message_id == delivered.call.told["data"]["email_id"]
    assert event.timestamp


def test_what_is_told_names_no_recipient_subject_or_body(delivered: Delivered) -> None:
    text = delivered.call.body.decode()

    assert "nora@" not in text
    assert "Hello" not in text
    assert delivered.call.told["data"]["to"] == ["n***@example.com"]


def test_an_endpoint_that_refuses_is_called_again_under_the_same_id(
    stack: LocalStack, application: Application
) -> None:
    del stack
    application.answer = lambda path, number: 500 if path == "/refusing" and number < 3 else 200
    made = resend.Webhooks.create(
        {"endpoint": f"{application.url}/refusing", "events": ["email.sent"]}
    )
    resend.Emails.send(
        {"from": "shop@acme.sa", "to": "omar@example.com", "subject": "Hello", "text": "Hello"}
    )
    calls = application.heard("/refusing", 3)

    assert len({call.headers["svix-id"] for call in calls}) == 1
    for call in calls:
        by_svix(call.body, call.headers, made["signing_secret"])
    resend.Webhooks.remove(made["id"])


def operate(stack: LocalStack, *words: str) -> tuple[int, Any]:
    """Run a command of the operators' on the stack; return its exit code and JSON."""
    place = ("--stack-json", str(stack.folder.stack_json), "--json")
    result = CliRunner(mix_stderr=False).invoke(main, ["webhooks", *words, *place])
    assert result.stdout, (result.stderr, result.exc_info)
    return result.exit_code, json.loads(result.stdout)


def test_an_operator_adds_tests_rotates_replays_and_removes(
    stack: LocalStack, application: Application
) -> None:
    application.answer = lambda path, number: 503 if path == "/office" and number < 5 else 200
    _, made = operate(stack, "add", "local", f"{application.url}/office", "--event", "email.sent")
    hook = made["id"]
    code, tested = operate(stack, "test", "local", hook)
    assert code == 1
    assert tested["status"] == 503
    calls = application.heard("/office", 4)  # of the test, all that there are
    assert calls[0].told["type"] == "webhook.test"

    def logged() -> dict[str, Any]:
        _, lines = operate(stack, "log", "local", hook)
        found: dict[str, Any] = lines[0]
        return found

    end = time.monotonic() + PATIENCE_SECONDS
    while logged()["outcome"] != "failed" and time.monotonic() < end:
        time.sleep(0.2)
    line = logged()
    assert (line["outcome"], line["tries"], line["status"]) == ("failed", 4, 503)
    assert all(set(attempt) == {"at", "ms", "status"} for attempt in line["attempts"])

    _, rotated = operate(stack, "rotate", "local", hook)
    _, replayed = operate(stack, "replay", "local", hook, "--since", "1h", "--yes")
    assert replayed["replayed"] == [line["event"]]
    again = application.heard("/office", 5)[-1]
    assert again.headers["svix-id"] == line["event"]
    for secret in (made["signing_secret"], rotated["signing_secret"]):
        by_svix(again.body, again.headers, secret)

    _, listed = operate(stack, "list", "local")
    assert hook in {entry["id"] for entry in listed}
    operate(stack, "remove", "local", hook, "--yes")
    _, listed = operate(stack, "list")
    assert hook not in {entry["id"] for entry in listed}


@pytest.mark.parametrize(
    "url",
    ["http://app.acme.sa/", "https://127.0.0.1/", "https://localhost/", "http://10.0.0.1:8080/"],
)
def test_a_url_that_is_not_allowed_is_refused_by_name(stack: LocalStack, url: str) -> None:
    del stack
    with pytest.raises(resend.exceptions.ValidationError, match="`endpoint`"):
        resend.Webhooks.create({"endpoint": url, "events": ["email.sent"]})


def test_the_secrets_are_in_the_table_as_ciphertext_only(
    stack: LocalStack, delivered: Delivered
) -> None:
    dynamo = stack.client("dynamodb")
    (name,) = [name for name in dynamo.list_tables()["TableNames"] if "Webhooks" in name]
    items = json.dumps(dynamo.scan(TableName=name)["Items"])

    assert delivered.secret not in items
    assert "whsec_" not in items
    assert Path(stack.emulator.log).read_text("utf-8").find(delivered.secret) == -1


def test_the_console_shows_what_its_own_endpoint_verified(
    stack: LocalStack, delivered: Delivered
) -> None:
    console = stack.details()["inbox_url"]
    mail = delivered.call.told["data"]["email_id"]
    end = time.monotonic() + PATIENCE_SECONDS
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < end:
        with _OPENER.open(f"{console}/api/webhooks", timeout=10) as answer:
            found = [call for call in json.load(answer)["calls"] if call["email_id"] == mail]
        time.sleep(0.05)

    assert found
    assert all(call["verified"] for call in found)
    assert found[-1]["type"] == "email.sent"


def test_the_console_refuses_what_is_not_signed(stack: LocalStack) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stack.details()['inbox_url']}/hook",
        data=b"{}",
        headers={"Content-Type": "application/json", "svix-signature": "v1,AAAA"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        _OPENER.open(request, timeout=10)
    with refused.value as answer:
        assert answer.code == 401
