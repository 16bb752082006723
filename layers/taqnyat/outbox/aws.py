"""AWS clients.

One botocore session a container, each client with timeouts that leave a Lambda time to settle.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config


@cache
def _session() -> botocore.session.Session:
    # One session: the endpoint rules are parsed once for all clients.
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:  # noqa: ANN401  botocore makes its clients' methods at run time
    """Return the client of an AWS service by its botocore name, such as "dynamodb".

    Made at the first use.
    """
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "max_attempts": 3},
        max_pool_connections=16,
    )
    return _session().create_client(service, config=config)
