"""What every part of the local stack has in common: it runs between `start` and `stop`."""

from abc import ABC, abstractmethod
from typing import Self


class Running(ABC):
    """Use it as a context manager, or with `start` and `stop`."""

    @abstractmethod
    def start(self) -> Self:
        """Begin; on a failure nothing stays."""

    @abstractmethod
    def stop(self) -> None:
        """End everything that was started."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
