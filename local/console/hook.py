"""The console's own endpoint: the gateway calls it; it verifies each call and shows what it got."""

import base64
import hashlib
import hmac
import json
import time
from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local.api import Api
from local.web import Json

PATH = "/hook"
EVENTS = [
    "email.sent",
    "email.failed",
    "email.delivery_delayed",
    "email.scheduled",
    "email.canceled",
    "sending.paused",
    "sending.resumed",
]
_MOST = 50
_TOLERANCE_SECONDS = 300


class Hook:
    """Takes calls at PATH."""

    def __init__(self) -> None:
        """Without a secret, which `register` brings, nothing is verified or shown."""
        self._secret = ""
        self._calls: deque[dict[str, Any]] = deque(maxlen=_MOST)

    def register(self, api: Api, url: str) -> None:
        """Make the endpoint in the gateway, in the place of one of an earlier run."""
        for found in api.call("GET", "/webhooks").json()["data"]:
            if found["endpoint"].endswith(PATH):
                api.call("DELETE", f"/webhooks/{found['id']}")
        body = {"endpoint": url + PATH, "events": EVENTS, "include_tags": True}
        self._secret = api.call("POST", "/webhooks", body).json()["signing_secret"]

    def shown(self) -> dict[str, Any] | None:
        """Return the last calls, the newest first; None where there is no endpoint."""
        return {"calls": list(self._calls)} if self._secret else None

    async def receive(self, request: Request) -> Response:
        """Take a call; one that is not signed as it should be is refused."""
        body = await request.body()
        if not self._secret:
            return Json({"message": "there is no endpoint"}, 404)
        event_id, at = request.headers.get("svix-id", ""), request.headers.get("svix-timestamp", "")
        good = self._is_good(event_id, at, request.headers.get("svix-signature", ""), body)
        told = json.loads(body) if good else {}
        repeats = sum(call["id"] == event_id for call in self._calls)
        self._calls.appendleft(
            {
                "at": time.time(),
                "id": event_id[:64],
                "verified": good,
                "type": told.get("type", "?"),
                "email_id": told.get("data", {}).get("email_id"),
                "repeat": repeats > 0,
            }
        )
        return Json({"verified": good}, 200 if good else 401)

    def _is_good(self, event_id: str, at: str, signatures: str, body: bytes) -> bool:
        key = base64.b64decode(self._secret.removeprefix("whsec_"))
        signed = b".".join((event_id.encode(), at.encode(), body))
        good = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        fresh = at.isdecimal() and abs(time.time() - int(at)) <= _TOLERANCE_SECONDS
        said = [part.partition(",")[2] for part in signatures.split(" ")]
        return fresh and any(hmac.compare_digest(good, each) for each in said if each.isascii())
