"""The console: one page that shows what the local stack does, live.

It serves a page, a stream of events and a small JSON interface on a loopback port. It reads the
ledger and the queues, sends through the real POST /emails, and steers the simulator.
"""

from collections.abc import Callable, Sequence
from typing import Self

from local import loopback, web
from local.console.app import App
from local.console.behaviour import Behaviour
from local.console.gateway import Gateway
from local.console.hook import Hook
from local.console.watch import Watch
from local.guard import guarded
from local.running import Running
from local.simulator import Simulator

__all__ = ["Console", "Gateway"]


class Console(Running):
    """A running console. Without a simulator it shows journeys and the pipeline only."""

    def __init__(
        self,
        gateway: Gateway,
        simulator: Simulator | None = None,
        port: int = 0,
        alarms: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Bind a port of 127.0.0.1 (0: any free one); `alarms` returns the active alarms."""
        self._watch = Watch(gateway, simulator, alarms)
        self.hook = Hook()
        behaviour = None if simulator is None else Behaviour(simulator, gateway.store_token)
        self._watch.panels["taqnyat"] = lambda: None if behaviour is None else behaviour.show()
        self._watch.panels["webhooks"] = self.hook.shown
        app = App(self._watch, gateway, behaviour, self.hook).application()
        listening = loopback.listen(port)
        at = int(listening.getsockname()[1])
        self.url = f"http://{loopback.HOST}:{at}"
        self._web = web.Web(guarded(app, at, page=True), listening)

    def start(self) -> Self:
        """Serve in the background."""
        self._watch.start()
        self._web.start()
        return self

    def stop(self) -> None:
        """Stop serving, streams included."""
        self._watch.stop()
        self._web.stop()
