"""GET /status: Taqnyat's status, and whether sending is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox.mail.times import iso

from mail_send import wire
from mail_send.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.sending.pause import Pause


class Status:
    """Shows the last status check, and the pause."""

    def __init__(self, pause: Callable[[], Pause]) -> None:
        """`pause` makes the pause: few calls need it."""
        self._pause = pause

    def show(self, request: Request) -> Response:
        """Show both."""
        request.require_scope("read")
        pause = self._pause()
        state, provider = pause.read(), pause.provider()
        reason = state.reason or None if state.paused else None
        return wire.response(
            200,
            {
                "object": "status",
                "sending": "paused" if state.paused else "active",
                "reason": reason,
                **wire.explanation(reason),
                "since": iso(state.since) if state.paused else None,
                "next_probe": iso(state.next_probe) if state.paused and state.next_probe else None,
                "provider": {
                    "up": provider.get("up"),
                    "checked_at": iso(provider["checked_at"]) if provider else None,
                },
            },
        )
