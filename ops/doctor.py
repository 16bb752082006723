"""The doctor: looks at each part of a stack, and says for each trouble what to do about it."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from outbox.queues.message import STRANGE
from outbox.sending.control import ControlRecord
from taqnyat import BearerToken, CredentialsError, Scope, Verdict
from taqnyat.classification import CODES
from taqnyat.credentials import MalformedSecretError

from ops import failed_queue, keys, leftover, money, version, watch
from ops.errors import OpsError, explain
from ops.interrupt import Stop
from ops.remedies import remedy
from ops.screen import ago, clock
from ops.secret import Secret
from ops.stack import Stack
from ops.webhooks import Office, Standing

_DAY_MINUTES: Final = 24 * 60
_MAX_SKEW_SECONDS: Final = 60
_MAX_CHECK_AGE_SECONDS: Final = 300
_LATE_SECONDS: Final = 1800  # a webhook's own timers take 15 minutes
_MOST_COUNTED: Final = 2000  # more takes too long for a look at everything
_SECTION: Final = re.compile(r'docs/operations\.md, "([^"]+)"')
_STORE: Final = "store it with `token set`"
_SHAPE: Final = 'it holds the token and nothing else, or {"bearerToken": "..."}'
_FAILED: Final = (
    ("unknown", "unknown", "unknown: ask, then `failed resolve --sent` or `--resend`"),
    ("failed", "failed", "failed: when the cause is gone `failed redrive`, else `failed discard`"),
    ("invalid", "invalid", "invalid: correct the producer, then `failed discard --state invalid`"),
    ("", "moved here by SQS", "moved here by SQS: see the worker's log, then `failed redrive`"),
    (STRANGE, "not ours", "not ours: find whose queue names this one as its dead-letter queue"),
)


class Level(StrEnum):
    """How bad it is."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found; `remedy` is empty when there is nothing to do."""

    name: str
    level: Level
    found: str
    remedy: str = ""

    def summary(self) -> dict[str, str]:
        """Return it for programs."""
        return {key: str(value) for key, value in asdict(self).items()}


Finding = tuple[Level, str, str]


def good(found: str) -> Finding:
    """Make the finding that all is well."""
    return Level.GOOD, found, ""


def warning(found: str, what_to_do: str) -> Finding:
    """Make a finding that needs a look, but not now."""
    return Level.WARNING, found, what_to_do


def bad(found: str, what_to_do: str) -> Finding:
    """Make a finding that stops mails."""
    return Level.BAD, found, what_to_do


class Doctor:
    """Looks at one stack, changing and sending nothing."""

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
            OpsError: there is no such stack, or AWS lets us look at nothing.

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
            return warning(status, "a deployment is running; look again when it has ended")
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
            return bad(f"this machine is {ago(skew)} ahead of AWS", "set this machine's clock")
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
            return bad("no client has a key: the API lets nobody in", "make one with `keys add`")
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
            states = Counter(letter.state for letter in look.letters.values())
        return failed_finding(states, "" if look.is_whole else look.sentence())

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
        return sending_finding(self._stack.pause.record(), self._now())

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
        return alarms_finding(watch.ringing(self._stack))

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
                "not confirmed: nobody hears an alarm", "open the link in the mail that SNS sent"
            )
        return warning(
            "none: nobody hears an alarm",
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


def alarms_finding(ringing: Mapping[str, str]) -> Finding:
    """Judge the alarms that ring, given with their descriptions, which name where to read on."""
    if not ringing:
        return good("none is ringing")
    named = dict.fromkeys(title for told in ringing.values() for title in _SECTION.findall(told))
    sections = ", ".join(f'"{title}"' for title in named)
    found = f"ringing: {', '.join(ringing)}"
    return warning(found, f"see docs/operations.md{sections and ': '}{sections}")


def version_finding(deployed: str | None, local: str) -> Finding:
    """Compare the stack's version with that of this command line."""
    if deployed is None:
        return warning(f"deployed: older than 0.2.0; here: {local}", "deploy the stack again")
    found = f"deployed: {deployed}; here: {local}"
    if deployed == version.UNKNOWN:
        return warning(found, "build with `make build`, which writes the version, and deploy again")
    if deployed != local:
        return warning(found, "deploy the stack again, or use the deployed version's command line")
    return good(found)


def sending_finding(record: ControlRecord, now: float) -> Finding:
    """Judge the pause, or the suspicion; the mails whose answers made them are named."""
    state, suspicion = record.pause, record.suspicion
    if not state.paused and suspicion is not None and record.sent_at < suspicion.at:
        found = f"active; refused, and nothing sent since: {suspicion.refusal.answer}"
        return warning(found, "wait: the next mails tell whether it is this mail or the account")
    if not state.paused:
        return good("active")
    since = f"since {clock(state.since)} ({ago(now - state.since)})"
    if state.by == "operator":
        return bad(f"paused by hand {since}: {state.reason}", "`resume` when that is over")
    probe = f"tried again by itself in {ago(max(0, state.next_probe - now))}"
    answers = "; ".join(refusal.answer for refusal in state.blamed)
    by = f"; paused by {answers}" if answers else ""
    return bad(f"paused {since}: {state.reason}; {probe}{by}", remedy(state.reason))


def failed_finding(states: Mapping[str, int], incomplete: str) -> Finding:
    """Judge what is in the failed queue, by state; "" is what SQS itself moved there."""
    found = [f"{states[state]:,} {name}" for state, name, _ in _FAILED if states.get(state)]
    what = [do for state, _, do in _FAILED if states.get(state)]
    if incomplete:
        found.append(incomplete)
        what.append("look again when the other terminal has ended")
    return warning(", ".join(found), "; ".join(what) or "see `failed`")


def webhooks_finding(standing: Standing) -> Finding:
    """Judge the endpoints and their queue."""
    oldest = standing.oldest_seconds
    waited = "" if oldest is None else f", the oldest for {ago(oldest)}"
    found = f"{standing.endpoints} endpoint(s); {standing.queue.total} message(s) wait{waited}"
    if standing.paused:
        which = ", ".join(f"{one.client} {one.id}" for one in standing.paused)
        found = f"{len(standing.paused)} paused: {which}; {found}"
        return warning(found, "see `webhooks log`, and docs/operations.md, A webhook is paused")
    if oldest is not None and oldest > _LATE_SECONDS:
        return warning(found, "see docs/operations.md, Webhooks wait too long")
    return good(found)


def account_finding(answer: dict[str, Any]) -> Finding:
    """Judge what Taqnyat answered to a mail without a recipient: the account is asked for first."""
    reason, code = answer["reason"], answer.get("code")
    if answer["scope"] == Scope.ACCOUNT:
        address = f", address {answer['ip']}" if answer.get("ip") else ""
        return bad(f"Taqnyat refuses: {reason}{address}", remedy(reason))
    if answer["scope"] == Scope.PROVIDER:
        return warning(f"cannot tell: {reason}", "look again when Taqnyat answers")
    if answer["verdict"] == Verdict.TERMINAL and code not in CODES:
        return warning(
            f"token not refused, but the answer is not in the guide (code {code})",
            "send one mail to yourself with `send`",
        )
    return good("token and address accepted")
