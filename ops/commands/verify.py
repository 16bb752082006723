"""`verify`: asks a real Taqnyat account how it answers, before or after deploying."""

from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from ops.commands.frame import on_a_stack, yes_option
from ops.commands.given import Amount, from_input
from ops.commands.verified import ask_mailbox, may_be_asked, show
from ops.errors import OpsError
from ops.interrupt import STOPPED, Stop, stoppable
from ops.screen import Screen, clean
from ops.stack import Stack
from ops.verification import document, given
from ops.verification.asking import Allowance, Asker, trouble
from ops.verification.calls import HARMLESS, MAILS, MOST_MAILS, Call
from ops.verification.document import Document, ReportFile
from ops.verification.mailbox import Person

_STACK = ("name", "region", "profile", "local", "stack_json")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("verify")
@click.option("--from", "sender", help="A sender that Taqnyat has approved; none asks.")
@click.option(
    "--to",
    "recipients",
    multiple=True,
    help="Your own address; none asks. Given twice, two addresses of yours; else the second one is "
    "made with a plus (you+2@...).",
)
@click.option(
    "--mails",
    type=click.IntRange(0, MOST_MAILS),
    default=MOST_MAILS,
    show_default=True,
    help="Make at most so many calls that could send; 0: none.",
)
@click.option(
    "--token-file",
    help="A file with Taqnyat's token; - reads standard input. Else the stack's, if one is given; "
    f"else {given.VARIABLE}; else it is asked for.",
)
@click.option("--url", help="Another base URL than Taqnyat's, or the stack's.")
@click.option(
    "--report",
    "report_file",
    type=_FILE,
    default=Path("taqnyat-report.json"),
    show_default=True,
    help="Where to write what was answered: no text, address, id or token is in it.",
)
@click.option(
    "--timeout",
    type=Amount(0.1, 120),
    default=30.0,
    show_default=True,
    help="Seconds for one call.",
)
@click.option(
    "--mailbox",
    "earlier",
    type=_FILE,
    help="Send nothing: ask what arrived, for the report of an earlier run.",
)
@yes_option
@on_a_stack
def command(  # noqa: PLR0913, PLR0917  one for each option
    stack: Stack,
    screen: Screen,
    sender: str | None,
    recipients: tuple[str, ...],
    token_file: str | None,
    url: str | None,
    report_file: Path,
    earlier: Path | None,
    *,
    mails: int,
    timeout: float,
    yes: bool,
) -> int:
    """Ask a real Taqnyat account how it answers, and hold that beside what is expected.

    First what cannot be sent; then, after a question, at most 5 mails to your own mailbox. Needs no
    stack; with --stack or --local the token and the URL are the stack's. Exit code 1 if anything
    differs or could not be asked.
    """
    if earlier is not None:
        return _look_again(screen, earlier)
    deployed = stack if _stack_is_given() else None
    to = recipients or (from_input(None, "To (your own address)"),)
    person = given.person_of(sender or from_input(None, "From"), to)
    base = given.url_of(url, deployed)
    token = given.token_of(token_file, deployed)
    report = ReportFile(report_file)
    try:
        asker = Asker(base, token, person, Allowance(mails), timeout)
        return _Run(screen, asker, report, person, yes=yes).all(mails)
    finally:
        report.leave()


class _Run:
    """One run: what is asked, in order, and the report of it."""

    def __init__(
        self, screen: Screen, asker: Asker, report: ReportFile, person: Person, *, yes: bool
    ) -> None:
        self._screen = screen
        self._asker = asker
        self._report = report
        self._person = person
        self._yes = yes
        self._mailbox: dict[str, bool | None] = {}

    def all(self, mails: int) -> int:
        """Ask, show, write; return the exit code."""
        with stoppable() as stop:
            try:
                ended = self._ask(mails, stop)
            except (KeyboardInterrupt, click.Abort):
                ended = document.STOPPED
            self._write(ended)
            if ended == document.COMPLETE and not self._yes and may_be_asked(self._screen):
                with stop.thinking():
                    self._mailbox = ask_mailbox(self._asker.seen, {})
                self._write(ended)
        differs = show(self._screen, self._document(ended), self._report.path)
        if ended == document.STOPPED:
            return STOPPED
        return int(differs or ended not in {document.COMPLETE, document.HARMLESS})

    def _ask(self, mails: int, stop: Stop) -> str:
        if ended := self._each(HARMLESS, "", stop):
            return ended
        if not mails:
            return document.HARMLESS
        if not self._may_send(mails, stop):
            return document.DECLINED
        return self._each(MAILS[:mails], "may send: ", stop) or document.COMPLETE

    def _each(self, calls: Sequence[Call], what: str, stop: Stop) -> str:
        """Make calls one after the other; return why it ended early, or nothing."""
        for number, call in enumerate(calls, 1):
            if stop.asked:
                return document.STOPPED
            self._screen.note(f"  {what}{number} of {len(calls)}: {call.does}")
            self._asker.ask(call.name)
            self._write(document.RUNNING)
            if trouble(self._asker.seen):
                return document.TROUBLE
        return document.STOPPED if stop.asked else ""

    def _may_send(self, mails: int, stop: Stop) -> bool:
        if self._yes:
            return True
        if not may_be_asked(self._screen):
            self._screen.warn("No mail was sent: there is nobody to ask. Add --yes.")
            return False
        question = (
            f"Make up to {mails} calls that could send a mail, to {self._person.first} and "
            f"{self._person.second} alone? Both must be your own"
        )
        with stop.thinking():
            return click.confirm(clean(question), err=True)

    def _document(self, ended: str) -> Document:
        allowance = self._asker.allowance
        return Document(
            allowed=allowance.allowed,
            made=allowance.made,
            ended=ended,
            seen=self._asker.seen,
            mailbox=self._mailbox,
        )

    def _write(self, ended: str) -> None:
        self._report.write(self._document(ended))


def _look_again(screen: Screen, path: Path) -> int:
    """Ask what arrived, for an earlier report, and write the answers into it."""
    found = document.load(path)
    if not may_be_asked(screen):
        raise OpsError("there is nobody to ask what arrived", "type it on a terminal")
    report = ReportFile(path)
    try:
        answers = ask_mailbox(found.seen, found.mailbox)
        found = found.answered(answers)
        report.write(found)
    finally:
        report.leave()
    return int(show(screen, found, path))


def _stack_is_given() -> bool:
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in _STACK)
