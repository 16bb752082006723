"""The story, act by act. Each act does something and waits for its result."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from local.console.gateway import Gateway
from local.console.watch import Snapshot, Watch
from local.deployment import ROOT
from local.errors import LocalStackError
from local.simulator import Simulator
from local.stack import LocalStack

CAMPAIGN = 200
BALANCE = 90
_BATCH = 100
_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 120.0
_SENDER = "متجر النخبة <offers@acme.sa>"
_BODY = (
    '<html lang="ar" dir="rtl"><body><h1>عروض نهاية الموسم</h1>'
    "<p>مرحباً {name}، خصم ٣٠٪ على كل المنتجات حتى نهاية الأسبوع.</p></body></html>"
)
_NAMES = ("نورة", "سارة", "خالد", "ريم", "فهد", "ليلى", "عمر", "هند")


class Teller(Protocol):
    """Shows the story."""

    def act(self, title: str, text: str) -> None:
        """Begin an act."""

    def note(self, text: str) -> None:
        """Show the result so far."""

    def look(self, seen: Snapshot) -> None:
        """Show the numbers as they are now."""


@dataclass(slots=True)
class World:
    """What the acts work with.

    `accepted` are the ids that the API has answered; `pace` seconds are given to read an act.
    """

    stack: LocalStack
    simulator: Simulator
    gateway: Gateway
    watch: Watch
    teller: Teller
    accepted: list[str]
    pace: float = 0.0

    def post(self, *mails: dict[str, Any]) -> list[str]:
        """Send by POST /emails, or /emails/batch if there are several; return their ids."""
        body: Any = mails[0] if len(mails) == 1 else list(mails)
        path = "/emails" if len(mails) == 1 else "/emails/batch"
        status, said = self.gateway.post(json.dumps(body, ensure_ascii=False).encode(), path)
        if status != HTTPStatus.OK:
            raise LocalStackError(f"{path} answered {status}: {said.decode('utf-8', 'replace')}")
        answer = json.loads(said)
        ids = [item["id"] for item in answer.get("data", [answer])]
        self.accepted += ids
        return ids

    def act(self, title: str, text: str) -> None:
        """Begin an act, when the one before has been read."""
        self.read()
        self.teller.act(title, text)

    def read(self) -> None:
        """Give time to read; the numbers go on."""
        end = time.monotonic() + self.pace
        while time.monotonic() < end:
            self.teller.look(self.watch.latest(fresh=True))
            time.sleep(_LOOK_SECONDS)

    def until(self, what: str, holds: Callable[[Snapshot], bool]) -> Snapshot:
        """Show the numbers until something holds.

        Raises:
            LocalStackError: it did not come about.

        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            seen = self.watch.latest(fresh=True)
            self.teller.look(seen)
            if holds(seen):
                return seen
            time.sleep(_LOOK_SECONDS)
        raise LocalStackError(f"waited {_PATIENCE_SECONDS:.0f} s, but this did not happen: {what}")

    def until_state(self, mail_id: str, state: str) -> dict[str, Any]:
        """Wait until a mail is in a state, and return its row."""
        rows = self.watch.ledger.row
        self.until(f"a mail is {state}", lambda _: (rows(mail_id) or {}).get("state") == state)
        return dict(rows(mail_id) or {})


def one_mail(world: World) -> None:
    """Send a mail, the everyday case."""
    world.act("A mail", "POST /emails, and one row, one message, one call to Taqnyat.")
    [mail_id] = world.post(_mail("nora@example.com", "تم استلام طلبك رقم 1042"))
    row = world.until_state(mail_id, "sent")
    world.teller.note(f"sent, msgId {row['msg_id']}, {row['attempt_count']} attempt")


