"""The story, act by act. Each act does something and waits for its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.console.watch import Watch
from local.demo.screen import Screen
from local.errors import LocalStackError
from local.operator import operate
from local.simulator import Simulator
from local.stack import LocalStack

_CAMPAIGN = 200
_BALANCE = 90
_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 120.0
_SENDER = "متجر النخبة <offers@acme.sa>"
_BODY = (
    '<html lang="ar" dir="rtl"><body><h1>عروض نهاية الموسم</h1>'
    "<p>مرحباً {name}، خصم ٣٠٪ على كل المنتجات حتى نهاية الأسبوع.</p></body></html>"
)
Pipeline = dict[str, Any]  # what the console shows of it
_NAMES = ("نورة", "سارة", "خالد", "ريم", "فهد", "ليلى", "عمر", "هند")


@dataclass(slots=True)
class World:
    """What the acts work with.

    `accepted` are the ids that the API has answered; `pace` seconds are given to read an act.
    """

    stack: LocalStack
    simulator: Simulator
    watch: Watch
    screen: Screen
    accepted: list[str]
    pace: float = 0.0

    def post(self, *mails: dict[str, Any]) -> str:
        """Send mails through the API; return the id of the first."""
        ids = self.stack.api.send(mails)
        self.accepted += ids
        return ids[0]

    def act(self, title: str, text: str) -> None:
        """Begin an act, when the one before has been read."""
        self.read()
        self.screen.act(title, text)

    def read(self) -> None:
        """Give time to read; the numbers go on."""
        end = time.monotonic() + self.pace
        while time.monotonic() < end:
            self._look()

    def until(self, what: str, holds: Callable[[Pipeline], bool]) -> Pipeline:
        """Show the numbers until something holds.

        Raises:
            LocalStackError: it did not come about.

        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while not holds(seen := self._look()):
            if time.monotonic() > end:
                raise LocalStackError(f"{what} did not happen in {_PATIENCE_SECONDS:.0f} s")
        return seen

    def until_state(self, mail_id: str, state: str) -> dict[str, Any]:
        """Wait until a mail is in a state, and return its row."""
        rows = self.watch.ledger.row
        self.until(f"a mail is {state}", lambda _: (rows(mail_id) or {}).get("state") == state)
        return dict(rows(mail_id) or {})

    def _look(self) -> Pipeline:
        seen = self.watch.latest(fresh=True)
        self.screen.look(seen)
        time.sleep(_LOOK_SECONDS)
        pipeline: Pipeline = seen["pipeline"]
        return pipeline


def one_mail(world: World) -> None:
    """Send a mail, the everyday case."""
    world.act("A mail", "POST /emails, and one row, one message, one call to Taqnyat.")
    mail_id = world.post(_mail("nora@example.com", "تم استلام طلبك رقم 1042"))
    row = world.until_state(mail_id, "sent")
    world.screen.note(f"sent, msgId {row['msg_id']}, {row['attempt_count']} attempt")


def campaign(world: World) -> None:
    """Send a campaign for which the balance does not last."""
    world.simulator.account(balance=_BALANCE)
    world.act(
        f"A campaign of {_CAMPAIGN}, in Arabic",
        f"POST /emails/batch, 100 at a time; the balance is {_BALANCE}.",
    )
    before = _count(world.watch.latest(fresh=True)["pipeline"], "sent")
    mails = [
        _mail(f"customer{n}@example.com", f"عروض نهاية الموسم يا {_NAMES[n % len(_NAMES)]}", n)
        for n in range(_CAMPAIGN)
    ]
    world.post(*mails)
    world.screen.note(f"{_CAMPAIGN} accepted")
    seen = world.until("sending pauses", lambda now: bool(now["pause"]["paused"]))
    world.act("The balance is out", "Sending pauses by itself. The other mails wait.")
    world.until(
        "the balance is used up",
        lambda now: _count(now, "sending") == 0 and _count(now, "sent") == before + _BALANCE,
    )
    world.screen.note(f"paused: {seen['pause']['why']}")
    probed = world.until("a probe fails", lambda now: (now["pause"]["probes"] or 0) > 0)
    waiting = _count(probed, "queued")
    world.screen.note(f"{waiting} wait; one probe, with a real mail, failed")


def top_up(world: World) -> None:
    """Top the balance up and see the rest of the campaign go."""
    world.act("Somebody tops it up", "The next probe goes through, and sending resumes.")
    world.simulator.account(balance=1000)
    world.until("sending resumes", lambda now: not now["pause"]["paused"])
    world.screen.note("resumed by itself")
    world.until("all are sent", lambda now: _count(now, "sent") == len(world.accepted))
    world.screen.note(f"all {_CAMPAIGN} of the campaign are sent, each once")


def refusal(world: World) -> None:
    """Send a mail that Taqnyat will never take."""
    world.act("A mail that Taqnyat refuses", "Code 14, sender not accepted: it is not tried again.")
    world.simulator.script({"answer": "code:14", "to": "refused@example.com"})
    mail_id = world.post(_mail("refused@example.com", "لن تصل"))
    row = world.until_state(mail_id, "failed")
    world.screen.note(f"failed, {row['reason']}, {row['attempt_count']} attempt; kept for a person")


def ambiguous(world: World) -> None:
    """Let Taqnyat accept a mail without an answer; then let an operator send it again."""
    world.act("An ambiguous answer", "Taqnyat accepts a mail, and the connection breaks.")
    world.simulator.script({"answer": "accept_then_cut", "to": "unknown@example.com", "times": 1})
    mail_id = world.post(_mail("unknown@example.com", "هل وصلت؟"))
    world.until_state(mail_id, "unknown")
    world.screen.note("unknown: it may have been sent, so it is held")
    command = "failed redrive --state unknown --yes"
    world.act("An operator decides", f"taqnyat-mail {command}")
    done = operate(world.stack, command)
    if done.returncode:
        raise LocalStackError(f"the operators' command failed: {done.stdout}")
    row = world.until_state(mail_id, "sent")
    world.screen.note(f"sent; the record says so: {row['resends']} resend")


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


def _count(seen: Pipeline, state: str) -> int:
    return int(seen["states"][state])
