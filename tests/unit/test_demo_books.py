"""The demo's books: they balance when all agrees, and name what does not."""

from typing import Any

from local.console.inbox import fingerprint
from local.demo import books


def mail(msg_id: int, text: str) -> dict[str, Any]:
    fields = {"from": "a@acme.sa", "to": "b@example.com", "subject": "S", "msg": text}
    return {"n": msg_id, "msg_id": msg_id, "fields": {"campaignName": "c", **fields}}


def row(state: str, msg_id: int | None = None, **more: object) -> dict[str, Any]:
    return {"state": state, "msg_id": None if msg_id is None else str(msg_id), **more}


def test_they_balance() -> None:
    resent = row("sent", 4, resends=1, fingerprint=fingerprint(mail(3, "twice"), "html"))
    rows = {"a": row("sent", 1), "b": row("failed"), "c": row("queued"), "d": resent}

    closed = books.close("abcd", rows, [mail(1, "x"), mail(3, "twice"), mail(4, "twice")])

    assert closed.wrong == ()
    assert closed.line == "4 accepted = 2 sent + 1 failed + 0 unknown + 1 queued"
    assert (closed.taken, closed.resent) == (3, 1)


def test_what_does_not_agree_is_named() -> None:
    rows = {"a": row("sent", 1), "b": row("sent", 2), "x": row("queued"), "f": row("failed", 9)}
    inbox = [mail(1, "a"), mail(1, "a"), mail(7, "stranger"), mail(9, "f")]

    closed = books.close(["a", "b", "f", "lost"], rows, inbox)

    assert closed.wrong == (
        "Taqnyat has a 2 times, and the record has 1",
        "Taqnyat has a mail that the ledger does not know",
        "b is sent, and Taqnyat does not have it",
        "f is failed, and Taqnyat has it",
        "lost was accepted, and the ledger does not know it",
        "x is in the ledger, and nobody sent it",
    )
