"""GET, POST, PATCH and DELETE of webhooks: a caller's own. Another caller's are not found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outbox.webhooks.wiring import webhooks

from mail_send import wire
from mail_send.wire import ApiError, Request, Response

if TYPE_CHECKING:
    from outbox.settings import Settings
    from outbox.webhooks.endpoint import Endpoint


class WebhookRoutes:
    """Shows and changes endpoints."""

    def __init__(self, settings: Settings) -> None:
        """Make no call yet."""
        self._webhooks = webhooks(settings)

    def list(self, request: Request) -> Response:
        """List the endpoints: ten at most, on one page."""
        data = [_shown(endpoint) for endpoint in self._webhooks.list(request.client)]
        return wire.response(200, {"object": "list", "has_more": False, "data": data})

    def create(self, request: Request) -> Response:
        """Make an endpoint; only this answer has its secret."""
        endpoint, secret = self._webhooks.create(request.client, request.document())
        return wire.response(201, _with_secret(endpoint.id, secret))

    def retrieve(self, request: Request) -> Response:
        """Show an endpoint."""
        endpoint = self._webhooks.get(request.client, request.mail_id)
        return wire.response(200, _shown(_there(endpoint)))

    def update(self, request: Request) -> Response:
        """Change an endpoint, or end its pause."""
        changed = self._webhooks.change(request.client, request.mail_id, request.document())
        return wire.response(200, {"object": "webhook", "id": _there(changed).id})

    def remove(self, request: Request) -> Response:
        """Remove an endpoint."""
        if not self._webhooks.remove(request.client, request.mail_id):
            raise _missing()
        return wire.response(200, {"object": "webhook", "id": request.mail_id, "deleted": True})

    def rotate(self, request: Request) -> Response:
        """Give an endpoint a new secret; the old one also signs for a day."""
        secret = self._webhooks.rotate(request.client, request.mail_id)
        if secret is None:
            raise _missing()
        return wire.response(200, _with_secret(request.mail_id, secret))


def _with_secret(endpoint_id: str, secret: str) -> dict[str, Any]:
    return {"object": "webhook", "id": endpoint_id, "signing_secret": secret}


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "object": "webhook",
        "id": endpoint.id,
        "created_at": endpoint.created,
        "status": "enabled" if endpoint.live else "disabled",
        "endpoint": endpoint.url,
        "events": list(endpoint.events),
        "signing_secret": None,
        "taqnyat": {
            "include_tags": endpoint.include_tags,
            "paused_at": endpoint.paused_at or None,
        },
    }


def _there(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise _missing()
    return endpoint


def _missing() -> ApiError:
    return ApiError(404, "not_found", "there is no webhook with this id")
