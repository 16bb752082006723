"""Finds a running local stack, or starts one from a clone of the gateway's repository."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from taqnyat_mail_testing import Gateway

DISTRIBUTION = "taqnyat-mail-gateway"
_SAID = "stack.json: "
_END_SECONDS = 60.0


class GatewayError(RuntimeError):
    """There is no stack, and none can be started; the message says what to do."""


@contextmanager
def gateway(clone: str | Path | None = None) -> Iterator[Gateway]:
    """Give a stack: the one that TAQNYAT_STACK_JSON names, else the clone's, else a new one.

    The clone is, in this order: the argument, TAQNYAT_GATEWAY, where this was installed from.

    Raises:
        GatewayError: none of these is there, or it did not start.

    """
    named = os.environ.get("TAQNYAT_STACK_JSON")
    if named:
        yield Gateway.attach(named)
        return
    place = _clone(clone)
    running = place / ".local" / "stack.json"
    if running.exists() and _is_alive(json.loads(running.read_text("utf-8"))["pid"]):
        yield Gateway.attach(running)
        return
    with _started(place) as details:
        yield Gateway.attach(details)


def _clone(given: str | Path | None) -> Path:
    places = [given, os.environ.get("TAQNYAT_GATEWAY"), _installed_from()]
    place = next((Path(one) for one in places if one), None)
    if place is None or not (place / "template.yaml").exists():
        raise GatewayError(
            "where is the gateway's repository? Set taqnyat_gateway in pytest's configuration or "
            "TAQNYAT_GATEWAY to a clone, or start it there with `make run` and set "
            "TAQNYAT_STACK_JSON to its .local/stack.json"
        )
    return place


def _installed_from() -> Path | None:
    """Return the folder that pip installed this from, if it was one."""
    with suppress(PackageNotFoundError):
        told = json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
        url = urlsplit(told.get("url", ""))
        if url.scheme == "file":
            return Path(unquote(url.path))
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


@contextmanager
def _started(place: Path) -> Iterator[Path]:
    """Start a stack of our own; it ends when we close its standard input, or are gone."""
    command = ["make", "--silent", f"--directory={place}", "run", "ARGS=--for-tests"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            said = []
            for line in process.stdout or ():
                said.append(line)
                if line.startswith(_SAID):
                    yield Path(line.removeprefix(_SAID).rstrip("\n"))
                    break
            else:
                raise GatewayError(f"the gateway did not start:\n{''.join(said)}")
        finally:
            if process.stdin:
                process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
