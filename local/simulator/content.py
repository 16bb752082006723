"""Which mails an answer is for: by recipient, sender, subject, a word in the body, and size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from local.simulator import fields

_MAX_RECIPIENTS = 10_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail has to be like; what is None is no condition.

    `to` (for one recipient at least), `sender` and `subject` are patterns such as `*@acme.sa`;
    `word` stands anywhere in the body; `more_than` is a number of recipients. Case is no matter.
    """

    to: str | None = None
    sender: str | None = None
    subject: str | None = None
    word: str | None = None
    more_than: int | None = None

    def fits(self, recipients: Sequence[str], given: Mapping[str, Any]) -> bool:
        """Tell whether a mail fits; `given` are its fields as Taqnyat gets them."""
        return (
            (self.to is None or any(_like(address, self.to) for address in recipients))
            and (self.sender is None or _like(given.get("from"), self.sender))
            and (self.subject is None or _like(given.get("subject"), self.subject))
            and (self.word is None or self.word.lower() in str(given.get("msg", "")).lower())
            and (self.more_than is None or len(recipients) > self.more_than)
        )

    def show(self) -> dict[str, Any]:
        """Return the conditions as JSON; `to` always, as ever."""
        values = {name: getattr(self, _ATTRIBUTES.get(name, name)) for name in READERS}
        return {key: value for key, value in values.items() if key == "to" or value is not None}


ANY_MAIL = Content()
_ATTRIBUTES = {"from": "sender"}
READERS: Mapping[str, Callable[[object, str], Any]] = {
    "to": fields.text,
    "from": fields.text,
    "subject": fields.text,
    "word": fields.text,
    "more_than": lambda value, field: fields.integer(value, field, 0, _MAX_RECIPIENTS),
}


def read(given: Mapping[str, Any], field: str) -> Content:
    """Read the conditions of a rule; null is none.

    Raises:
        FieldError: names the field that is wrong.

    """
    return Content(
        **{
            _ATTRIBUTES.get(name, name): reader(given[name], f"{field}.{name}")
            for name, reader in READERS.items()
            if given.get(name) is not None
        }
    )


def _like(value: object, pattern: str) -> bool:
    return isinstance(value, str) and fnmatchcase(value.lower(), pattern.lower())
