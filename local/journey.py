"""Follows one mail: accepted, queued, claimed, sent."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from local.console import timeline
from local.deployment import ROOT
from local.stack import LocalStack

_FIRST_MAIL = ROOT / "events" / "api-post-email.json"
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.01


def first_mail(**changes: str | None) -> dict[str, Any]:
    """Return the mail of the sample event of the API, with fields changed."""
    event = json.loads(_FIRST_MAIL.read_text(encoding="utf-8"))
    mail: dict[str, Any] = json.loads(event["body"])
    return mail | {name: value for name, value in changes.items() if value is not None}


def travel(
    stack: LocalStack, mail: Mapping[str, Any], tell: Callable[[str, str], None]
) -> dict[str, Any]:
    """Send a mail through the API, wait until it ends, and tell its steps; return its row.

    Raises:
        LocalStackError: the API did not accept it.

    """
    begin = time.monotonic()
    [mail_id] = stack.api.send([mail])
    tell("accepted", f"{(time.monotonic() - begin) * 1000:6.0f} ms  200, id {mail_id}")
    row = stack.item(mail_id)
    while row["state"] not in timeline.FINAL and time.monotonic() < begin + _PATIENCE_SECONDS:
        time.sleep(_LOOK_SECONDS)
        row = stack.item(mail_id)
    for step in timeline.steps(row)[1:]:
        took = datetime.fromisoformat(step["at"]) - datetime.fromisoformat(row["created"])
        tell(step["step"], f"{took.total_seconds() * 1000:6.0f} ms  {_fact(step, row)}".rstrip())
    return row


def _fact(step: timeline.Step, row: Mapping[str, Any]) -> str:
    if step["step"] == "attempt":
        return f"Taqnyat answered in {step.get('ms', '?')} ms"
    if step["step"] == "sent":
        return f"msgId {row['msg_id']}"
    return f"reason {row.get('reason')}" if step["step"] in timeline.FINAL else ""
