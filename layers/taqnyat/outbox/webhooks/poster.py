"""One call of an endpoint: a signed POST over the same transport that sends mails."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from taqnyat.transport import Transport

from outbox.webhooks import signature
from outbox.webhooks.events import render
from outbox.webhooks.health import Call
from outbox.webhooks.targets import Resolver, Target, read_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from taqnyat.transport import Answer

    from outbox.webhooks.endpoint import Endpoint
    from outbox.webhooks.events import Event
    from outbox.webhooks.sealing import Seals

DEADLINE_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 5.0
MAX_WAIT_SECONDS: Final = 3600.0  # that an endpoint can ask for
_MAX_ORIGINS: Final = 64
# KMS's errors for a secret that can never be decrypted: they count as the endpoint's failure.
_UNREADABLE: Final = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)


class Poster:
    """Calls endpoints. Raises botocore's errors when KMS does not answer. Safe between threads."""

    def __init__(
        self,
        seals: Seals,
        *,
        loopback: bool,
        clock: Callable[[], float] = time.time,
        resolver: Callable[..., Resolver] = Resolver,
    ) -> None:
        """`loopback` allows plain http on this machine: for the local stack."""
        self._seals = seals
        self._loopback = loopback
        self._clock = clock
        self._resolver = resolver
        self._lock = threading.Lock()
        self._transports: OrderedDict[str, Transport] = OrderedDict()

    def post(self, endpoint: Endpoint, event: Event) -> Call:
        """Call an endpoint for an event. Only an answer of 2xx, read to its end, is a success."""
        try:
            target = read_url(endpoint.url, loopback=self._loopback)
            keys = self._seals.open(endpoint)
        except ValueError:
            return Call(ok=False, seconds=0.0, reason="refused_url")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _UNREADABLE:
                raise
            return Call(ok=False, seconds=0.0, reason="unreadable_secret")
        now = self._clock()
        body = render(event, include_tags=endpoint.include_tags)
        resolver = self._resolver(loopback=target.loopback)
        answer = self._transport(target).request(
            "POST",
            target.path,
            now + DEADLINE_SECONDS,
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": "taqnyat-mail-gateway-webhooks",
                **signature.headers(keys, event.id, int(now), body),
            },
            keep=_succeeded,
            resolve=resolver,
        )
        ok = _succeeded(answer)
        call = Call(
            ok=ok,
            seconds=answer.seconds,
            status=answer.status,
            reason=str(answer.fault or ""),
            wait=0.0 if ok else answer.wait(MAX_WAIT_SECONDS) or 0.0,
        )
        return replace(call, reason="refused_address") if resolver.refused else call

    def _transport(self, target: Target) -> Transport:
        """Return the connections to a host; the least recently used ones are dropped."""
        with self._lock:
            found = self._transports.pop(target.origin, None)
            if found is None:
                found = Transport(target.origin, CONNECT_SECONDS)
            self._transports[target.origin] = found
            if len(self._transports) > _MAX_ORIGINS:
                self._transports.popitem(last=False)
            return found


def _succeeded(answer: Answer) -> bool:
    return answer.fault is None and answer.status is not None and answer.status // 100 == 2  # noqa: PLR2004  2xx
