"""A whole stack of stand-ins, found by its name: every command can be typed on it.

The office has queues and the ledger; here is the rest of AWS, as far as operators' commands call
it, each call refused that does not name what the stack has.
"""

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from outbox.settings import Settings
from outbox.storage.expressions import pack_item

from ops import version
from ops.stack import Stack
from tests.faults.standins.dynamo import SortedDynamo
from tests.faults.standins.errors import client_error, only
from tests.faults.standins.fairness import Queue
from tests.faults.standins.others import Functions, Kms, Mapping
from tests.faults.standins.scheduler import Scheduler
from tests.unit.ops.office import BULK, FAILED, MAIL, OUTPUTS, TABLE, LockedDynamo, Office

NOW = 1_795_000_000.0  # 2026-11-18T11:06:40Z
AT = "2026-11-18T11:06:40.000Z"
HOOKS = "hooks"
WAKES = "https://sqs/webhooks"
MORE_OUTPUTS = {
    "TokenSecretArn": "arn:token",
    "ApiKeysSecretArn": "arn:keys",
    "AlarmTopicArn": "arn:topic",
    "ApiFunction": "api",
    "WorkerFunction": "worker",
    "StatusCheckFunction": "check",
    version.OUTPUT: version.VERSION,
}
SERVED = {
    "LEDGER_TABLE": TABLE,
    "MAIL_QUEUE_URL": MAIL,
    "MAIL_QUEUE_ARN": "arn:mail",
    "SCHEDULE_GROUP": "group",
    "SCHEDULE_ROLE_ARN": "arn:role",
}
HEALTHY: dict[str, dict[str, Any]] = {
    "#provider": {"up": True, "milliseconds": 5, "checked_at": int(NOW) - 10},
    "#money": {
        "checked_at": int(NOW) - 60,
        "readings": [f"{int(NOW) - 60} 240.500"],
        "currency": "SAR",
        "proof": "agrees",
        "fell": "1.2",
        "spent": "1.1",
        "mails": 21,
        "minutes": 61,
        "minutes_left": 605,
        "expires": "2027-11-25",
    },
}


class Secrets:
    """Secrets by id, with versions and labels, as Secrets Manager keeps them."""

    def __init__(self, **texts: str) -> None:
        self.versions = {f"arn:{name}": {f"{name}-0": text} for name, text in texts.items()}
        self.labels = {f"arn:{name}": {"AWSCURRENT": f"{name}-0"} for name in texts}

    def text(self, name: str) -> str:
        """Return the present text of a secret."""
        secret = f"arn:{name}"
        return self.versions[secret][self.labels[secret]["AWSCURRENT"]]

    def get_secret_value(self, **arguments: Any) -> Any:
        (secret,) = only(arguments, "SecretId")
        if "AWSCURRENT" not in self.labels[secret]:
            raise client_error("GetSecretValue", "ResourceNotFoundException")
        at = self.labels[secret]["AWSCURRENT"]
        return {"SecretString": self.versions[secret][at], "VersionId": at}

    def put_secret_value(self, **arguments: Any) -> Any:
        names = ("SecretId", "SecretString", "ClientRequestToken", "VersionStages")
        secret, text, at, stages = only(arguments, *names)
        at = at or f"made-{len(self.versions[secret])}"
        self.versions[secret][at] = text
        self.labels[secret] |= dict.fromkeys(stages or ["AWSCURRENT"], at)
        return {"VersionId": at}

    def update_secret_version_stage(self, **arguments: Any) -> Any:
        names = ("SecretId", "VersionStage", "MoveToVersionId", "RemoveFromVersionId")
        secret, label, to, of = only(arguments, *names)
        if self.labels[secret].get(label) != of:
            raise client_error("UpdateSecretVersionStage", "InvalidParameterException")
        del self.labels[secret][label]
        if to is not None:
            self.labels[secret][label] = to
        return {}


