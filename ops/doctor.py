"""The doctor: checks each part of a stack, and says what to do about each problem."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from taqnyat import BearerToken, CredentialsError
from taqnyat.credentials import MalformedSecretError

from ops import failed_queue, keys, leftover, money, version, watch
from ops.errors import OpsError, explain
from ops.findings import (
    Finding,
    Level,
    account_finding,
    alarms_finding,
    bad,
    failed_finding,
    good,
    sending_finding,
    version_finding,
    warning,
    webhooks_finding,
)
from ops.interrupt import Stop
from ops.remedies import remedy
from ops.screen import ago
from ops.secret import Secret
from ops.stack import Stack
from ops.webhooks import Office

_DAY_MINUTES: Final = 24 * 60
_MAX_SKEW_SECONDS: Final = 60
_MAX_CHECK_AGE_SECONDS: Final = 300
_MOST_COUNTED: Final = 2000  # more takes too long for a check of everything
_STORE: Final = "store it with `token set`"
_SHAPE: Final = 'it holds the token and nothing else, or {"bearerToken": "..."}'


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `remedy` is empty when there is nothing to do."""

    name: str
    level: Level
    found: str
    remedy: str = ""

    def summary(self) -> dict[str, str]:
        """Return it for programs."""
        return {key: str(value) for key, value in asdict(self).items()}