def campaign(world: World) -> None:
    """Send a campaign for which the balance does not last."""
    world.simulator.account(balance=BALANCE)
    world.act(
        f"A campaign of {CAMPAIGN}, in Arabic",
        f"POST /emails/batch, {_BATCH} at a time; the balance is {BALANCE}.",
    )
    before = _count(world.watch.latest(fresh=True), "sent")
    mails = [
        _mail(f"customer{n}@example.com", f"عروض نهاية الموسم يا {_NAMES[n % len(_NAMES)]}", n)
        for n in range(CAMPAIGN)
    ]
    for start in range(0, CAMPAIGN, _BATCH):
        world.post(*mails[start : start + _BATCH])
    world.teller.note(f"{CAMPAIGN} accepted")
    seen = world.until("sending pauses", lambda now: bool(now.pipeline["pause"]["paused"]))
    world.act("The balance is out", "Sending pauses by itself. The other mails wait.")
    world.until(
        "the balance is used up",
        lambda now: _count(now, "sending") == 0 and _count(now, "sent") == before + BALANCE,
    )
    world.teller.note(f"paused: {seen.pipeline['pause']['why']}")
    probed = world.until("a probe fails", lambda now: (now.pipeline["pause"]["probes"] or 0) > 0)
    waiting = _count(probed, "queued")
    world.teller.note(f"{waiting} wait; one probe, with a real mail, failed")


def top_up(world: World) -> None:
    """Top the balance up and see the rest of the campaign go."""
    world.act("Somebody tops it up", "The next probe goes through, and sending resumes.")
    world.simulator.account(balance=1000)
    world.until("sending resumes", lambda now: not now.pipeline["pause"]["paused"])
    world.teller.note("resumed by itself")
    world.until("all are sent", lambda now: _count(now, "sent") == len(world.accepted))
    world.teller.note(f"all {CAMPAIGN} of the campaign are sent, each once")


def refusal(world: World) -> None:
    """Send a mail that Taqnyat will never take."""
    world.act("A mail that Taqnyat refuses", "Code 14, sender not accepted: it is not tried again.")
    world.simulator.script({"answer": "code:14", "to": "refused@example.com"})
    [mail_id] = world.post(_mail("refused@example.com", "لن تصل"))
    row = world.until_state(mail_id, "failed")
    world.teller.note(f"failed, {row['reason']}, {row['attempt_count']} attempt; kept for a person")


def ambiguous(world: World) -> None:
    """Let Taqnyat accept a mail without an answer; then let an operator send it again."""
    world.act("An ambiguous answer", "Taqnyat accepts a mail, and the connection breaks.")
    world.simulator.script({"answer": "accept_then_cut", "to": "unknown@example.com", "times": 1})
    [mail_id] = world.post(_mail("unknown@example.com", "هل وصلت؟"))
    world.until_state(mail_id, "unknown")
    world.teller.note("unknown: it may have been sent, so it is held")
    world.act("An operator decides", "taqnyat-mail failed redrive --state unknown --yes")
    _operate(world.stack, "failed", "redrive", "--state", "unknown", "--yes")
    row = world.until_state(mail_id, "sent")
    world.teller.note(f"sent; the record says so: {row['resends']} resend")


ACTS = (one_mail, campaign, top_up, refusal, ambiguous)


def _mail(to: str, subject: str, number: int = 0) -> dict[str, Any]:
    body = _BODY.format(name=_NAMES[number % len(_NAMES)])
    campaign_name = "season-end" if number or "customer" in to else "orders"
    return {
        "from": _SENDER,
        "to": [to],
        "subject": subject,
        "html": body,
        "campaign_name": campaign_name,
    }


def _count(seen: Snapshot, state: str) -> int:
    return int(seen.pipeline["states"][state])


def _operate(stack: LocalStack, *arguments: str) -> None:
    """Run the operators' command line on this stack."""
    command = [sys.executable, "-m", "ops", *arguments, "--stack-json"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "taqnyat")])
    done = subprocess.run(
        [*command, str(stack.folder.stack_json)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalStackError(f"the operators' command failed: {done.stdout}{done.stderr}")