class Lambda(Functions):
    """The functions: their settings, their mappings, and what the status check answers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        queues = ("arn:mail", "arn:bulk")
        super().__init__(*(Mapping("worker", arn, clock) for arn in queues))
        self.settings = {name: dict(SERVED) for name in ("api", "worker", "check")}
        self.more: dict[str, Any] = {}  # of the worker's configuration
        self.answer: dict[str, Any] = {"verdict": "terminal", "scope": "mail"}
        self.answer |= {"reason": "sender_refused", "code": 14}
        self.error: str | None = None
        self.asked: list[Any] = []

    def get_function_configuration(self, **arguments: Any) -> Any:
        (name,) = only(arguments, "FunctionName")
        more = self.more if name == "worker" else {}
        return {"Environment": {"Variables": self.settings[name]}, **more}

    def invoke(self, **arguments: Any) -> Any:
        name, payload = only(arguments, "FunctionName", "Payload")
        assert name == "check"
        self.asked.append(json.loads(payload))
        failed = {"FunctionError": self.error} if self.error else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **failed}


class CloudWatch:
    """Alarms that ring, and points by metric: `(namespace, metric, dimensions, statistic)`."""

    def __init__(self) -> None:
        self.alarms: list[dict[str, Any]] = []
        self.points: dict[tuple[str, str, str, str], list[tuple[float, float]]] = {}
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> "CloudWatch":
        assert operation == "describe_alarms"
        return self

    def paginate(self, **arguments: Any) -> Any:
        prefix, state = only(arguments, "AlarmNamePrefix", "StateValue")
        assert state == "ALARM"
        found = [one for one in self.alarms if one["AlarmName"].startswith(prefix)]
        return [{"MetricAlarms": [one]} for one in found] or [{"MetricAlarms": []}]

    def get_metric_statistics(self, **arguments: Any) -> Any:
        names = ("Namespace", "MetricName", "Dimensions", "Statistics", "StartTime", "EndTime")
        namespace, metric, dimensions, (statistic,), start, end, period = only(
            arguments, *names, "Period"
        )
        seconds = round((end - start).total_seconds())
        assert end.tzinfo is UTC
        assert abs((datetime.now(UTC) - end).total_seconds()) < 60
        self.asked.append({"metric": metric, "seconds": seconds, "period": period})
        of = ",".join(f"{one['Name']}={one['Value']}" for one in dimensions)
        points = self.points.get((namespace, metric, of, statistic), [])
        return {
            "Datapoints": [
                {"Timestamp": datetime.fromtimestamp(at, UTC), statistic: value}
                for at, value in points
            ]
        }


class Sns:
    """The topic's subscriptions."""

    def __init__(self) -> None:
        self.arns = ["arn:aws:sns:one", "PendingConfirmation"]

    def list_subscriptions_by_topic(self, **arguments: Any) -> Any:
        assert only(arguments, "TopicArn") == ["arn:topic"]
        return {"Subscriptions": [{"SubscriptionArn": arn} for arn in self.arns]}


class Tables:
    """DynamoDB: the ledger, and the table of webhooks; each call goes to the table it names."""

    def __init__(self, ledger: LockedDynamo, items: dict[str, Any], hooks: SortedDynamo) -> None:
        self._tables: dict[str, Any] = {TABLE: ledger, HOOKS: hooks}
        self._items = items
        self.status = "ACTIVE"
        self.scanned: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            named = arguments.get("TableName") or next(iter(arguments.get("RequestItems", [TABLE])))
            return getattr(self._tables[named], name)(**arguments)

        return call

    def describe_table(self, **arguments: Any) -> Any:
        assert only(arguments, "TableName") == [TABLE]
        return {"Table": {"TableStatus": self.status}}

    def get_paginator(self, operation: str) -> "Tables":
        assert operation == "scan"
        return self

    def paginate(self, **arguments: Any) -> Any:
        """Scan the ledger, two items a page; what a filter leaves out is the code's to compare."""
        assert arguments["TableName"] == TABLE
        self.scanned.append(arguments)
        items = list(self._items.values())
        return [{"Items": items[at : at + 2]} for at in range(0, len(items), 2)] or [{"Items": []}]


class Queues:
    """SQS as the office has it, with a list of the queues of the account."""

    def __init__(self, office: Office) -> None:
        self._sqs = office.sqs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    def get_paginator(self, operation: str) -> "Queues":
        assert operation == "list_queues"
        return self

    def paginate(self, **arguments: Any) -> Any:
        (prefix,) = only(arguments, "QueueNamePrefix")
        named = [url for url in self._sqs.queues if url.rpartition("/")[2].startswith(prefix)]
        return [{"QueueUrls": [url]} for url in named] or [{}]


