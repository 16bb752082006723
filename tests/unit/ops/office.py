"""An office: a folder with sheets and templates, and a stack of stand-ins that commands run on."""

import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from outbox.mail.times import iso
from outbox.settings import Settings
from outbox.storage.expressions import pack_item, unpack_item

from ops import stack as stacks
from ops.cli import main
from ops.stack import Stack
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.fairness import Message, Queue
from tests.unit.ops.sqs import BatchSqs

TABLE = "ledger"
MAIL = "https://sqs/mail"
BULK = "https://sqs/bulk"
FAILED = "https://sqs/failed"
OUTPUTS = {
    "LedgerTable": TABLE,
    "MailQueueUrl": MAIL,
    "MailQueueArn": "arn:mail",
    "BulkQueueUrl": BULK,
    "BulkQueueArn": "arn:bulk",
    "FailedQueueUrl": FAILED,
}


class LockedDynamo:
    """The table, one call at a time: commands call it from many threads."""

    def __init__(self, table: Dynamo) -> None:
        """Guard a table."""
        self._table = table
        self._lock = threading.RLock()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._table, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                self.calls.append(name)
                return found(**arguments)

        return found if name == "get_paginator" else call


class Sts:
    """Says who we are."""

    def get_caller_identity(self) -> dict[str, str]:
        """Name a role's session, whose name is an address as so often."""
        return {"Arn": "arn:aws:sts::123456789012:assumed-role/MailOperator/nora@example.com"}


class Office:
    """Types commands; `clients` may be replaced to make AWS fail."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        """Make empty queues and an empty ledger."""
        self.folder = folder
        self.outputs = dict(OUTPUTS)
        self.time_zone = "Asia/Riyadh"
        self.dynamo = Dynamo(TABLE)
        self.sqs = BatchSqs(clock)
        arns = {MAIL: "arn:mail", BULK: "arn:bulk", FAILED: "arn:failed"}
        self.sqs.queues = {url: Queue(300, 86400 * 14, arn=arn) for url, arn in arns.items()}
        self.clock = clock
        self.ledger = LockedDynamo(self.dynamo)
        self.clients: dict[str, Any] = {
            "dynamodb": self.ledger,
            "sqs": self.sqs,
            "sts": Sts(),
            "scheduler": None,
        }
        (folder / "mail.html").write_text("<p>{{ name }}</p>", "utf-8")

    def stack(self) -> Stack:
        """Return the stack, found anew as each command does."""
        stack = Stack("taqnyat-mail", lambda service: self.clients[service], "nowhere")
        given = {"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]}
        stack.__dict__["described"] = given
        stack.__dict__["settings"] = Settings(
            ledger_table=TABLE,
            mail_queue_url=MAIL,
            mail_queue_arn="arn:mail",
            quota_time_zone=self.time_zone,
        )
        return stack

    def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        """Run a command; return exit code, standard output and standard error."""
        result = CliRunner(mix_stderr=False).invoke(main, list(words), input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result.exit_code, result.stdout, result.stderr

    def json(self, *words: str, code: int = 0) -> Any:
        """Run a command for its JSON."""
        found, out, err = self.run(*words, "--json")
        assert found == code, (out[-300:], err[-1000:])
        return json.loads(out)

    def sheet(self, text: str | bytes, name: str = "a.csv") -> Path:
        """Write a sheet."""
        data = text if isinstance(text, bytes) else text.encode()
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def campaign(self, *more: str) -> tuple[str, ...]:
        """Return the words of a campaign with the sheet a.csv."""
        words = ("--template", str(self.folder / "mail.html"), "--from", "shop@acme.sa")
        named = ("--subject", "Hi {{ name }}", "--name", "spring", "--rate", "200")
        return ("campaign", str(self.folder / "a.csv"), *words, *named, *more)

    def fail(self, count: int = 1, state: str = "failed", **changes: Any) -> list[str]:
        """Have mails in the failed queue, with their rows; return their ids."""
        ids = []
        for _ in range(count):
            mail_id = changes.get("id") or str(uuid.uuid4())
            ids.append(mail_id)
            row_state = changes.get("row", state if state != "invalid" else None)
            if row_state is not None:
                values = {
                    "pk": mail_id,
                    "state": row_state,
                    "attempt_count": changes.get("tried", 1),
                }
                values |= {"created": iso(self.clock()), "updated": iso(self.clock())}
                values |= {"ttl": 2_000_000_000}
                values |= {"maybe": 1} if state == "unknown" else {}
                more = {"client": changes.get("client", "shop"), "fingerprint": "f"}
                self.dynamo.items[mail_id] = pack_item(values | more | {"sender": "shop@acme.sa"})
            self.put(mail_id, state, **changes)
        return ids

    def put(self, mail_id: str, state: str = "failed", **changes: Any) -> None:
        """Put one message into the failed queue."""
        body = {"id": mail_id, "from": "shop@acme.sa", "to": ["nora@example.com"]}
        body |= {"subject": "Secret", "text": "Secret", "client": changes.get("client", "shop")}
        given: dict[str, Any] = {"id": mail_id, "state": state}
        given |= {"reason": changes.get("reason", "sender_refused")}
        given |= {"attempt": changes.get("attempt", 1), "code": changes.get("code", 14)}
        given = {} if state == "" else given
        message = Message(
            str(uuid.uuid4()),
            changes.get("text") or json.dumps(body | changes.get("body", {})),
            {
                key: {
                    "DataType": "Number" if isinstance(value, int) else "String",
                    "StringValue": str(value),
                }
                for key, value in given.items()
                if value is not None
            },
            changes.get("sent_at", self.clock()),
            0.0,
            # What says no state was moved here by SQS itself.
            came_from=changes.get("came_from", None if given else self.sqs.queues[MAIL]),
        )
        self.sqs.queues[FAILED].messages.append(message)

    def row(self, mail_id: str) -> dict[str, Any]:
        """Return a row's values."""
        return unpack_item(self.dynamo.items[mail_id])

    def failed(self) -> list[str]:
        """Return the ids of the mails in the failed queue."""
        return [json.loads(message.body)["id"] for message in self.sqs.queues[FAILED].messages]

    def hidden(self) -> int:
        """Return how many messages of the failed queue nobody else can see."""
        return sum(m.visible_at > self.clock() for m in self.sqs.queues[FAILED].messages)

    def mailed(self, *urls: str) -> list[dict[str, Any]]:
        """Return the mails in queues, in both lanes' where none is named."""
        queues = [self.sqs.queues[url] for url in urls or (MAIL, BULK)]
        return [json.loads(message.body) for queue in queues for message in queue.messages]

    def rows(self) -> list[str]:
        """Return the ids of all rows of the ledger."""
        return list(self.dynamo.items)


def open_office(
    folder: Path, monkeypatch: pytest.MonkeyPatch, clock: Callable[[], float]
) -> Office:
    """Make an office whose commands find its stack."""
    office = Office(folder, clock)
    monkeypatch.setattr(stacks, "find", lambda *_: office.stack())
    return office
