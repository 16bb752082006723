"""Resend's own Python SDK: every call of it, at once and asynchronous, each error its own type."""

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import resend
from resend.exceptions import (
    InvalidApiKeyError,
    MissingApiKeyError,
    MissingRequiredFieldsError,
    ResendError,
    ValidationError,
)

from tests.clients.matrix import PAYLOADS, Matrix, check_payloads
from tests.e2e.world import World


@pytest.fixture(autouse=True)
def _switched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the SDK over: an address and a key, nothing else."""
    monkeypatch.setattr(resend, "api_url", world.stack.api_url)
    monkeypatch.setattr(resend, "api_key", world.stack.api_key)


def _mail(world: World, **changes: Any) -> Any:  # noqa: ANN401 - the SDK's own type
    mail = {
        "from": "Acme <orders@acme.sa>",
        "to": [world.address()],
        "subject": "تم استلام طلبك 🌙",
        "html": '<p dir="rtl">شكراً</p>',
        "text": "شكراً",
        "tags": [{"name": "campaign", "value": "orders"}],
    }
    return mail | changes


def _in(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def test_send_and_get(world: World) -> None:
    sent = resend.Emails.send(_mail(world))

    world.until_state(sent["id"], "sent")
    shown: Any = resend.Emails.get(sent["id"])
    assert shown["last_event"] == "sent"
    assert shown["from"] == "orders@acme.sa"
    [mail] = world.received()
    assert str(mail["msg_id"]) == shown["taqnyat"]["msg_id"]
    assert mail["fields"]["subject"] == "تم استلام طلبك 🌙"
    assert mail["fields"]["msg"] == '<p dir="rtl">شكراً</p>'
    assert mail["fields"]["campaignName"] == "orders"


def test_six_payloads_arrive_byte_for_byte(world: World, matrix: Matrix) -> None:
    ids = [resend.Emails.send(_mail(world, **payload))["id"] for payload in PAYLOADS]

    check_payloads(world, ids)
    matrix.note(
        "resend (Python)", "six payloads", "send", "batch", "get", "list", "update", "cancel"
    )
    matrix.note("resend (Python)", "idempotency", "errors by type")


def test_the_same_asynchronously(world: World, matrix: Matrix) -> None:
    async def all_calls() -> list[str]:
        sent = [await resend.Emails.send_async(_mail(world, **one)) for one in PAYLOADS]
        batch: Any = await resend.Batch.send_async([_mail(world, to=[world.address("sami")])] * 2)
        assert len(batch["data"]) == 2
        later = await resend.Emails.send_async(_mail(world, scheduled_at=_in(hours=2)))
        change: Any = {"id": later["id"], "scheduled_at": _in(hours=3)}
        assert (await resend.Emails.update_async(change))["id"] == later["id"]
        await resend.Emails.cancel_async(later["id"])
        assert (await resend.Emails.get_async(later["id"]))["last_event"] == "canceled"
        assert len((await resend.Emails.list_async({"limit": 2}))["data"]) == 2
        with pytest.raises(ValidationError):
            await resend.Emails.send_async(_mail(world, cc=["a@example.com"]))
        return [one["id"] for one in sent]

    check_payloads(world, asyncio.run(all_calls()))
    matrix.note("resend (Python, async)", "six payloads", "send", "batch", "get", "list", "update")
    matrix.note("resend (Python, async)", "cancel", "errors by type")


def test_an_idempotency_key_makes_one_mail_of_two_calls(world: World) -> None:
    options: Any = {"idempotency_key": uuid.uuid4().hex}

    first = resend.Emails.send(_mail(world), options)
    second = resend.Emails.send(_mail(world), options)

    assert first["id"] == second["id"]
    world.until_state(first["id"], "sent")
    assert len(world.received()) == 1
    with pytest.raises(ResendError) as error:
        resend.Emails.send(_mail(world, subject="Another"), options)
    assert (error.value.code, error.value.error_type) == (409, "invalid_idempotent_request")


def test_identical_calls_at_once_make_one_mail_each(world: World) -> None:
    single: Any = {"idempotency_key": uuid.uuid4().hex}
    whole: Any = {"idempotency_key": uuid.uuid4().hex}
    mail = _mail(world)

    def send(_: int) -> str:
        return resend.Emails.send(mail, single)["id"]

    def send_batch(_: int) -> tuple[str, ...]:
        answer: Any = resend.Batch.send([mail] * 3, whole)
        return tuple(entry["id"] for entry in answer["data"])

    with ThreadPoolExecutor(6) as threads:
        [mail_id] = set(threads.map(send, range(6)))
        [mail_ids] = set(threads.map(send_batch, range(6)))

    for each in (mail_id, *mail_ids):
        world.until_state(each, "sent")
    assert len(world.received()) == 4


def test_a_batch(world: World) -> None:
    names = [f"user{number}" for number in range(12)]
    mails = [_mail(world, to=[world.address(name)]) for name in names]

    options: Any = {"idempotency_key": uuid.uuid4().hex}
    answer: Any = resend.Batch.send(mails, options)

    assert len(answer["data"]) == 12
    again: Any = resend.Batch.send(mails, options)
    assert again["data"] == answer["data"]
    for entry in answer["data"]:
        world.until_state(entry["id"], "sent")
    assert [len(world.received(name)) for name in names] == [1] * 12


def test_a_permissive_batch(world: World) -> None:
    mails = [_mail(world), _mail(world, to=["nobody"])]
    with pytest.raises(ValidationError, match=r"\[1\]\.to\[0\]"):
        resend.Batch.send(mails)

    answer: Any = resend.Batch.send(mails, {"batch_validation": "permissive"})

    assert len(answer["data"]) == 1
    assert [error["index"] for error in answer["errors"]] == [1]
    world.until_state(answer["data"][0]["id"], "sent")


def test_schedule_move_and_cancel(world: World) -> None:
    later = resend.Emails.send(_mail(world, scheduled_at=_in(hours=2)))
    change: Any = {"id": later["id"], "scheduled_at": _in(hours=3)}

    moved = resend.Emails.update(change)
    shown: Any = resend.Emails.get(later["id"])
    assert moved["id"] == later["id"]
    assert shown["last_event"] == "scheduled"
    assert shown["scheduled_at"][:19] == change["scheduled_at"][:19]

    resend.Emails.cancel(later["id"])
    assert resend.Emails.get(later["id"])["last_event"] == "canceled"
    with pytest.raises(ValidationError):
        resend.Emails.update(change)


def test_a_mail_that_is_moved_to_now_is_sent(world: World) -> None:
    later = resend.Emails.send(_mail(world, scheduled_at=_in(hours=2)))
    now: Any = {"id": later["id"], "scheduled_at": _in(seconds=1)}

    resend.Emails.update(now)

    world.until_state(later["id"], "sent")
    assert len(world.received()) == 1


def test_the_list_is_walked_through_mails_of_one_moment(world: World) -> None:
    first = resend.Emails.send(_mail(world))["id"]
    batch: Any = resend.Batch.send([_mail(world)] * 7)
    last = resend.Emails.send(_mail(world))["id"]
    seen: list[str] = []

    while first not in seen:
        query: Any = {"limit": 2, "after": seen[-1]} if seen else {"limit": 2}
        page: Any = resend.Emails.list(query)
        seen += [entry["id"] for entry in page["data"]]

    assert seen[0] == last
    assert sorted(seen[1:8]) == sorted(entry["id"] for entry in batch["data"])
    assert seen[8] == first


@pytest.mark.parametrize(
    ("kind", "code", "call"),
    [
        (ValidationError, 422, lambda w: resend.Emails.send(_mail(w, cc=["a@example.com"]))),
        (MissingRequiredFieldsError, 422, lambda w: resend.Emails.send(_mail(w, to=[]))),
        (ResendError, 404, lambda _: resend.Emails.get("no-such-mail")),
        (ResendError, 404, lambda _: resend.Emails.cancel("no-such-mail")),
    ],
)
def test_errors_are_the_sdk_s_own(
    world: World, kind: type[ResendError], code: int, call: Callable[[World], object]
) -> None:
    with pytest.raises(kind) as error:
        call(world)

    assert (type(error.value), error.value.code) == (kind, code)


@pytest.mark.parametrize(("key", "kind"), [("", MissingApiKeyError), ("wrong", InvalidApiKeyError)])
def test_a_key_that_is_missing_or_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch, key: str, kind: type[ResendError]
) -> None:
    monkeypatch.setattr(resend, "api_key", key)

    with pytest.raises(kind):
        resend.Emails.send(_mail(world))
    assert world.rows_of_this_test() == []
