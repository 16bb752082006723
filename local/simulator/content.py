"""Which mails an answer is for: by recipient, sender, subject, a word in the body, and size."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import Field

from local.simulator.fields import Given, Text, Whole


class Content(Given):
    """The conditions on a mail; None is no condition.

    `to` (for one recipient at least), `sender` (`from` in JSON) and `subject` are patterns such as
    `*@acme.sa`; `word` stands anywhere in the body; `more_than` is a number of recipients. Case is
    no matter.
    """

    to: Text | None = None
    sender: Text | None = Field(default=None, validation_alias="from", serialization_alias="from")
    subject: Text | None = None
    word: Text | None = None
    more_than: Annotated[Whole, Field(ge=0, le=10_000)] | None = None

    def fits(self, recipients: Sequence[str], given: Mapping[str, Any]) -> bool:
        """Return whether a mail fits; `given` are its fields as Taqnyat gets them."""
        return (
            (self.to is None or any(_like(address, self.to) for address in recipients))
            and (self.sender is None or _like(given.get("from"), self.sender))
            and (self.subject is None or _like(given.get("subject"), self.subject))
            and (self.word is None or self.word.lower() in str(given.get("msg", "")).lower())
            and (self.more_than is None or len(recipients) > self.more_than)
        )


def _like(value: object, pattern: str) -> bool:
    return isinstance(value, str) and fnmatchcase(value.lower(), pattern.lower())
