"""The emulator's process: ministack's application and one API of it, each on a guarded port.

The emulator lets everybody in, so it has a secret path that only its owner knows. All settings come
in the environment: other users of the machine can see a command line, but not the environment.
"""

import asyncio
import os
import resource
import secrets
import threading
import time
from urllib.parse import parse_qs

from ministack.app import app as ministack
from ministack.services import apigateway_v1, cloudwatch, dynamodb, lambda_svc, s3, sqs
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local import corrections, measured, web
from local.gate import API_PATH, END_PATH, Gate
from local.guard import guarded

_STREAM_SECONDS = 0.1
_MOST_SECONDS = 1.0  # a batch that failed is tried again without a change
_FILES = 10_240


class Hidden:
    """The emulator's application below a secret path; elsewhere there is nothing."""

    def __init__(self, prefix: str, gate: Gate, ended: asyncio.Event) -> None:
        """Take the path, without a slash at its end; `ended` is set when a call asks for it."""
        self._prefix = prefix
        self._gate = gate
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on as if the path began after the secret."""
        if scope["type"] == "lifespan":
            await ministack(scope, receive, send)
            return
        length = len(self._prefix)
        given, path = scope["path"][:length], scope["path"][length:] or "/"
        known = secrets.compare_digest(given.encode(), self._prefix.encode()) and path[0] == "/"
        if not known:
            await web.refuse(404, "not_found", "there is nothing here")(scope, receive, send)
        elif path in (API_PATH, END_PATH):
            if path == END_PATH:
                self._ended.set()
            else:
                self._gate.below = parse_qs(scope["query_string"].decode())["below"][0]
            await Response(status_code=204)(scope, receive, send)
        else:
            # The raw path stays whole: it is what the caller signed.
            await ministack({**scope, "path": path}, receive, send)


def _find_own_objects(prefix: str) -> None:
    """Let CloudFormation find a template by the URL that the S3 here gives it, prefix and all."""
    found = s3._get_object_data  # noqa: SLF001 - there is no other way to what it reads
    hidden = prefix.lstrip("/")

    def find(bucket: str, key: str, *more: str | None, **named: str | None) -> bytes | None:
        place = key.split("/", 1) if bucket == hidden else (bucket, key)
        data: bytes | None = found(*place, *more, **named)
        return data

    s3._get_object_data = find  # noqa: SLF001


def _poll_streams_apart() -> None:
    """Give streams a thread of their own: else no queue is read while a stream's function runs.

    A change of a table wakes that thread alone. The loop of the queues rests for 50 ms after a
    wake that found nothing, and each mail changes its row twice.
    """
    poll = lambda_svc._poll_dynamodb_streams  # noqa: SLF001 - it is a part of the one loop
    lambda_svc._poll_dynamodb_streams = lambda: False  # noqa: SLF001
    dynamodb.esm_wake = changed = threading.Event()

    def run() -> None:
        while True:
            if not poll():
                changed.wait(_MOST_SECONDS)
                time.sleep(_STREAM_SECONDS)  # changes come in bursts: a function gets many
                changed.clear()

    threading.Thread(target=run, name="streams", daemon=True).start()


async def _serve(prefix: str, port: int, descriptor: int, api_port: int, api: int) -> None:
    ended = asyncio.Event()
    gate = Gate(measured.counted(ministack, cloudwatch, apigateway_v1))
    apps = ((Hidden(prefix, gate, ended), port, descriptor), (gate, api_port, api))
    following = asyncio.create_task(measured.follow_queues(cloudwatch, sqs))
    await asyncio.gather(*(web.serve(guarded(app, at), fd, ended) for app, at, fd in apps))
    following.cancel()


def main() -> None:
    """Serve until we are ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A Mac's own limit has no end, and it takes no more than this.
    files = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    numbers = [int(number) for number in os.environ["EMULATOR_SOCKETS"].split(",")]
    prefix = os.environ["EMULATOR_PREFIX"]
    _find_own_objects(prefix)
    _poll_streams_apart()
    corrections.install()
    measured.install(cloudwatch, lambda_svc, sqs)
    asyncio.run(_serve(prefix, *numbers))


if __name__ == "__main__":
    main()
