"""`make incident`: four bad nights played on the local stack, and written down."""

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

from local import deployment, parameters
from local.errors import LocalStackError
from local.stack import LocalStack, Options
from tests.incident.night import Night, subscribe

# The operator is quicker than the first probe, as in production.
_MORE = {"ProbeDelaysSeconds": "60,120,300,600,1200,1800"}
_SHOP, _OFFERS = "shop@acme.sa", "offers@acme.sa"
_HEAD = """# Four bad nights

Played on the local stack by `make incident WRITE=1`, which writes this file: what follows is what
the commands said. A command counts only if something that the operator has read by then names it.
At a terminal they ask instead of taking `--yes`, and `--local` is not needed.

| night | first heard | commands | minutes from the first until the books balance | since it began |
| --- | --- | --- | --- | --- |
"""
_ALARMS = """
The alarms are the template's own, evaluated after each full minute as CloudWatch does it. What is
quicker here than in production:

| | in production | here |
| --- | --- | --- |
"""


def balance(night: Night) -> None:
    """Let the account's money end in the middle of the evening's mails."""
    night.simulator.account(balance=25, senders=[_SHOP])
    night.begin("Taqnyat's account has money for 25 mails more. 60 mails are posted.")
    night.post(60, _SHOP)
    night.hear("sending paused", "SendingPausedAlarm")
    night.run("doctor", codes=(1,))
    night.simulator.account(balance=1000)
    night.say("The account is topped up (in the simulator here).")
    night.run("resume --yes")
    night.until("the mails to be sent", night.drained)
    night.run("status")


def hanging(night: Night) -> None:
    """Let half of the calls hang, whose mails Taqnyat takes."""
    night.simulator.script({"answer": "hang", "every": 2, "accept": True})
    night.begin(
        "Every other call to Taqnyat hangs. Taqnyat takes those mails all the same, which nobody "
        "can know. 200 mails are posted."
    )
    night.post(200, _SHOP)
    night.hear("sending paused", "SendingPausedAlarm", "UnknownOutcomeAlarm")
    night.run("doctor", codes=(1,))
    night.simulator.clear_script()
    night.say("Taqnyat is asked, and says that it works again.")
    night.run("resume --yes")
    night.until("the mails to be sent", lambda: not night.depths()["waiting"])
    night.run("failed list --state unknown")
    night.say("Two of the recipients are asked: their mails have arrived.")
    night.run("failed resolve --sent --reason timeout --yes")
    night.until("the failed queue to be empty", night.drained)
    night.run("failed --state unknown")


def secret(night: Night) -> None:
    """Rotate the token at Taqnyat, and paste something else into the secret."""
    token = "rotated-" + night.simulator.token
    night.simulator.account(token=token)
    night.stack.client("secretsmanager").put_secret_value(
        SecretId=night.stack.outputs["TokenSecretArn"], SecretString="another-systems-password"
    )
    night.begin(
        "A colleague has made a new token at Taqnyat, and pasted the password of another system "
        "into the secret. 100 mails are posted."
    )
    night.post(100, _SHOP)
    night.hear("sending paused", "SendingPausedAlarm")
    night.run("doctor", codes=(1,))
    night.say("The token is copied from Taqnyat's account; it is typed unseen.")
    night.run("token set", typed=token)
    night.run("resume --yes")
    night.until("the mails to be sent", night.drained)
    night.run("status")


def senders(night: Night) -> None:
    """Send a campaign from a sender that Taqnyat has not approved."""
    night.simulator.account(senders=[_SHOP])
    night.begin(
        f"3,000 mails are posted from {_OFFERS}, which Taqnyat has not approved, and 100 from "
        f"{_SHOP}, which it has."
    )
    night.post(3000, _OFFERS)
    night.post(100, _SHOP)
    night.hear("FailedQueueAlarm")
    night.until("all to be tried", lambda: night.drained(3000))
    night.run("failed list")
    night.simulator.account(senders=[_SHOP, _OFFERS])
    night.say("Taqnyat approves the sender.")
    while night.run("failed redrive --reason sender_refused --yes", codes=(0, 1)):
        night.say("It says that some are left, and to run it again.")
    night.until("the mails to be sent", night.drained)
    night.run("failed")


NIGHTS: dict[str, tuple[str, Callable[[Night], None]]] = {
    "balance": ("The balance runs out", balance),
    "hanging": ("Half of the calls hang", hanging),
    "secret": ("The secret is wrong", secret),
    "senders": ("3,000 refused senders", senders),
}


@contextmanager
def _new_night(title: str) -> Iterator[Night]:
    """Give a night on a stack of its own, with the alarm topic's messages in a queue."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Options(root=Path(folder), parameters=_MORE)) as stack,
    ):
        if stack.simulator is None:
            raise LocalStackError("the nights need the simulator")
        yield Night(title, stack, stack.simulator, subscribe(stack))


def _document(nights: list[Night]) -> str:
    results = (
        f"| {night.title} | {first.name}, after {first.at:.0f} s "
        f"| {night.commands} | {night.minutes:.1f} | {night.seconds / 60:.1f} |\n"
        for night in nights
        for first in [next(iter(night.heard.values()))]
    )
    told = (
        f"\n## Night {number}: {night.title}\n\n" + "\n".join(night.lines)
        for number, night in enumerate(nights, 1)
    )
    return "".join((_HEAD, *results, _ALARMS, *_differences(), *told))


def _differences() -> Iterator[str]:
    """Yield what is not as in production, a row for each parameter."""
    defaults: Any = yaml_parse(deployment.BUILT.read_text("utf-8"))["Parameters"]
    yield f"| the status check runs each | 60 s | {Options().tick} s |\n"
    for name, value in {**parameters.LOCAL, **_MORE}.items():
        default = str(defaults[name]["Default"])
        if default != value:
            yield f"| `{name}` | {default} | {value} |\n"


def main(arguments: list[str]) -> int:
    """Play the nights that are named, or all; print their transcript as Markdown."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # a full pool is no trouble
    wanted = arguments or list(NIGHTS)
    if unknown := [name for name in wanted if name not in NIGHTS]:
        print(f"Error: no night {unknown[0]}; there are {', '.join(NIGHTS)}", file=sys.stderr)
        return 2
    played: list[Night] = []
    code = 0
    try:
        for number, name in enumerate(wanted, 1):
            title, play = NIGHTS[name]
            print(f"Night {number} of {len(wanted)}: {title}", file=sys.stderr, flush=True)
            with _new_night(title) as night:
                play(night)
                night.close()
                night.tell(f"{night.commands} commands, {night.minutes:.1f} minutes")
            played.append(night)
    except (LocalStackError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        code = 1
    print(_document(played))  # also of those before one that failed
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
