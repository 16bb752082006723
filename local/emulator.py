"""The embedded AWS emulator (ministack): a process of its own, gone with us whatever happens.

It runs on this interpreter with a clean environment, on a free loopback port, keeps its files in
the given folder, and enforces the policies of the roles (AUTH=true).
"""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from local import guardian
from local.errors import LocalStackError

ACCOUNT = "123456789012"
REGION = "us-east-1"
_HOST = "127.0.0.1"
_HEALTH = "/_ministack/health"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_ATTEMPTS = 3
_CONFIG = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=70,
    max_pool_connections=50,
    proxies={},  # it is on this machine, whatever the environment says
)


class Emulator:
    """A running emulator; use it as a context manager, or with `start` and `stop`.

    A key of twelve digits is the root user of the account of that number: nothing is denied to
    it, as to an administrator who deploys. The functions get sessions of their own roles.
    """

    access_key_id = ACCOUNT
    secret_access_key = "local"  # noqa: S105 - the emulator does not compare it
    region = REGION

    def __init__(self, folder: Path) -> None:
        """Take a folder for the log and, below it, all of the emulator's own files."""
        self.log = folder / "emulator.log"
        self._files = folder / "emulator"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session = boto3.session.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=REGION,
        )

    @property
    def endpoint_url(self) -> str:
        """Address for every AWS service."""
        return f"http://{_HOST}:{self._port}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 clients have no common type
        """Return a boto3 client with the deployer's credentials; safe to use from many threads."""
        with self._lock:
            if service not in self._clients:
                session: Any = self._session  # its overloads know only literal names
                self._clients[service] = session.client(
                    service, endpoint_url=self.endpoint_url, config=_CONFIG
                )
            return self._clients[service]

    def environment(self) -> dict[str, str]:
        """Return the variables that point AWS tools at the emulator and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            LocalStackError: it ended, or did not answer in time.

        """
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = _free_port()
            self._process = self._spawn()
            if self._is_up():
                return self
            self.stop()
            if attempt == _ATTEMPTS or not self._port_was_taken():
                raise LocalStackError(f"the AWS emulator did not start:\n{self._end_of_log()}")
        raise AssertionError

    def stop(self) -> None:
        """End it and all its processes, and wait until they are gone."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        (self._files / "tmp").mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                guardian.guarded(self._files, [sys.executable, "-m", "ministack"]),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._files,
                env=self._clean_environment(),
                start_new_session=True,
            )

    def _clean_environment(self) -> dict[str, str]:
        """Return all that it gets to see: the functions would inherit anything else."""
        return {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(self._files),
            "TMPDIR": str(self._files / "tmp"),
            "STATE_DIR": str(self._files / "state"),
            "S3_DATA_DIR": str(self._files / "s3"),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": _HOST,
            "MINISTACK_HOST": _HOST,
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
            if _answers(self._port):
                return True
            time.sleep(0.02)
        return False

    def _port_was_taken(self) -> bool:
        return b"already in use" in self.log.read_bytes()

    def _end_of_log(self) -> str:
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-20:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with closing(http.client.HTTPConnection(_HOST, port, timeout=5)) as connection:
        try:
            connection.request("GET", _HEALTH)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
