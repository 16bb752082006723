"""Follows one mail step by step: accepted, queued, claimed, sent."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local.console.gateway import item
from local.deployment import ROOT
from local.errors import LocalStackError
from local.stack import LocalStack

FIRST_MAIL = ROOT / "events" / "api-post-email.json"
_FINAL = {"sent", "failed", "unknown", "canceled"}
_STEPS = {"queued": "queued", "sending": "claimed"}
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Journey:
    """How it ended: the mail's id, its final state (or the last one seen), its msgId."""

    id: str
    state: str
    msg_id: str | None
    reason: str | None


def first_mail(path: Path = FIRST_MAIL, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the mail of a sample event of the API, with fields changed."""
    event = json.loads(path.read_text(encoding="utf-8"))
    mail: dict[str, Any] = json.loads(event["body"])
    return mail | {name: value for name, value in changes.items() if value is not None}


def travel(stack: LocalStack, mail: Mapping[str, Any], tell: Callable[[str, str], None]) -> Journey:
    """Send a mail through the API and follow its row until it ends.

    Raises:
        LocalStackError: the API did not accept it.

    """
    begin = time.monotonic()

    def report(step: str, detail: str = "") -> None:
        tell(step, f"{(time.monotonic() - begin) * 1000:6.0f} ms  {detail}".rstrip())

    mail_id = _post(stack, mail)
    report("accepted", f"200, id {mail_id}")
    row: dict[str, Any] = {}
    told: set[str] = set()
    while time.monotonic() - begin < _PATIENCE_SECONDS:
        row = _row(stack, mail_id)
        state = row.get("state", "")
        for passed in _passed(state, row):
            if passed not in told:
                told.add(passed)
                report(_STEPS[passed])
        if state in _FINAL:
            break
        time.sleep(_LOOK_SECONDS)
    state = row.get("state", "nowhere")
    journey = Journey(mail_id, state, row.get("msg_id"), row.get("reason"))
    detail = f"msgId {journey.msg_id}" if state == "sent" else f"reason {journey.reason}"
    report(state, f"{detail}, Taqnyat answered in {_answered_in(row)}")
    return journey


def _passed(state: str, row: Mapping[str, Any]) -> list[str]:
    """Return the steps that a row in this state has behind it, quick ones included."""
    if state == "queued" and not row.get("attempts"):
        return ["queued"]
    return ["queued", "sending"] if state else []


def _answered_in(row: Mapping[str, Any]) -> str:
    attempts = row.get("attempts") or [{}]
    return f"{attempts[-1].get('ms', '?')} ms"


def _post(stack: LocalStack, mail: Mapping[str, Any]) -> str:
    answer = stack.api.call("POST", "/emails", mail)
    if answer.status != HTTPStatus.OK:
        raise LocalStackError(f"the API answered {answer.status}: {answer.data.decode()}")
    return str(answer.json()["id"])


def _row(stack: LocalStack, mail_id: str) -> dict[str, Any]:
    found = stack.client("dynamodb").get_item(
        TableName=stack.outputs["LedgerTable"], Key={"pk": {"S": mail_id}}, ConsistentRead=True
    )
    return item(found.get("Item", {}))
