"""The tags of a mail, and the campaign that one of them may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outbox.mail.mail import MailError
from outbox.mail.text import line

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CAMPAIGN: Final = 128
MAX_TAGS: Final = 50


def campaign(given: Mapping[str, Any]) -> str | None:
    """Read the name of a mail's campaign; None if it names none."""
    names = [key for key in ("campaign_name", "campaignName") if key in given]
    if len(names) > 1:
        raise MailError("campaignName", "says the same as `campaign_name`; give one of them")
    if names:
        return line(given, names[0], MAX_CAMPAIGN)
    return _tagged_campaign(given.get("tags", []))


def _tagged_campaign(tags: object) -> str | None:
    if not isinstance(tags, list) or len(tags) > MAX_TAGS:
        raise MailError(
            "tags", f"must be a list of up to {MAX_TAGS} objects with `name` and `value`"
        )
    campaign = None
    for index, tag in enumerate(tags):
        if (
            not isinstance(tag, dict)
            or not isinstance(tag.get("name"), str)
            or not isinstance(tag.get("value"), str)
        ):
            raise MailError(f"tags[{index}]", "must have a `name` and a `value`, both text")
        if tag["name"] == "campaign":
            campaign = line(
                {f"tags[{index}].value": tag["value"]}, f"tags[{index}].value", MAX_CAMPAIGN
            )
    return campaign
