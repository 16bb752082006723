"""A stranger's page in a real browser, against every port of the local stack.

The stranger knows everything: each port, the emulator's secret path, the API key. What it sends
has to be refused, and nothing may be read. `pytest -rP` prints what came back.
"""

import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Response

from local.stack import LocalStack
from tests.browser.test_console import Beacon

# Every way of a page to make a request: each is tried with each target.
ATTACKS = """async ([url, key, body]) => {
  const say = (promise) => promise.then((answer) => answer.type, () => "blocked");
  const simple = { "Content-Type": "text/plain" };
  const heard = {
    read: await say(fetch(url)),
    "read with the key": await say(fetch(url, { headers: { Authorization: `Bearer ${key}` } })),
    "write": await say(fetch(url, { method: "POST", mode: "no-cors", headers: simple, body })),
    "write JSON": await say(fetch(url, {
      method: "POST", headers: { "Content-Type": "application/json" }, body })),
    "delete": await say(fetch(url, { method: "DELETE" })),
  };
  await new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = url;
  });
  heard.stream = await new Promise((done) => {
    const stream = new EventSource(url);
    stream.onopen = () => done("open");
    stream.onerror = () => { stream.close(); done("blocked"); };
  });
  heard.socket = await new Promise((done) => {
    const socket = new WebSocket(url.replace("http:", "ws:"));
    socket.onopen = () => done("open");
    socket.onerror = () => done("blocked");
  });
  return heard;
}"""


@pytest.fixture(scope="module")
def stranger() -> Iterator[Beacon]:
    """Give a server of somebody else's pages."""
    with Beacon() as running:
        yield running


class Answers:
    """What a port answered, as the browser saw it: methods and statuses."""

    def __init__(self, port: int | None) -> None:
        self._port = port
        self.seen: set[tuple[str, int]] = set()

    def note(self, answer: Response) -> None:
        if urlsplit(answer.url).port == self._port:
            self.seen.add((answer.request.method, answer.status))


def _targets(stack: LocalStack) -> dict[str, tuple[str, str]]:
    """Return what is attacked at each port: an address, and a body that would do harm."""
    details = stack.details()
    return {
        "API": (f"{stack.api_url}/emails", '{"from": "a@acme.sa", "to": "b@c.example"}'),
        "console": (f"{details['inbox_url']}/inbox", "{}"),
        "console's switches": (f"{details['inbox_url']}/api/taqnyat", '{"top_up": 1}'),
        "emulator": (f"{stack.emulator.endpoint_url}/", "Action=CreateQueue&QueueName=stranger"),
        "simulator": (f"{details['simulator_url']}/account", '{"balance": 0}'),
        "simulator's inbox": (f"{details['simulator_url']}/inbox", "{}"),
        "Taqnyat's wire": (f"{details['simulator_url']}/mailSend.php", "to=b@c.example"),
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "stranger.example"])
def test_a_strangers_page_reads_nothing_and_changes_nothing(
    browser: Browser, stack: LocalStack, stranger: Beacon, host: str
) -> None:
    simulator = stack.simulator
    assert simulator is not None
    before = (simulator.account(), len(simulator.inbox()))
    context = browser.new_context()
    for name, (url, body) in _targets(stack).items():
        page = context.new_page()
        answers = Answers(urlsplit(url).port)
        page.on("response", answers.note)
        page.goto(f"http://{host}:{urlsplit(stranger.base_url).port}/")
        heard = page.evaluate(ATTACKS, [url, stack.api_key, body])
        page.close()
        sys.stdout.write(f"{host:<17} {name:<19} {heard} {sorted(answers.seen)}\n")
        # `opaque` is what a page gets of an answer that it may not read.
        assert set(heard.values()) <= {"blocked", "opaque"}, name
        assert {status for _, status in answers.seen} == {403}, name
    context.close()

    assert (simulator.account(), len(simulator.inbox())) == before
    assert not stack.client("sqs").list_queues(QueueNamePrefix="stranger").get("QueueUrls")


def test_a_rebound_name_is_refused(browser: Browser, stack: LocalStack) -> None:
    context = browser.new_context()
    page = context.new_page()
    for name, (url, _) in _targets(stack).items():
        parts = urlsplit(url)
        rebound = parts._replace(netloc=f"rebound.example:{parts.port}").geturl()
        answer = page.goto(rebound)
        assert answer is not None
        sys.stdout.write(f"rebound.example   {name:<19} {answer.status}\n")
        assert answer.status == 403, name
    context.close()
