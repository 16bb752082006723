"""The mails, and what a person alone can see of them: how they arrived.

The texts name each mail by its number, so that the mailbox can be held beside the table.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from taqnyat import Letter, Verdict
from taqnyat.classification import CODES

from ops.verification.calls import (
    EMPTY_SUBJECT,
    HTML_TWO_RECIPIENTS,
    MAILS,
    NOT_AN_ADDRESS,
    NOT_APPROVED,
    ONE_INVALID_RECIPIENT,
    TEXT_JSON,
    UNAPPROVED_SENDER,
)
from ops.verification.seen import Seen

CAMPAIGN: Final = "taqnyat-mail verify"
_NAME: Final = "Taqnyat check"
_NUMBERS: Final = {call.name: number for number, call in enumerate(MAILS, 1)}
_HTML: Final = """<html dir="rtl" lang="ar"><body>
<h1>فحص تقنيات: الرسالة {number}</h1>
<p>هذه الرسالة أرسلها الأمر <b dir="ltr">taqnyat-mail verify</b>، وهي موجهة إلى عنوانين لك.</p>
</body></html>"""
_LINES: Final = (
    "Mail {number} of taqnyat-mail verify. This is line 1.\n"
    "This is line 2. Line 3 is empty.\n"
    "\n"
    "This is line 4, and <b>this is written between b tags</b>.\n"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: the approved sender, and two addresses that lead to the person's own mailbox."""

    sender: str
    first: str
    second: str

    @property
    def named(self) -> str:
        """The sender with a name before it."""
        return f"{_NAME} <{self.sender}>"


def second_address(first: str) -> str:
    """Return another address of the same mailbox: most servers pass over what follows a plus."""
    local, _, domain = first.rpartition("@")
    return f"{local}+2@{domain}"


def letter(name: str, person: Person, *, named: bool = False) -> Letter:
    """Return the mail of a call that could send."""
    number = _NUMBERS[name]
    text = f"Mail {number} of taqnyat-mail verify."
    subject = f"{_NAME}, mail {number}"
    sender = person.sender
    recipients: tuple[str, ...] = (person.first,)
    if name == EMPTY_SUBJECT:
        subject = ""
    elif name == UNAPPROVED_SENDER:
        sender = NOT_APPROVED
    elif name == HTML_TWO_RECIPIENTS:
        subject, text = f"فحص تقنيات، الرسالة {number}", _HTML.format(number=number)
        recipients = (person.first, person.second)
        sender = person.named if named else sender
    elif name == ONE_INVALID_RECIPIENT:
        recipients = (person.first, NOT_AN_ADDRESS)
    elif name == TEXT_JSON:
        text = _LINES.format(number=number)
    return Letter(sender, recipients, subject, text, CAMPAIGN)


def letter_to_nobody(sender: str) -> Letter:
    """Return a mail that is whole but for a recipient."""
    return Letter(sender, (), _NAME, "Mail of taqnyat-mail verify without a recipient.", CAMPAIGN)


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look for: its `key` in the report, the question, and the answer expected.

    `expected` is None where nobody has seen it yet; `but` says what another answer means.
    """

    key: str
    question: str
    expected: bool | None = None
    but: str = ""


_REFUSED_ARRIVED: Final = (
    "a mail that was answered with a refusal arrived: the gateway says that it was not sent, and "
    "whoever sends it again sends it twice"
)
_NONE_OF_THEM: Final = (
    "code 15 does not mean that the mail went to nobody, as our explanation of "
    f"{CODES[15][2]} says: after correcting an address, send to that one alone"
)
_MORE: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    HTML_TWO_RECIPIENTS: (
        ("second_address_got_it", "Did your second address get mail {n} as well?"),
        ("recipients_see_each_other", "Does mail {n} show both addresses among its recipients?"),
        ("arabic_is_whole", "Are subject and text of mail {n} whole Arabic, from right to left?"),
        ("name_is_shown", "Does mail {n} show the sender's name, Taqnyat check?"),
    ),
    TEXT_JSON: (
        ("lines_are_kept", "Does the text of mail {n} have four lines, the third one empty?"),
        ("text_is_html", "Are the words between b tags in mail {n} bold, the tags not shown?"),
    ),
}


def arrived(name: str) -> str:
    """Return the key under which the report says whether a mail arrived."""
    return f"{name}_arrived"


KEYS: Final = frozenset(
    [*map(arrived, _NUMBERS), *(key for more in _MORE.values() for key, _ in more)]
)


def looks(seen: Iterable[Seen]) -> Iterator[Look]:
    """Yield what to look for, of the mails that were asked to be sent."""
    for one in seen:
        if not one.could_send:
            continue
        number = _NUMBERS[one.call]
        sent = {Verdict.SENT: True, Verdict.UNKNOWN: None}.get(Verdict(one.verdict), False)
        yield Look(arrived(one.call), f"Did mail {number} arrive?", sent, _but(one, sent=sent))
        if sent is not False:
            for key, question in _MORE.get(one.call, ()):
                if key != "name_is_shown" or one.named:
                    yield Look(key, question.format(n=number))


def surprises(seen: Iterable[Seen], answers: Mapping[str, bool | None]) -> Iterator[str]:
    """Yield what arrived, or did not, against what was answered."""
    for look in looks(seen):
        answer = answers.get(look.key)
        if None not in {answer, look.expected} and answer is not look.expected:
            yield f"mailbox, {look.key}: {look.but}"


def _but(one: Seen, *, sent: bool | None) -> str:
    if sent:
        return "a mail that was answered as sent did not arrive: look into the spam folder first"
    return _NONE_OF_THEM if one.call == ONE_INVALID_RECIPIENT else _REFUSED_ARRIVED
