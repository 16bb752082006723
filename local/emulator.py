"""The embedded AWS emulator (ministack): its own process, which always ends with this one.

It runs on this interpreter with a clean environment, keeps its files in the given folder, and
enforces the policies of the roles (AUTH=true). `local.emulated` is what runs there.
"""

import http.client
import os
import secrets
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import boto3
from botocore.config import Config

from local import guardian, loopback
from local.errors import LocalStackError
from local.gate import API_PATH, END_PATH
from local.running import Running

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROOT = Path(__file__).parents[1]
# Not by PYTHONPATH, which the functions would inherit.
_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from local import emulated; emulated.main()"
_HEALTH = "/_ministack/health"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_CONFIG = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=70,
    max_pool_connections=50,
    proxies={},  # it is on this machine: ignore the environment's proxies
)


class Emulator(Running):
    """A running emulator with one API of it, each on a port of its own.

    A key of twelve digits is the root user of the account of that number: nothing is denied to
    it, as to an administrator who deploys. The functions get sessions of their own roles.
    """

    access_key_id = ACCOUNT
    secret_access_key = "local"  # noqa: S105 - the emulator does not compare it
    region = REGION

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        api_port: int = 0,
        secret: str = "",
        kept: Path | None = None,
    ) -> None:
        """Take a folder for the log and, below it, all of the emulator's own files.

        `secret` is the part of the address without which nobody gets in; one is made up. In the
        folder `kept` is what it had when it ended, and will be again.
        """
        self._kept = kept
        self.log = folder / "emulator.log"
        self._files = folder / "emulator"
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets = (loopback.listen(port), loopback.listen(api_port))
        self._ports = [int(listening.getsockname()[1]) for listening in self._sockets]
        self._prefix = f"/{secret or secrets.token_urlsafe(24)}"
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session = boto3.session.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=REGION,
        )

    @property
    def endpoint_url(self) -> str:
        """Address for every AWS service; whoever knows it is let in."""
        return f"http://{loopback.HOST}:{self._ports[0]}{self._prefix}"

    @property
    def api_url(self) -> str:
        """Address of the API that was opened last, without its stage."""
        return f"http://{loopback.HOST}:{self._ports[1]}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 clients have no common type
        """Return a boto3 client with the deployer's credentials; safe to use from many threads."""
        with self._lock:
            if service not in self._clients:
                session: Any = self._session  # its overloads know only literal names
                self._clients[service] = session.client(
                    service, endpoint_url=self.endpoint_url, config=_CONFIG
                )
            return self._clients[service]

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            LocalStackError: it ended, or did not answer in time.

        """
        self._process = self._spawn()
        if not self._is_up():
            self.stop()
            lines = self.log.read_text("utf-8", "replace").splitlines()
            end = "\n".join(lines[-20:])
            raise LocalStackError(f"the AWS emulator did not start:\n{end}")
        return self

    def open_api(self, api: str) -> None:
        """Serve the API with this id at `api_url`."""
        self._ask(f"{API_PATH}?below={quote(f'/_aws/execute-api/{api}')}")

    def stop(self) -> None:
        """End it and all its processes, and wait until they are gone."""
        for listening in self._sockets:
            listening.close()
        if self._process is None:
            return
        if self._kept is not None and self._ask(END_PATH):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        (self._files / "tmp").mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                guardian.guarded(self._files, [sys.executable, "-c", _RUN, str(ROOT)]),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._files,
                env=self._clean_environment(),
                start_new_session=True,
                pass_fds=[listening.fileno() for listening in self._sockets],
            )
        for listening in self._sockets:
            listening.close()
        return process

    def _clean_environment(self) -> dict[str, str]:
        """Return all that it gets to see: the functions would inherit anything else."""
        descriptors = [listening.fileno() for listening in self._sockets]
        served = (self._ports[0], descriptors[0], self._ports[1], descriptors[1])
        return {
            "EMULATOR_PREFIX": self._prefix,
            "EMULATOR_SOCKETS": ",".join(map(str, served)),
            "AWS_ENDPOINT_URL": self.endpoint_url,  # the functions inherit it
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(self._files),
            "TMPDIR": str(self._files / "tmp"),
            "PERSIST_STATE": "0" if self._kept is None else "1",
            "STATE_DIR": str((self._kept or self._files) / "state"),
            "S3_PERSIST": "0" if self._kept is None else "1",
            "S3_DATA_DIR": str((self._kept or self._files) / "s3"),
            "GATEWAY_PORT": f"{self._ports[0]}{self._prefix}",  # all queue URLs contain it
            "MINISTACK_HOST": loopback.HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "DOCKER_HOST": f"unix://{self._files}/no-docker",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }

    def _is_up(self) -> bool:
        process = self._process
        end = time.monotonic() + _START_SECONDS
        while process is not None and process.poll() is None and time.monotonic() < end:
            if self._ask(_HEALTH):
                return True
            time.sleep(0.02)
        return False

    def _ask(self, path: str) -> bool:
        """Return whether a call of the emulator's own is answered well."""
        with closing(http.client.HTTPConnection(loopback.HOST, self._ports[0], timeout=5)) as line:
            try:
                line.request("GET", self._prefix + path)
                return line.getresponse().status < http.HTTPStatus.MULTIPLE_CHOICES
            except (OSError, http.client.HTTPException):
                return False
