"""`make incident`: an incident played on the local stack, and written down.

The balance runs out under load, and the operators' command line is all that is used to see it
through. What is printed is what the commands really said; a claim that does not hold ends it with
an error.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from local.deployment import ROOT
from local.errors import LocalStackError
from local.stack import LocalStack, Options

_MAILS = 60
_REFUSED = 2
_BALANCE = 25
_RATE = 20.0
_PATIENCE_SECONDS = 120.0
_NEW_SENDER = "new@acme.sa"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine


class Incident:
    """Plays the incident and writes its transcript."""

    def __init__(self, stack: LocalStack, out: TextIO) -> None:
        """Take a running stack with a simulator, which costs 1 a recipient."""
        if stack.simulator is None:
            raise LocalStackError("the incident needs the simulator")
        self._stack = stack
        self._simulator = stack.simulator
        self._out = out
        self._queue = self._subscribe()
        self._notices: list[dict[str, Any]] = []

    def play(self) -> None:
        """Play it to its end.

        Raises:
            LocalStackError: something did not come as it should.

        """
        self._simulator.account(balance=_BALANCE, senders=["shop@acme.sa"])
        self._say(
            f"Taqnyat's account has money for {_BALANCE} mails. {_MAILS} mails are posted, "
            f"{_RATE:.0f} a second; {_REFUSED} of them from a sender that Taqnyat has not approved."
        )
        self._post_all()
        self._until(lambda: self._status()["sending"]["paused"])
        self._until(lambda: self._heard("sending paused") and self._heard("ALARM"))
        self._say("## The alarm", "The alarm topic gets a notice with the reason, once:")
        self._quote(self._heard("sending paused"))
        self._say("and the alarm, whose description says what to do:")
        self._quote(_alarm(self._heard("ALARM")))
        self._say("## What goes on?")
        self._run("status")
        self._say("## What is wrong, and what to do?")
        self._run("doctor", code=1)
        self._say(
            f"{self._received()} mails are at Taqnyat, all others are kept. "
            "The account is topped up (in the simulator here), and sending resumed; it would "
            "resume by itself at the next try, too."
        )
        self._simulator.account(balance=1000)
        self._run("resume --yes")
        self._until(lambda: self._received() == _MAILS - _REFUSED)
        self._until(lambda: self._status()["failed_queue"]["waiting"] == _REFUSED)
        self._say("## Is all of it sent, and once?")
        self._count()
        self._run("status")
        self._say("## What is left?")
        self._run("failed list")
        self._run("failed redrive --dry-run")
        self._say("Taqnyat approves the sender. Now the two are tried once more:")
        self._simulator.account(senders=["*@acme.sa"])
        self._run("failed redrive --reason sender_refused --yes")
        self._until(lambda: self._received() == _MAILS)
        self._count()
        self._say("When the alarm is over as well, all is well:")
        self._until(lambda: not self._status()["alarms"])
        self._run("doctor")

    def _post_all(self) -> None:
        begin = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            for number in range(_MAILS):
                time.sleep(max(0.0, begin + number / _RATE - time.monotonic()))
                pool.submit(self._post, number)

    def _post(self, number: int) -> None:
        mail = {
            "from": _NEW_SENDER if number < _REFUSED else "shop@acme.sa",
            "to": f"customer{number}@example.com",
            "subject": "Your order",
            "text": "It is on its way.",
        }
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self._stack.api_url}/emails",
            data=json.dumps(mail).encode(),
            headers={
                "Authorization": f"Bearer {self._stack.api_key}",
                "Content-Type": "application/json",
                "Idempotency-Key": f"order-{number}",
            },
        )
        with _OPENER.open(request, timeout=_PATIENCE_SECONDS):
            pass

    def _received(self) -> int:
        return len(self._simulator.inbox())

    def _count(self) -> None:
        times = Counter(mail["fields"]["to"] for mail in self._simulator.inbox())
        if set(times.values()) != {1}:
            raise LocalStackError("a mail was sent more than once")
        self._say(f"At Taqnyat: {len(times)} mails, each once.")

    def _subscribe(self) -> str:
        """Have the alarm topic's messages in a queue, as an operator has them by mail."""
        topic = self._stack.outputs["AlarmTopicArn"]
        arn = f"{topic.replace(':sns:', ':sqs:').rpartition(':')[0]}:operator"
        may_write = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may_write]})
        url: str = self._stack.client("sqs").create_queue(
            QueueName="operator", Attributes={"Policy": policy}
        )["QueueUrl"]
        self._stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return url

    def _heard(self, word: str) -> str:
        """Return the first message of the topic with a word in its subject, or nothing."""
        sqs = self._stack.client("sqs")
        answer = sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._notices.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        found = [told for told in self._notices if word in (told.get("Subject") or "")]
        return f"Subject: {found[0]['Subject']}\n\n{found[0]['Message']}" if found else ""

    def _status(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self._command("status --json").stdout)

    def _run(self, words: str, code: int = 0) -> None:
        done = self._command(words)
        if done.returncode != code:
            raise LocalStackError(f"`{words}` ended with {done.returncode}: {done.stderr}")
        said = re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE).strip("\n")
        self._quote(f"$ ./taqnyat-mail {words} --local\n{said}")

    def _command(self, words: str) -> subprocess.CompletedProcess[str]:
        at = ["--stack-json", str(self._stack.folder.stack_json)]
        command = [str(ROOT / "taqnyat-mail"), *shlex.split(words), *at]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def _until(self, look: Callable[[], object]) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not look():
            if time.monotonic() > end:
                raise LocalStackError("the incident does not go on")
            time.sleep(0.2)

    def _say(self, *paragraphs: str) -> None:
        for text in paragraphs:
            self._out.write(f"{text}\n\n")

    def _quote(self, text: str) -> None:
        self._out.write(f"```text\n{text}\n```\n\n")


def _alarm(notice: str) -> str:
    """Return subject and description of an alarm's message, which is JSON."""
    subject, _, message = notice.partition("\n\n")
    return f"{subject}\n\n{json.loads(message)['AlarmDescription']}"


def main() -> int:
    """Play the incident; print its transcript as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options(root=Path(folder), parameters={"ProbeDelaysSeconds": "60,120"})
        try:
            with LocalStack(options) as stack:
                sys.stdout.write(
                    "# An incident: the balance runs out\n\nPlayed on the local stack by "
                    "`make incident WRITE=1`, which writes this file: what follows is what the "
                    "commands said.\n\n"
                )
                Incident(stack, sys.stdout).play()
        except LocalStackError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
