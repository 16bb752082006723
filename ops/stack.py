"""A deployed stack, found by its name; the rest comes from its outputs and settings."""

import json
import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from outbox.accepting.submission import Submission
from outbox.accepting.updater import MailUpdater
from outbox.queues.event_source import EventSource
from outbox.queues.queue import MailQueue
from outbox.queues.schedules import Schedules
from outbox.sending.pause import Pause
from outbox.settings import Settings
from outbox.storage.ledger import Ledger
from outbox.storage.money import MoneyTable
from outbox.storage.table import LedgerTable
from outbox.throttling import PatientClient

from ops.errors import OpsError

LOCAL_STACK: Final = Path(__file__).parents[1] / ".local" / "stack.json"
_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=70,
    retries={"mode": "standard", "max_attempts": 4},
    max_pool_connections=16,
)


class Stack:
    """One stack. Each part is made at its first use; methods raise botocore's errors."""

    def __init__(
        self,
        name: str,
        connect: Callable[[str], Any],
        where: str,
        place: Mapping[str, str | None] | None = None,
    ) -> None:
        """`connect` makes the client of a service; `where` is the region, for people.

        Another process finds the stack by its `place`: see `at`.
        """
        self.name = name
        self.where = where
        self.place = place
        self.client = connect
        self.described_headers: dict[str, str] = {}

    def __str__(self) -> str:
        return f"{self.name} ({self.where})"

    @cached_property
    def described(self) -> dict[str, Any]:
        """The stack's description by CloudFormation.

        Raises:
            OpsError: there is no such stack.

        """
        try:
            answer = self.client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ValidationError":
                raise
            answer = {"Stacks": []}
        if not answer["Stacks"]:
            raise OpsError(
                f"there is no stack {self}",
                "give its name with --stack, its region with --region, or --local for `make run`'s",
            )
        self.described_headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        stack: dict[str, Any] = answer["Stacks"][0]
        return stack

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs, by name."""
        return {out["OutputKey"]: out["OutputValue"] for out in self.described.get("Outputs", [])}

    def output(self, name: str) -> str:
        """Return one output.

        Raises:
            OpsError: the stack has none of this name.

        """
        if name not in self.outputs:
            raise OpsError(
                f"the stack {self} has no output {name}",
                "is it this project's, wholly deployed, and of this version? "
                "See `aws cloudformation describe-stacks`",
            )
        return self.outputs[name]

    @cached_property
    def settings(self) -> Settings:
        """The settings of the stack's own functions."""
        answer = self.client("lambda").get_function_configuration(
            FunctionName=self.output("StatusCheckFunction")
        )
        return Settings.from_environ(answer["Environment"]["Variables"])

    @cached_property
    def table(self) -> LedgerTable:
        """The table behind the ledger; what is throttled, or in conflict, is written again."""
        dynamo = PatientClient(self.client("dynamodb"))
        return LedgerTable(dynamo, self.output("LedgerTable"), self.settings.record_days)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.table)

    @cached_property
    def pause(self) -> Pause:
        """The pause item."""
        return Pause(
            self.client("dynamodb"),
            self.output("LedgerTable"),
            self.settings.probe_delays_seconds,
        )

    @cached_property
    def money(self) -> MoneyTable:
        """The account's balance, as the status check stored it."""
        return MoneyTable(self.client("dynamodb"), self.output("LedgerTable"))

    @cached_property
    def event_source(self) -> EventSource:
        """The mappings that feed the worker from its queues."""
        return EventSource(
            lambda: self.client("lambda"),
            self.output("WorkerFunction"),
            (self.output("MailQueueArn"), self.outputs.get("BulkQueueArn", "")),
        )

    @cached_property
    def submission(self) -> Submission:
        """The acceptance of mails, as the API does it."""
        return Submission(self.ledger, self._mail_queue, self._schedules)

    @cached_property
    def updater(self) -> MailUpdater:
        """The cancelation of mails, as the API does it."""
        return MailUpdater(self.ledger, self._mail_queue, self._schedules)

    @property
    def _mail_queue(self) -> MailQueue:
        return MailQueue(
            self.client("sqs"),
            self.output("MailQueueUrl"),
            bulk_url=self.outputs.get("BulkQueueUrl", ""),
        )

    @property
    def _schedules(self) -> Schedules:
        return Schedules(lambda: self.client("scheduler"), self.settings)


def find(name: str, region: str | None, profile: str | None) -> Stack:
    """Return the stack of a name in the AWS account that the environment gives."""
    # AWS's own command line reads this variable; botocore knows only AWS_DEFAULT_REGION.
    if region is None:
        region = os.environ.get("AWS_REGION") or None
    # boto3 would load its uploads to S3 too: a fifth of the time to start.
    session = botocore.session.Session(profile=profile)
    found = session.get_config_variable("region") if region is None else region
    place = {"name": name, "region": region, "profile": profile}
    connect = _connector(session, region_name=found)
    return Stack(name, connect, found or "no region", place)


def at(place: Mapping[str, str | None]) -> Stack:
    """Return the stack of a `place`.

    Raises:
        OpsError: it is a local one, which is not running.

    """
    if path := place.get("path"):
        return find_local(Path(path))
    return find(place["name"] or "", place["region"], place["profile"])


def find_local(path: Path = LOCAL_STACK) -> Stack:
    """Return the stack that `make run` started.

    Raises:
        OpsError: it is not running.

    """
    try:
        facts = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise OpsError("the local stack is not up", "start it with `make run`") from None
    connect = _connector(
        botocore.session.Session(),
        endpoint_url=facts["aws_endpoint_url"],
        aws_access_key_id=facts["access_key_id"],
        aws_secret_access_key=facts["secret_access_key"],
        region_name=facts["region"],
    )
    return Stack(facts["stack_name"], connect, "local", {"path": str(path.resolve())})


def _connector(session: Any, **given: str | None) -> Callable[[str], Any]:  # noqa: ANN401  botocore has no types
    @cache
    def connect(service: str) -> Any:  # noqa: ANN401  boto3's clients have no common type
        try:
            return session.create_client(service, config=_CONFIG, **given)
        except ValueError:
            raise OpsError(
                "these settings give no address of AWS",
                "look at --region, AWS_REGION, AWS_ENDPOINT_URL and the profile's region",
            ) from None

    return connect