class Cloud(Office):
    """An office whose stack is whole and healthy, on a clock that stands still."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        """Make a stack in which nothing is wrong."""
        super().__init__(folder, clock)
        self.outputs = OUTPUTS | MORE_OUTPUTS
        self.status = "UPDATE_COMPLETE"
        self.date: float | None = clock()
        self.hooks = SortedDynamo(HOOKS)
        self.sqs.queues[WAKES] = Queue(300, 86400)
        self.secrets = Secrets(token="tok-en", keys=json.dumps({"shop": RULES}))
        self.functions = Lambda(clock)
        self.watch = CloudWatch()
        self.topic = Sns()
        self.tables = Tables(self.ledger, self.dynamo.items, self.hooks)
        self.scheduler = Scheduler("group", "arn:role", self.sqs, clock)
        for name, values in HEALTHY.items():
            self.dynamo.items[name] = pack_item({"pk": name, **values})
        self.clients |= {
            "cloudformation": self,
            "cloudwatch": self.watch,
            "dynamodb": self.tables,
            "kms": Kms("key"),
            "lambda": self.functions,
            "scheduler": self.scheduler,
            "secretsmanager": self.secrets,
            "sns": self.topic,
            "sqs": Queues(self),
        }

    def stack(self) -> Stack:
        """Return the stack, found anew as each command does."""
        return Stack("taqnyat-mail", self.clients.__getitem__, "nowhere")

    def describe_stacks(self, **arguments: Any) -> Any:
        """Describe the stack, as CloudFormation does."""
        assert only(arguments, "StackName") == ["taqnyat-mail"]
        headers = {}
        if self.date is not None:
            at = datetime.fromtimestamp(self.date, UTC)
            headers = {"date": format_datetime(at, usegmt=True)}
        outputs = [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]
        return {
            "Stacks": [{"StackStatus": self.status, "Outputs": outputs}],
            "ResponseMetadata": {"HTTPHeaders": headers},
        }

    def set(self, name: str, **values: Any) -> None:
        """Change an item of the ledger that is no mail's."""
        known = self.row(name) if name in self.dynamo.items else {"pk": name}
        self.dynamo.items[name] = pack_item(known | values)

    def pause(self, **values: Any) -> None:
        """Have sending paused."""
        since = int(self.clock()) - 60
        self.set("#pause", **{"paused": True, "resumed_at": 0, "since": since} | values)

    def webhooks(self, **more: str) -> None:
        """Turn webhooks on; endpoints may be on this machine."""
        self.functions.settings["api"] |= {
            "WEBHOOKS_TABLE": HOOKS,
            "WEBHOOK_QUEUE_URL": WAKES,
            "WEBHOOK_KEY_ARN": "key",
            "WEBHOOK_LOOPBACK": "on",
        } | more

    def mail(self, mail_id: str, state: str = "sent", **more: Any) -> None:
        """Have a mail's row."""
        values: dict[str, Any] = {"pk": mail_id, "state": state, "client": "shop"}
        values |= {"sender": "shop@acme.sa"}
        values |= {"created": AT, "updated": AT, "ttl": 2_000_000_000, "fingerprint": "f"}
        self.dynamo.items[mail_id] = pack_item(values | {"to": ["n***@example.com"]} | more)

    def settings(self) -> Settings:
        """Return the settings that the status check has."""
        return Settings.from_environ(self.functions.settings["check"])

    def held(self) -> dict[str, int]:
        """Return how many messages each queue holds, those without any left out."""
        return {url: len(q.messages) for url, q in self.sqs.queues.items() if q.messages}


RULES: dict[str, Any] = {"sha256": "0" * 64, "from": ["*@acme.sa"], "scopes": ["send"]}
_SPACES = re.compile(" {2,}")


def lines(text: str) -> list[str]:
    """Return what a person reads: lines without the spaces of columns, and none that are empty."""
    return [_SPACES.sub("  ", line.strip()) for line in text.splitlines() if line.strip()]


__all__ = ["AT", "BULK", "FAILED", "MAIL", "NOW", "RULES", "WAKES", "Cloud", "lines"]
