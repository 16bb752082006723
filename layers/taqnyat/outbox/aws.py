"""AWS clients.

One botocore session a container, each client with timeouts that leave a Lambda time to settle.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# A session makes one client at a time.
_making = threading.Lock()


class IncompleteAnswerError(BotoCoreError):
    """An answer of AWS has not all that it must have: it may have been cut."""

    fmt = "an answer of AWS lacks {what}"


class LazyClient:
    """A client that is made at its first call, for calls that most containers never make."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a method of botocore's client
        """Return the client's own method."""
        return getattr(client(self._service), name)


def client(service: str) -> Any:  # noqa: ANN401  botocore makes its clients' methods at run time
    """Return the client of an AWS service by its botocore name, such as "dynamodb".

    Made at the first use. Safe to share between threads.
    """
    with _making:
        return _client(service)


def redacted(error: ClientError) -> ClientError:
    """Return an error that says which call AWS refused and by which code.

    Use it for an error that leaves a function: Lambda logs it, and AWS's text may repeat a value.
    """
    code = error.response.get("Error", {}).get("Code", "Unknown")
    return ClientError({"Error": {"Code": code}}, error.operation_name)


@cache
def _session() -> botocore.session.Session:
    # One session: the endpoint rules are parsed once for all clients.
    return botocore.session.get_session()


@cache
def _client(service: str) -> Any:  # noqa: ANN401
    config = Config(
        # Three tries and the waits between them end before the API's 20 seconds do.
        connect_timeout=1,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=16,
        # The two cost a fifth of a call's CPU. AWS checks the arguments too, and nobody reads the
        # long user agent.
        parameter_validation=False,
        user_agent="taqnyat-mail-gateway",
    )
    return _session().create_client(service, config=config)
