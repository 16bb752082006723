"""An office: a folder with sheets and templates, and a stack of stand-ins that commands run on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from outbox.settings import Settings

from ops import stack as stacks
from ops.cli import main
from ops.stack import Stack
from tests.faults.standins.dynamo import Dynamo
from tests.faults.standins.fairness import Queue
from tests.faults.standins.sqs import Sqs

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


class Office:
    """Types commands; `clients` may be replaced to make AWS fail."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        """Make empty queues and an empty ledger."""
        self.folder = folder
        self.outputs = dict(OUTPUTS)
        self.time_zone = "Asia/Riyadh"
        self.dynamo = Dynamo(TABLE)
        self.sqs = Sqs(clock)
        self.sqs.queues = {url: Queue(300, 86400 * 14) for url in (MAIL, BULK, FAILED)}
        self.clients: dict[str, Any] = {"dynamodb": self.dynamo, "sqs": self.sqs}
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

    def json(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401  JSON
        """Run a command for its JSON."""
        found, out, err = self.run(*words, "--json")
        assert found == code, (out, err)
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

    def mailed(self, url: str = BULK) -> list[dict[str, Any]]:
        """Return the mails in a queue; a campaign's are bulk."""
        return [json.loads(message.body) for message in self.sqs.queues[url].messages]

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
