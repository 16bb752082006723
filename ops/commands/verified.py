"""What `verify` shows and asks: expected beside answered, what differs, what is in the mailbox."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import RenderableType
from rich.text import Text
from taqnyat import Verdict
from taqnyat.explanations import explain

from ops.screen import Screen, clean, table
from ops.verification import document
from ops.verification.calls import CALLS
from ops.verification.document import Document
from ops.verification.mailbox import looks, surprises
from ops.verification.seen import Seen, differences, wanted

_ANSWERS = {"y": True, "n": False, "?": None}
_ENDED = {
    document.DECLINED: "No mail was sent.",
    document.STOPPED: "Stopped. What was asked so far is in the report.",
    document.TROUBLE: "Not asked further.",
}


def may_be_asked(screen: Screen) -> bool:
    """Whether there is a person at a terminal."""
    return not screen.as_json and sys.stdin.isatty()


def ask_mailbox(seen: Sequence[Seen], before: Mapping[str, bool | None]) -> dict[str, bool | None]:
    """Ask what arrived; Ctrl-C keeps the answers so far. `before` are those of another time."""
    answers = dict(before)
    click.echo("Look into the mailbox. y: yes, n: no, ?: not known yet.", err=True)
    try:
        for look in looks(seen):
            known = {value: word for word, value in _ANSWERS.items()}[answers.get(look.key)]
            answers[look.key] = _ANSWERS[
                click.prompt(
                    clean(look.question),
                    type=click.Choice(list(_ANSWERS)),
                    default=known,
                    err=True,
                )
            ]
    except click.Abort:
        click.echo("", err=True)
    return answers


def show(screen: Screen, found: Document, path: Path) -> bool:
    """Show a run; return whether anything differs."""
    different = [
        f"{one.call}: {line}{_source(one)}" for one in found.seen for line in differences(one)
    ]
    different += surprises(found.seen, found.mailbox)
    data = {**found.summary(), "report": path.name}
    screen.show(data, *_parts(found, different))
    screen.note(f"The report is in {path.name}.")
    return bool(different)


def _parts(found: Document, different: Sequence[str]) -> list[RenderableType]:
    parts: list[RenderableType] = [
        table(
            ("call", "what", "expected", "answered", "differs"),
            (
                (
                    one.call,
                    CALLS[one.call].does,
                    wanted(one.expected),
                    one.answered(),
                    "yes" if any(differences(one)) else "",
                )
                for one in found.seen
            ),
        ),
        Text(f"\n{_counted(found)}"),
    ]
    if different:
        parts.append(Text("\nWhat differs:", style="bold"))
        parts += [Text(f"  {line}") for line in different]
    else:
        parts.append(Text("Nothing differs from what is expected.", style="green"))
    if found.ended in _ENDED:
        parts.append(Text(f"\n{_ENDED[found.ended]}{_why(found)}", style="yellow"))
    parts += _mailbox(found)
    return parts


def _source(one: Seen) -> str:
    """Say where an expectation is from, if that is not the guide for mail."""
    return f" (it is {one.expected.why})" if one.expected and one.expected.why else ""


def _counted(found: Document) -> str:
    mails = [one.verdict for one in found.seen if one.could_send]
    sent, doubtful = mails.count(Verdict.SENT), mails.count(Verdict.UNKNOWN)
    return (
        f"{found.made} of at most {found.allowed} calls that could send were made: {sent} sent, "
        f"{doubtful} may have been, {len(mails) - sent - doubtful} refused."
    )


def _why(found: Document) -> str:
    """Say what stands in the way, in the gateway's own words."""
    if found.ended != document.TROUBLE:
        return ""
    explanation = explain(found.seen[-1].reason)
    return f" {explanation.meaning.en} {explanation.remedy.en}" if explanation else ""


def _mailbox(found: Document) -> list[RenderableType]:
    open_ = [look for look in looks(found.seen) if found.mailbox.get(look.key) is None]
    if not open_:
        return []
    hint = "taqnyat-mail verify --mailbox REPORT asks this again, and writes it into the report."
    return [
        Text("\nWhat to look for in the mailbox:", style="bold"),
        *(Text(f"  {look.question}{_expected(look.expected)}") for look in open_),
        Text(f"  {hint}", style="dim"),
    ]


def _expected(answer: bool | None) -> str:  # noqa: FBT001  yes, no, or not known
    return {True: " (expected: yes)", False: " (expected: no)", None: ""}[answer]
