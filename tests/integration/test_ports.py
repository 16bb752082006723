"""Every port of the local stack lets programs in, and no page but its own."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from local.console import Console
from local.emulator import Emulator
from local.simulator import Simulator
from tests.integration.test_console import MadeUp

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# What is asked of each port: a call that would read, or do harm, if it were let in.
CALLS = {
    "emulator": ("POST", "/", {"X-Amz-Target": "secretsmanager.ListSecrets"}),
    "API": ("POST", "/v1/emails", {"Content-Type": "text/plain"}),
    "API, read": ("GET", "/v1/emails", {}),
    "simulator": ("POST", "/account", {"Content-Type": "text/plain"}),
    "simulator's inbox": ("GET", "/inbox", {}),
    "Taqnyat's wire": ("POST", "/mailSend.php", FORM),
    "console": ("POST", "/api/taqnyat", {"Content-Type": "application/json"}),
    "console's inbox": ("GET", "/inbox", {}),
    "console's events": ("GET", "/events", {}),
}
# What a browser says of a page that is not the port's own. {port} is the port's.
STRANGERS = {
    "rebound name": {"Host": "rebound.example:{port}"},
    "no port in the name": {"Host": "127.0.0.1"},
    "another origin": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    "a file or a sandbox": {"Origin": "null"},
    "a form": {"Origin": "http://evil.example", "Sec-Fetch-Mode": "navigate"},
    "an image": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a link": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    "another port's image": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give the address of each part, all of them running."""
    with (
        Simulator() as simulator,
        Emulator(tmp_path_factory.mktemp("emulator")) as emulator,
        Console(MadeUp(), simulator) as console,
    ):
        yield {
            "emulator": emulator.endpoint_url,
            "API": emulator.api_url,
            "simulator": simulator.base_url,
            "Taqnyat": simulator.base_url,
            "console": console.url,
        }


def _ask(url: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=10)) as line:
        body = b"{}" if method == "POST" else None
        line.request(method, parts.path + path, body, headers)
        answer = line.getresponse()
        if answer.headers.get_content_type() == "text/event-stream":
            return answer.status, ""
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("name", CALLS)
def test_a_strangers_page_is_refused(urls: dict[str, str], name: str, stranger: str) -> None:
    method, path, headers = CALLS[name]
    url = urls[name.partition("'")[0].partition(",")[0]]
    port = str(urlsplit(url).port)
    given = {key: value.format(port=port) for key, value in STRANGERS[stranger].items()}

    status, said = _ask(url, method, path, headers | given)

    assert status == 403
    assert "not" in said


@pytest.mark.parametrize("name", ["emulator", "API", "console"])
def test_a_strangers_socket_is_refused(urls: dict[str, str], name: str) -> None:
    wanted = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}

    stranger = {"Origin": "http://evil.example"}
    assert _ask(urls[name], "GET", "/", wanted | key | stranger)[0] == 403
    if name == "emulator":
        root = f"http://{urlsplit(urls[name]).netloc}"
        assert _ask(root, "GET", "/", wanted | key)[0] == 404


@pytest.mark.parametrize("name", CALLS)
def test_a_program_is_let_in(urls: dict[str, str], name: str) -> None:
    method, path, headers = CALLS[name]
    url = urls[name.partition("'")[0].partition(",")[0]]

    assert _ask(url, method, path, headers)[0] != 403
    local = {"Host": f"localhost:{urlsplit(url).port}"}
    assert _ask(url, method, path, headers | local)[0] != 403


def test_the_emulator_is_not_there_for_who_does_not_know_its_path(urls: dict[str, str]) -> None:
    parts = urlsplit(urls["emulator"])
    root = f"http://{parts.netloc}"
    wrong = f"{root}/{'x' * (len(parts.path) - 1)}"
    for url in (root, wrong, f"{root}{parts.path[:-1]}", f"{root}{parts.path}x"):
        for path in ("/", "/_ministack/health", "/_local/api?below=/x"):
            assert _ask(url, "GET", path, {}) == (
                404,
                '{"statusCode": 404, "name": "not_found", "message": "there is nothing here"}',
            )
    open_url = {"endpoint_url": root, "region_name": "us-east-1"}
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "local"}
    with pytest.raises(ClientError) as refused:
        boto3.client("secretsmanager", **open_url, **keys).list_secrets()  # type: ignore[call-overload]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_what_it_tells_of_itself_leads_behind_the_path(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        sqs = emulator.client("sqs")
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        assert queue.startswith(f"{emulator.endpoint_url}/")
        sqs.send_message(QueueUrl=queue, MessageBody="x")
        assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "x"
