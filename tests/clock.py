"""A clock for tests."""


class Clock:
    """Stands still until it is moved; `now` is epoch seconds."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
