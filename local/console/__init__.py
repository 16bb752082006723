"""The console: one page that shows what the local stack does, live.

It serves a page, a stream of events and a small JSON interface on a loopback port. It reads the
ledger and the queues, sends through the real POST /emails, and steers the simulator.
"""

from types import TracebackType
from typing import Self

from local.console.behaviour import Behaviour
from local.console.gateway import AwsGateway, Gateway
from local.console.server import Server
from local.console.watch import Watch
from local.simulator import Simulator

__all__ = ["AwsGateway", "Console", "Gateway"]


class Console:
    """A running console; use it as a context manager, or with `start` and `stop`.

    Without a simulator it shows journeys and the pipeline only.
    """

    def __init__(self, gateway: Gateway, simulator: Simulator | None = None, port: int = 0) -> None:
        """Bind a port of 127.0.0.1 (0: any free one)."""
        behaviour = None if simulator is None else Behaviour(simulator, gateway.store_token)
        self._watch = Watch(gateway, simulator, behaviour)
        self._server = Server(port, self._watch, gateway, behaviour)

    @property
    def url(self) -> str:
        """Address without a slash at its end, such as http://127.0.0.1:40123."""
        return self._server.base_url

    def start(self) -> Self:
        """Serve in the background."""
        self._watch.start()
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving, streams included."""
        self._watch.stop()
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
