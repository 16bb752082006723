"""Hands events to every page that is open."""

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Any

Event = tuple[str, Any]
_MOST_WAITING = 500


class Stream:
    """The events of one page, from when it asked."""

    def __init__(self) -> None:
        """Begin empty."""
        self._queue: Queue[Event | None] = Queue(_MOST_WAITING)

    def put(self, event: Event | None) -> None:
        """Give it an event; None ends it. A page that does not read is given up."""
        try:
            self._queue.put_nowait(event)
        except Full:
            self._queue.get_nowait()
            self._queue.put_nowait(None)

    def events(self, patience: float) -> Iterator[Event | None]:
        """Yield events until the end, and None whenever nothing came for `patience` seconds."""
        while True:
            try:
                event = self._queue.get(timeout=patience)
            except Empty:
                yield None
                continue
            if event is None:
                return
            yield event


class Hub:
    """The open streams; safe to use from many threads."""

    def __init__(self) -> None:
        """Begin without any."""
        self._streams: set[Stream] = set()
        self._closed = False
        self._changed = threading.Condition()

    def open(self) -> Stream:
        """Open a stream."""
        stream = Stream()
        with self._changed:
            if self._closed:
                stream.put(None)
            else:
                self._streams.add(stream)
            self._changed.notify_all()
        return stream

    def leave(self, stream: Stream) -> None:
        """Forget a stream."""
        with self._changed:
            self._streams.discard(stream)

    def publish(self, name: str, data: Any) -> None:  # noqa: ANN401 - JSON
        """Give an event to every stream."""
        with self._changed:
            for stream in self._streams:
                stream.put((name, data))

    def wait_for_a_page(self) -> bool:
        """Wait until somebody looks; False when the hub is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._streams or self._closed)
            return not self._closed

    def close(self) -> None:
        """End every stream."""
        with self._changed:
            self._closed = True
            for stream in self._streams:
                stream.put(None)
            self._streams.clear()
            self._changed.notify_all()
