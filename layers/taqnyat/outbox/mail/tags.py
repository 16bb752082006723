"""The tags of a mail: kept only in its row, with masked addresses. One may name the campaign."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outbox.mail.addresses import mask
from outbox.mail.mail import MailError
from outbox.mail.text import check_line, line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outbox.mail.mail import Pairs

MAX_CAMPAIGN: Final = 128
MAX_TAGS: Final = 50
MAX_TAG: Final = 256
MAX_TAG_BYTES: Final = 4096  # of all tags and headers in a mail's row
CAMPAIGN: Final = "campaign"

# An address in a longer text; in a URL its @ is %40. Compiled when first needed.
_AT: Final = "@|%40|\uff20"
_PART: Final = r"""[^\s<>()\[\]{},;:"'=/|&?]+"""
_ADDRESS: Final = f"{_PART}(?:{_AT}){_PART}"


class Tag(NamedTuple):
    """A tag as it was given; `place` is its place for an error, such as "tags[3]"."""

    place: str
    name: str
    value: str

    def part(self, name: str) -> str:
        """Return the place of its name or value; for a header both are the same."""
        return f"{self.place}.{name}" if self.place.startswith("tags[") else self.place


def read_tags(value: object) -> list[Tag]:
    """Read `tags`: objects with `name` and `value`, or Symfony's `{"X-Tag": value}`.

    Raises:
        MailError: it is something else.

    """
    if not isinstance(value, list) or len(value) > MAX_TAGS:
        raise MailError(
            "tags", f"must be a list of up to {MAX_TAGS} objects with `name` and `value`"
        )
    return [_read_tag(f"tags[{index}]", entry) for index, entry in enumerate(value)]


def tag_of_header(name: str) -> str | None:
    """Return the name of the tag that a header carries; None for any other header."""
    folded = name.lower()
    if folded == "x-tag":
        return "tag"
    return name[len("x-metadata-") :] if folded.startswith("x-metadata-") else None


def kept(found: Sequence[Tag], headers: Sequence[Tag] = ()) -> tuple[Pairs, Pairs]:
    """Return tags and headers as they are kept: each (name, value), addresses masked.

    Raises:
        MailError: they are too many, too long, or have a character that one line cannot have.

    """
    if len(found) > MAX_TAGS:
        raise MailError(found[-1].place, f"makes more than {MAX_TAGS} tags")
    total = 0
    for tag in (*found, *headers):
        line({tag.part("name"): tag.name}, tag.part("name"), MAX_TAG)
        check_line(tag.value, tag.part("value"), MAX_TAG)
        total += len(tag.name.encode()) + len(tag.value.encode())
        if total > MAX_TAG_BYTES:
            raise MailError(tag.place, f"makes all tags larger than {MAX_TAG_BYTES} bytes")
    return _pairs(found), _pairs(headers)


def named_campaign(given: Mapping[str, Any], tags: Sequence[Tag]) -> str | None:
    """Read the name of a mail's campaign; None if it names none."""
    names = [key for key in ("campaign_name", "campaignName") if key in given]
    if len(names) > 1:
        raise MailError("campaignName", "says the same as `campaign_name`; give one of them")
    if names:
        return line(given, names[0], MAX_CAMPAIGN)
    campaign = None
    for tag in tags:
        if tag.name == CAMPAIGN:
            campaign = line({tag.part("value"): tag.value}, tag.part("value"), MAX_CAMPAIGN)
    return campaign


def masked(text: str) -> str:
    """Return a text with each address in it masked."""
    return re.sub(_ADDRESS, lambda found: mask(re.sub(_AT, "@", found[0])), text)


def _pairs(found: Sequence[Tag]) -> Pairs:
    return tuple((masked(tag.name), masked(tag.value)) for tag in found)


def _read_tag(place: str, entry: object) -> Tag:
    if isinstance(entry, dict):
        name, value = entry.get("name"), entry.get("value")
        if len(entry) == 1:
            ((key, only),) = entry.items()
            if label := tag_of_header(key):
                name, value = label, only
        if isinstance(name, str) and isinstance(value, str):
            return Tag(place, name, value)
    raise MailError(place, "must have a `name` and a `value`, both text")