class Doctor:
    """Checks one stack; it changes and sends nothing."""

    def __init__(
        self, stack: Stack, *, ask_taqnyat: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        """`ask_taqnyat` lets the status check ask Taqnyat, with a mail that has no recipient."""
        self._stack = stack
        self._ask_taqnyat = ask_taqnyat
        self._now = now

    def look(self) -> Iterator[Check]:
        """Yield each check as it is done.

        Raises:
            OpsError: there is no such stack, or AWS allows no check.

        """
        _ = self._stack.described
        for name, check in self._checks():
            try:
                finding = check()
            except (ClientError, BotoCoreError) as error:
                trouble = explain(error)
                finding = bad(str(trouble), trouble.remedy)
            except OpsError as error:
                finding = bad(str(error), error.remedy)
            yield Check(name, *finding)

    def _checks(self) -> list[tuple[str, Callable[[], Finding]]]:
        checks: list[tuple[str, Callable[[], Finding]]] = [
            ("stack", self._deployed),
            ("version", self._version),
            ("clock", self._clock),
            ("token", self._token),
            ("API keys", self._keys),
            ("left out", self._not_carried),
            ("mail queue", self._mail_queue),
            ("failed queue", self._failed_queue),
            ("left-over queues", self._leftover),
            ("webhooks", self._webhooks),
            ("ledger", self._ledger),
            ("sending", self._sending),
            ("event source mapping", self._mapping),
            ("status check", self._status_check),
            ("Taqnyat", self._provider),
            ("balance", self._balance),
            ("account's end", self._expiry),
            ("alarms", self._alarms),
            ("alarm subscribers", self._subscribers),
            ("egress address", self._egress),
        ]
        if self._ask_taqnyat:
            checks.insert(4, ("Taqnyat's account", self._account))
        return checks

    def _deployed(self) -> Finding:
        status = self._stack.described["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return good(status)
        if status.endswith("_IN_PROGRESS"):
            return warning(status, "a deployment is running; run doctor again when it has ended")
        return bad(status, "see the stack's events in CloudFormation, and deploy again")

    def _version(self) -> Finding:
        return version_finding(self._stack.outputs.get(version.OUTPUT), version.VERSION)

    def _clock(self) -> Finding:
        headers = self._stack.described_headers
        theirs = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else None
        if theirs is None:
            return warning("AWS named no time", "try again")
        skew = self._now() - theirs
        if abs(skew) > _MAX_SKEW_SECONDS:
            side = "ahead of" if skew > 0 else "behind"
            return bad(f"this machine is {ago(abs(skew))} {side} AWS", "set this machine's clock")
        return good("agrees with AWS")

    def _token(self) -> Finding:
        secret_id = self._stack.output("TokenSecretArn")
        try:
            BearerToken(self._stack.client("secretsmanager"), secret_id, 0).get()
        except CredentialsError as error:
            shape = isinstance(error, MalformedSecretError)
            return bad(str(error), f"{_SHAPE}; {_STORE}" if shape else _STORE)
        return good("stored")

    def _account(self) -> Finding:
        answer = self._stack.client("lambda").invoke(
            FunctionName=self._stack.output("StatusCheckFunction"),
            Payload=json.dumps({"check": "account"}).encode(),
        )
        if answer.get("FunctionError"):
            return bad(
                "the status check failed",
                "see the log of the function in the output StatusCheckFunction",
            )
        return account_finding(json.loads(answer["Payload"].read()))

    def _document(self) -> keys.Document:
        text, _ = Secret(
            self._stack.client("secretsmanager"), self._stack.output("ApiKeysSecretArn")
        ).read()
        return keys.load(text)

    def _keys(self) -> Finding:
        document = self._document()
        if not document:
            return bad(
                "no client has a key: the API refuses every call", "make one with `keys add`"
            )
        if faults := keys.faults(document):
            return bad("; ".join(faults), "correct it with `keys rotate`, or revoke and add")
        return good(f"{len(document)} client(s)")

    def _not_carried(self) -> Finding:
        stack = self._stack.settings.unsupported
        reporting = keys.reporting(self._document(), stack)
        if not reporting:
            return good("nothing: what Taqnyat cannot carry is refused")
        mails = watch.not_carried(self._stack, _DAY_MINUTES)
        found = f"reply_to or headers of {mails} mail(s) in a day, for {', '.join(reporting)}"
        return warning(found, "see `taqnyat.not_carried` of a mail") if mails else good(found)

    def _mail_queue(self) -> Finding:
        depth = watch.depth(self._stack, "MailQueueUrl")
        found = f"{depth.waiting} waiting, {depth.in_flight} in flight"
        if "BulkQueueUrl" in self._stack.outputs:
            bulk = watch.depth(self._stack, "BulkQueueUrl")
            found += f"; bulk: {bulk.waiting} waiting, {bulk.in_flight} in flight"
        return good(found)

    def _leftover(self) -> Finding:
        count = sum(found.depth.total for found in leftover.find(self._stack))
        if count:
            return warning(f"{count} message(s) in a queue that nothing reads", "run `leftover`")
        return good("none holds a mail")

    def _failed_queue(self) -> Finding:
        depth = watch.depth(self._stack, "FailedQueueUrl")
        if not depth.total:
            return good("empty")
        if depth.total > _MOST_COUNTED:
            return warning(
                f"about {depth.total:,} mail(s)", "see their causes with `failed groups`"
            )
        with failed_queue.of_stack(self._stack).look(Stop()) as look:
            kinds = Counter((letter.state, letter.reason) for letter in look.letters.values())
        return failed_finding(kinds, "" if look.is_whole else look.sentence())

    def _webhooks(self) -> Finding:
        standing = Office(self._stack).standing()
        return good("turned off") if standing is None else webhooks_finding(standing)

    def _ledger(self) -> Finding:
        table = self._stack.client("dynamodb").describe_table(
            TableName=self._stack.output("LedgerTable")
        )["Table"]
        if table["TableStatus"] not in {"ACTIVE", "UPDATING"}:
            return bad(f"the table is {table['TableStatus']}", "see DynamoDB in the AWS console")
        self._stack.pause.read()
        return good("reachable")

    def _sending(self) -> Finding:
        return sending_finding(self._stack.pause.shown(), self._now())

    def _mapping(self) -> Finding:
        paused = self._stack.pause.read().paused
        states = watch.mapping_states(self._stack)
        on = bool(states) and all(state in {"Enabled", "Enabling"} for state in states)
        if not states:
            return bad("there is none: nothing feeds the worker", "deploy the stack again")
        if paused:
            return good(f"{', '.join(states)}, while sending is paused")
        if not on:
            return bad(f"{', '.join(states)} although sending is not paused", "run `resume`")
        return good("enabled")

    def _status_check(self) -> Finding:
        provider = self._stack.pause.provider()
        remedy_ = "see the log and the schedule of the function in the output StatusCheckFunction"
        if not provider:
            return warning("has not run yet", f"wait two minutes; then {remedy_}")
        age = self._now() - provider["checked_at"]
        if age > _MAX_CHECK_AGE_SECONDS:
            return bad(f"last ran {ago(age)} ago: a pause would not end by itself", remedy_)
        return good(f"ran {ago(age)} ago")

    def _provider(self) -> Finding:
        provider = self._stack.pause.provider()
        if not provider:
            return warning("not asked yet", "wait for the status check")
        if not provider["up"]:
            return bad(
                "says that a service is affected, or does not answer",
                "nothing to do here: mails wait and are retried; ask Taqnyat if it lasts",
            )
        return good(f"up, answered in {provider['milliseconds']} ms")

    def _balance(self) -> Finding:
        found = self._stack.money.read()
        said = money.sentence(found, self._stack.settings)
        what_to_do = money.balance_trouble(found, self._stack.settings)
        return warning(said, what_to_do) if what_to_do else good(said)

    def _expiry(self) -> Finding:
        said, soon = money.expiry(self._stack.money.read(), self._now())
        return warning(said, "renew the account with Taqnyat") if soon else good(said)

    def _alarms(self) -> Finding:
        return alarms_finding(watch.active_alarms(self._stack))

    def _subscribers(self) -> Finding:
        answer = self._stack.client("sns").list_subscriptions_by_topic(
            TopicArn=self._stack.output("AlarmTopicArn")
        )
        arns = [found["SubscriptionArn"] for found in answer["Subscriptions"]]
        confirmed = [arn for arn in arns if arn.startswith("arn:")]
        if confirmed:
            return good(f"{len(confirmed)} confirmed")
        if arns:
            return warning(
                "not confirmed: nobody gets an alarm", "open the link in the mail that SNS sent"
            )
        return warning(
            "none: nobody gets an alarm",
            "deploy with AlarmEmail, or subscribe to the topic of the output AlarmTopicArn",
        )

    def _egress(self) -> Finding:
        state = self._stack.pause.read()
        if state.paused and state.reason == "ip_refused":
            seen = state.detail or "an address that it does not name"
            return bad(f"Taqnyat refused {seen}", remedy("ip_refused"))
        function = self._stack.client("lambda").get_function_configuration(
            FunctionName=self._stack.output("WorkerFunction")
        )
        if (function.get("VpcConfig") or {}).get("SubnetIds"):
            return good("fixed: by the VPC's NAT; its address is an output of network.yaml's stack")
        return good("not fixed, and not refused: fine unless Taqnyat's account limits addresses")
