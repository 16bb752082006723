"""A bad night on the local stack, handled only with the operators' command line.

A command counts only if something that the operator has read by then names it: an alarm, a notice,
an earlier command, or a section of docs/operations.md that one of these names. What is written
down is what the commands really said; a claim that does not hold ends it with an error.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from local.console.gateway import Gateway
from local.console.ledger import Ledger
from local.demo import books
from local.deployment import ROOT
from local.errors import LocalStackError
from local.operator import operate
from local.simulator import Simulator
from local.stack import LocalStack

_MOST_COMMANDS = 6
_PATIENCE_SECONDS = 900.0
_LOOK_SECONDS = 0.5
_TELL_SECONDS = 10.0
_DOCS = ROOT / "docs" / "operations.md"


class Heard(NamedTuple):
    """What came to the alarm topic first at `at` (seconds since the night began)."""

    name: str
    subject: str
    text: str
    at: float


@dataclass(slots=True)
class Night:
    """A night as it is played: what was posted, heard, read and typed.

    `typing` and `seconds` are when the first command was typed and when the books balanced.
    """

    title: str
    stack: LocalStack
    simulator: Simulator
    queue: str
    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    heard: dict[str, Heard] = field(default_factory=dict)
    read: list[tuple[str, str]] = field(default_factory=list)
    commands: int = 0
    typing: float = 0.0
    seconds: float = 0.0

    @property
    def minutes(self) -> float:
        """What it took the operator, from the first command until the books balanced."""
        return (self.seconds - self.typing) / 60

    def begin(self, story: str) -> None:
        """Print what happens, and start the clock."""
        self.say(story)
        self.began = time.monotonic()

    def post(self, count: int, sender: str) -> None:
        """Have an application send mails, each to another customer."""
        first = len(self.accepted)
        mails = [
            {
                "from": sender,
                "to": f"customer{number}@example.com",
                "subject": "Your order",
                "text": f"Order {number} was sent.",
            }
            for number in range(first, first + count)
        ]
        self.accepted += self.stack.api.send(mails)
        self.tell(f"posted {count:,} mails")

    def hear(self, *words: str) -> None:
        """Wait until a notice with each word in its subject has come, and show the notices."""
        for word in words:
            self.until(word, partial(self._heard, word))
            [told] = self._heard(word)
            self.say(f"After {told.at:.0f} s:")
            self.quote(f"Subject: {told.subject}\n\n{told.text}")
            self.read.append((told.name, told.text))

    def run(self, words: str, typed: str = "", codes: Sequence[int] = (0,)) -> int:
        """Type a command that something names which was read; show what it says.

        Return its exit code, which has to be one of `codes`.
        """
        source = self._named_by(words.replace(" --yes", ""))
        self.typing = self.typing or self._since()
        self.tell(f"$ taqnyat-mail {words}")
        done = operate(self.stack, words, typed)
        if done.returncode not in codes:
            raise LocalStackError(f"`{words}` ended with {done.returncode}: {done.stdout}")
        self.commands += 1
        said = re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE).strip("\n")
        self.say(f"Named by {source}:")
        self.quote(f"$ ./taqnyat-mail {words} --local\n{said}")
        self.read.append((f"`{words.partition(' --')[0]}`", said))
        return done.returncode

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait until something holds, telling how far it is."""
        begin = told = time.monotonic()
        while not holds():
            now = time.monotonic()
            if now - begin > _PATIENCE_SECONDS:
                raise LocalStackError(f"{self.title}: {what} did not happen")
            if now - told > _TELL_SECONDS:
                told = now
                counts = ", ".join(f"{value:,} {name}" for name, value in self.depths().items())
                self.tell(f"waiting for {what}: {counts}, {self.taken():,} at Taqnyat")
            time.sleep(_LOOK_SECONDS)
            self._listen()

    def drained(self, failed: int = 0) -> bool:
        """Return whether nothing waits, and this many mails are in the failed queue."""
        return self.depths() == {"waiting": 0, "failed": failed}

    def depths(self) -> dict[str, int]:
        """Count what waits in both lanes, in flight too, and what is in the failed queue."""
        queue = self._gateway.queue()
        waiting = sum(queue.values()) - queue["bulk"]
        return {"waiting": waiting, "failed": self._gateway.failed_queue()}

    def taken(self) -> int:
        """Count what Taqnyat took."""
        return int(self.simulator.provider.books.counts["accepted"])

    def close(self) -> None:
        """End the night with its books, which have to balance, and what it took."""
        ledger = Ledger()
        ledger.take(self._gateway.changes())
        closed = books.close(self.accepted, ledger.rows, self.simulator.inbox())
        self.seconds = self._since()
        if closed.wrong or closed.taken != len(self.accepted):
            raise LocalStackError(f"the books do not balance: {closed.line}; {closed.wrong[:3]}")
        rang = "; ".join(f"{told.name} after {told.at:.0f} s" for told in self.heard.values())
        self.say(
            f"**The books balance**: {closed.line}; Taqnyat has each of them once. "
            f"{self.commands} commands, {self.minutes:.1f} minutes after the first of them.",
            f"What was heard: {rang}.",
        )
        if self.commands > _MOST_COMMANDS:
            raise LocalStackError(f"{self.title} took {self.commands} commands")

    def say(self, *paragraphs: str) -> None:
        """Write paragraphs."""
        self.lines += [f"{text}\n" for text in paragraphs]

    def quote(self, text: str) -> None:
        """Write what was said, as it was."""
        self.lines.append(f"```text\n{text}\n```\n")

    def tell(self, text: str) -> None:
        """Show on the side how far it is."""
        print(f"  {self._since():5.1f} s  {text}", file=sys.stderr, flush=True)

    @property
    def _gateway(self) -> Gateway:
        return Gateway(self.stack.client, self.stack.outputs, self.stack.api)

    def _since(self) -> float:
        return time.monotonic() - self.began

    def _heard(self, word: str) -> list[Heard]:
        return [told for told in self.heard.values() if word in told.subject][:1]

    def _listen(self) -> None:
        """Take what came to the topic; of an alarm its description and its reason."""
        sqs = self.stack.client("sqs")
        answer = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            told = json.loads(message["Body"])
            subject, text = told["Subject"], told["Message"]
            if subject.startswith(("OK", "INSUFFICIENT")):
                continue
            name = f'the notice "{subject.partition(": ")[2]}"'
            if subject.startswith("ALARM"):
                alarm = json.loads(text)
                name = f"the alarm {alarm['AlarmName'].split('-')[-2]}"
                text = alarm["AlarmDescription"]
            if subject not in self.heard:
                self.heard[subject] = Heard(name, subject, text, self._since())
                self.tell(f"heard: {name}")

    def _named_by(self, words: str) -> str:
        """Return what names a command to the operator.

        Raises:
            LocalStackError: nothing does.

        """
        form = re.compile(rf"(?<![\w-]){re.escape(words)}(?![\w-])")
        for name, text in self.read:
            if form.search(text):
                return name
        for title, text in _open_sections([text for _, text in self.read]).items():
            if form.search(text):
                return f'docs/operations.md, "{title}"'
        raise LocalStackError(f"nothing that the operator reads names `{words}`")


def _open_sections(read: list[str]) -> dict[str, str]:
    """Return the sections of docs/operations.md that what was read names, and those link to."""
    parts = re.split(r"^#{2,3} (.+)\n", _DOCS.read_text("utf-8"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    found: dict[str, str] = {}
    texts = list(read)
    for text in texts:  # which grows
        for title, section in sections.items():
            if title not in found and (f'"{title}"' in text or f"[{title}](" in text):
                found[title] = section
                texts.append(section)
    return found


def subscribe(stack: LocalStack) -> str:
    """Have the alarm topic's messages in a queue, and return its URL."""
    topic = stack.outputs["AlarmTopicArn"]
    arn = f"{topic.replace(':sns:', ':sqs:').rpartition(':')[0]}:operator"
    may_write = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_write]})
    url: str = stack.client("sqs").create_queue(
        QueueName="operator", Attributes={"Policy": policy}
    )["QueueUrl"]
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url
