"""Hands events to every page that is open."""

import asyncio
import threading
from typing import Any

Event = tuple[str, Any]
Events = asyncio.Queue[Event | None]
_MOST_WAITING = 500


class Hub:
    """The open pages. They live on an event loop; events come from any thread."""

    def __init__(self) -> None:
        """Begin without any."""
        self._pages: dict[Events, asyncio.AbstractEventLoop] = {}
        self._closed = False
        self._changed = threading.Condition()

    def open(self) -> Events:
        """Return the events from now on; None ends them."""
        events: Events = asyncio.Queue(_MOST_WAITING)
        with self._changed:
            if self._closed:
                events.put_nowait(None)
            self._pages[events] = asyncio.get_running_loop()
            self._changed.notify_all()
        return events

    def leave(self, events: Events) -> None:
        """Forget a page."""
        with self._changed:
            self._pages.pop(events, None)

    def publish(self, name: str, data: Any) -> None:  # noqa: ANN401 - JSON
        """Give an event to every page."""
        self._put((name, data))

    @property
    def has_pages(self) -> bool:
        """Whether a page is open."""
        return bool(self._pages)

    def wait_for_a_page(self, seconds: float) -> bool:
        """Wait until a page is open, the hub is closed, or the time is over: then return False."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._pages or self._closed, seconds))

    def close(self) -> None:
        """End every page's events."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._put(None)

    def _put(self, event: Event | None) -> None:
        with self._changed:
            for events, loop in self._pages.items():
                loop.call_soon_threadsafe(_offer, events, event)


def _offer(events: Events, event: Event | None) -> None:
    """Put an event; a page that does not read is dropped."""
    if events.full():
        events.get_nowait()
        event = None
    events.put_nowait(event)
