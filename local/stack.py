"""The local stack: emulator, simulator (or another provider), the deployed template, a ticker."""

import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from local import deployment
from local.api import Api
from local.bell import Bell, until_next_minute
from local.console import Console, Gateway
from local.console.gateway import item
from local.emulator import Emulator
from local.errors import LocalStackError
from local.folder import RunFolder, write
from local.loopback import is_taken
from local.parameters import STACK_NAME, WEBHOOKS
from local.running import Running
from local.simulator import Simulator
from local.simulator.profile import Profile
from local.ticker import Ticker, invoke

_TICK_SECONDS = 2.5
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# What is at `port` and the three after it, and the key that has its address in stack.json.
_PORTS = (
    ("the API", "api_url"),
    ("the console", "inbox_url"),
    ("AWS", "aws_endpoint_url"),
    ("Taqnyat's simulator", "simulator_url"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run it. Without `taqnyat_url` a simulator is started.

    `parameters` go to the template with the local ones; `tick` is the seconds between two
    status checks; `root` is the folder of the runs; `publish` says whether stack.json is written
    as soon as the stack is up. `port` is the first of four (API, console, AWS, Taqnyat's
    simulator); 0 takes any. With `keep`, mails and ledger are there again at the next start.
    `webhooks` makes the console's own endpoint, which is called about mails; `alarms` has
    the alarms evaluated each minute, and else only by `bell`. With a `profile` the
    simulator answers as a real account did.
    """

    taqnyat_url: str | None = None
    taqnyat_token: str | None = field(default=None, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tick: float = _TICK_SECONDS
    publish: bool = True
    port: int = 0
    keep: bool = False
    webhooks: bool = False
    alarms: bool = True
    profile: Profile | None = None
    root: Path = deployment.ROOT / ".local"


class LocalStack(Running):
    """A running stack.

    `tell` is called with the name of each step and a detail as it is done. Emulator, console and
    the folder of the run are there once it has started.
    """

    emulator: Emulator
    console: Console
    folder: RunFolder

    def __init__(
        self,
        options: Options | None = None,
        tell: Callable[[str, str], object] = lambda _step, _detail: None,
    ) -> None:
        """Start nothing yet."""
        self.options = options or Options()
        self.api_key = ""
        self.api_url = ""
        self.outputs: dict[str, str] = {}
        self.simulator: Simulator | None = None
        self._tell = tell
        self._tickers: list[Ticker] = []
        self.bell = Bell(self.client)
        self._ending = ExitStack()

    @property
    def api(self) -> Api:
        """The API, with the stack's own key."""
        return Api(self.api_url, self.api_key)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 clients have no common type
        """Return a boto3 client with the deployer's rights."""
        return self.emulator.client(service)

    def item(self, key: str) -> dict[str, Any]:
        """Return an item of the ledger, such as the row of a mail; empty if there is none."""
        found = self.client("dynamodb").get_item(
            TableName=self.outputs["LedgerTable"], Key={"pk": {"S": key}}, ConsistentRead=True
        )
        return item(found.get("Item", {}))

    def start(self) -> Self:
        """Bring everything up; on a failure nothing stays.

        Raises:
            LocalStackError: something that the user can mend.

        """
        try:
            self._start()
            if self.options.publish:
                self.publish()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                place = self.options.root.resolve()
                raise LocalStackError(f"no space left on the disk of {place}") from None
            raise
        return self

    def _start(self) -> None:
        url, token = self.options.taqnyat_url, self.options.taqnyat_token
        if url is not None and not token:
            raise LocalStackError("a provider of your own needs its token: set TAQNYAT_TOKEN")
        deployment.build()
        self.folder = RunFolder(self.options.root)
        self._ending.callback(self.folder.close)
        identity = self.folder.identity
        self.api_key = identity.api_key
        kept = self._kept()
        if url is None:
            self.simulator = Simulator(
                token=identity.token, port=self._port(3), profile=self.options.profile
            )
            if kept is not None:
                self._restore(self.simulator, kept / "simulator.json")
            self._ending.enter_context(self.simulator)
            url, token = self.simulator.base_url, self.simulator.token
            self._tell("simulator", url)
        # What runs then ends with the emulator.
        self._ending.callback(self._join_clocks)
        self.emulator = self._ending.enter_context(
            Emulator(self.folder.path, self._port(2), self._port(0), identity.path, kept)
        )
        self._tell("emulator", self.emulator.endpoint_url)
        webhooks = WEBHOOKS if self.options.webhooks else {}
        parameters = {**webhooks, **self.options.parameters}
        self.outputs = deployment.deploy(self.emulator, url, parameters)
        deployment.put_secrets(self.emulator, self.outputs, token or "", self.api_key)
        self.api_url = deployment.open_api(self.emulator, self.outputs)
        self._start_clocks()
        gateway = Gateway(self.client, self.outputs, self.api)
        self.console = self._ending.enter_context(
            Console(gateway, self.simulator, self._port(1), lambda: self.bell.active)
        )
        if self.options.webhooks:
            self.console.hook.register(self.api, self.console.url)
        self._ending.callback(self.folder.withdraw)
        self._tell("deployed", f"stack {STACK_NAME}, API {self.api_url}")
        self._compare_ports()

    def _start_clocks(self) -> None:
        """Check the status each tick, and evaluate the alarms each minute."""
        check = self.outputs["StatusCheckFunction"]
        self._tick(
            "the status check",
            lambda: invoke(self.client("lambda"), check),
            lambda: self.options.tick,
        )
        if self.options.alarms:
            self._tick("the evaluation of the alarms", self._ring, until_next_minute)

    def _tick(self, what: str, do: Callable[[], None], pause: Callable[[], float]) -> None:
        def complain(problem: str) -> None:
            self._tell("warning", f"{what} failed: {problem}")

        ticker = Ticker(do, pause, complain)
        self._tickers.append(ticker)
        self._ending.callback(ticker.stop)  # first: a signal may come while it starts
        ticker.start()

    def _join_clocks(self) -> None:
        for ticker in self._tickers:
            ticker.join()

    def _ring(self) -> None:
        known = len(self.bell.silent)
        self.bell.ring(time.time())
        if len(self.bell.silent) > known:
            self._tell("alarms", f"not rehearsed here: {', '.join(self.bell.silent)}")

    def _port(self, number: int) -> int:
        return self.options.port and self.options.port + number

    def _compare_ports(self) -> None:
        """Report each port that was taken, and the one that is used instead."""
        details = self.details()
        for number, (name, key) in enumerate(_PORTS):
            at = urlsplit(details[key] or "").port
            if at and at != self._port(number) != 0:
                self._tell("port", f"{self._port(number)} is taken: {name} is at {at}")

    def _kept(self) -> Path | None:
        """Return the folder of what is kept, None if nothing is to be."""
        if not self.options.keep:
            return None
        if not self.folder.is_first:
            raise LocalStackError(
                "another stack of this checkout is up; only one can keep its mails"
            )
        for number, (name, _) in enumerate(_PORTS):
            if is_taken(self._port(number)):
                raise LocalStackError(
                    f"port {self._port(number)} ({name}) is taken, and what is kept needs its "
                    "ports again: free it, or start with another --port"
                )
        folder = self.options.root / f"kept-{self.options.port}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _restore(self, simulator: Simulator, file: Path) -> None:
        try:
            simulator.provider.restore(json.loads(file.read_text("utf-8")))
        except FileNotFoundError:
            pass  # the first time
        except (ValueError, KeyError):
            problem = f"what is kept cannot be read: remove {file.parent.resolve()}"
            raise LocalStackError(problem) from None
        self._ending.callback(lambda: write(file, simulator.provider.kept()))

    def publish(self) -> None:
        """Write stack.json: from now on others may count on the stack being theirs."""
        self.folder.publish(self.details())

    def stop(self) -> None:
        """End everything that was started."""
        self._ending.close()

    def details(self) -> dict[str, Any]:
        """Return what `stack.json` tells others."""
        simulator_url = self.simulator.base_url if self.simulator else None
        return {
            "api_url": self.api_url,
            "api_key": self.api_key,
            "simulator_url": simulator_url,
            "inbox_url": self.console.url,
            "aws_endpoint_url": self.emulator.endpoint_url,
            "region": self.emulator.region,
            "access_key_id": self.emulator.access_key_id,
            "secret_access_key": self.emulator.secret_access_key,
            "stack_name": STACK_NAME,
            "mail_queue_url": self.outputs["MailQueueUrl"],
            "bulk_queue_url": self.outputs["BulkQueueUrl"],
            "failed_queue_url": self.outputs["FailedQueueUrl"],
            "ledger_table": self.outputs["LedgerTable"],
            "pid": os.getpid(),
        }
