"""What the console makes of rows and mails."""

import gc
import itertools
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any
from unittest.mock import Mock

import pytest
from outbox.mail.validation import REQUEST_FIELDS, read_mail

from local.console import inbox, ledger, rendering, search, timeline
from local.console.gateway import Gateway
from local.console.words import blamed, rate, why
from local.simulator.books import Books

ROW: dict[str, Any] = {
    "pk": "id-1",
    "state": "sent",
    "client": "shop",
    "created": "2026-11-23T08:00:00.000Z",
    "claimed_at": "2026-11-23T08:00:00.200Z",
    "updated": "2026-11-23T08:00:00.300Z",
    "attempts": [{"at": "2026-11-23T08:00:00.210Z", "ms": 31, "verdict": "sent", "reason": "sent"}],
}
EARLIER = {"at": "2026-11-23T08:00:00.110Z", "ms": 9, "verdict": "retryable", "reason": "timeout"}


def steps(**changes: object) -> list[str]:
    return [step["step"] for step in timeline.steps(ROW | changes)]


def received(**fields: object) -> dict[str, Any]:
    given = {"from": "a@acme.sa", "to": "b@example.com", "subject": "S", "msg": "M"} | fields
    return {"n": 1, "msg_id": 202, "fields": {"campaignName": "orders"} | given}


def test_a_sent_mail_has_all_its_steps() -> None:
    assert steps() == ["accepted", "queued", "claimed", "attempt", "sent"]


def test_a_mail_in_each_state_ends_with_what_is_true_now() -> None:
    assert steps(state="queued", attempts=[]) == ["accepted", "queued"]
    assert steps(state="scheduled", attempts=[])[-1] == "scheduled"
    assert steps(state="sending", attempts=[])[-1] == "claimed"
    assert steps(state="queued", attempts=[EARLIER])[-1] == "waiting"
    assert [steps(state=state)[-1] for state in ("failed", "unknown", "canceled")] == [
        *("failed", "unknown", "canceled")
    ]


def test_only_the_last_claim_is_told_for_a_row_keeps_no_other() -> None:
    attempts = [EARLIER, *ROW["attempts"]]

    assert steps(attempts=attempts) == [
        *("accepted", "queued", "attempt", "claimed", "attempt", "sent")
    ]
    assert steps(state="sending", attempts=[EARLIER])[-2:] == ["attempt", "claimed"]


@pytest.mark.parametrize("kind", ["html", "text"])
@pytest.mark.parametrize("to", [["b@example.com"], ["b@example.com", "c@example.com"]])
def test_the_fingerprint_is_that_of_the_ledger(kind: str, to: list[str]) -> None:
    mail = read_mail(
        {"from": "a@acme.sa", "to": to, "subject": "تأكيد", kind: "نص"},
        allowed=REQUEST_FIELDS,
        now=0.0,
        campaign="orders",
        mail_id="id-1",
    )
    as_form = received(to=",".join(to), subject="تأكيد", msg="نص")
    as_json = received(to=to, subject="تأكيد", msg="نص")

    assert inbox.fingerprint(as_form, kind) == mail.fingerprint
    assert inbox.fingerprint(as_json, kind) == mail.fingerprint


def test_a_mail_finds_its_row_by_msg_id_or_by_what_was_sent() -> None:
    lost = inbox.fingerprint(received(msg="lost"), "html")
    links = inbox.Links({"by-id": {"msg_id": "202"}, "by-print": {"fingerprint": lost}})

    assert links.row_of(received()) == "by-id"
    assert links.row_of(received(msg="lost") | {"msg_id": 7}) == "by-print"
    assert links.row_of(received(msg="other") | {"msg_id": 7}) is None


def test_of_too_many_rows_the_oldest_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_MOST_ROWS", 20)
    monkeypatch.setattr(ledger, "_SLACK", 5)
    known = ledger.Ledger()

    for number in (*range(30, 60), *range(30)):  # a scan has no order
        known.take([ROW | {"pk": f"{number:02d}", "created": f"2026-11-23T08:00:{number:02d}Z"}])

    assert known.counts() == {"sent": 60}
    assert [row["pk"] for row in known.find(())][:20] == [f"{n}" for n in range(59, 39, -1)]
    assert len(known.rows) <= 25


SEARCHED = search.text(
    {
        "to": "Nora@Example.com",
        "from": "a@acme.sa",
        "subject": "تأكيدُ الطلب S",
        "campaign": "orders",
    },
    "Your code is 10:30 https://acme.sa/x",
    "2026-11-25T10:00:00.000Z",
)


@pytest.mark.parametrize(
    "query",
    [
        *("ACME", "تاكيد", "تـــأكيد", "تَأْكِيد", "s orders", "", "10:30", "https://acme.sa/x"),
        *(
            "to:nora",
            "TO:nora from:acme",
            "from:acme",
            "subject:الطلب",
            'subject:"تاكيد الطلب"',
            '"code is"',
        ),
        *("-nowhere", "!to:lina nora", "before:2026-11-26", "after:2026-11-25", "campaign:orders"),
        *("before:2026-11-25T10:01 after:2026-11-25t10:00", '"your code', "-before:2026-11-25"),
    ],
)
def test_a_search_finds(query: str) -> None:
    assert all(term.holds(SEARCHED) for term in search.parse(query))


@pytest.mark.parametrize(
    "query",
    [
        *("nowhere", "acme nowhere", "to:acme", "subject:nora", "-acme", "-to:nora", '"is code"'),
        *("before:2026-11-25", "after:2026-11-25T10:01", "-after:2026-11-25", "campaign:other"),
    ],
)
def test_a_search_does_not_find(query: str) -> None:
    assert not all(term.holds(SEARCHED) for term in search.parse(query))


ARABIC = "شكراً لتسجيلك معنا"


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (f"<p>{ARABIC}</p>", ["dir=", "lang="]),
        (f'<html lang="ar"><p>{ARABIC}</p>', ["dir="]),
        (f'<div dir="rtl">{ARABIC}</div>', ["lang="]),
        (f'<div style="direction: rtl" lang="ar-SA">{ARABIC}</div>', []),
        (f'<html lang=AR dir="auto">{ARABIC}', []),
        (ARABIC, []),
        ("<p>Thank you, نورة</p>", []),
    ],
)
def test_a_hint_tells_what_an_arabic_mail_lacks(body: str, missing: list[str]) -> None:
    told = rendering.hints(body)

    assert [word in text for word, text in zip(missing, told, strict=True)] == [True] * len(told)


def test_the_links_of_a_mail_are_listed() -> None:
    body = (
        '<a href="https://acme.sa/?a=1&amp;b=2">Track <b>it</b></a><a name=x>no</a>'
        "<a href=mailto:a@b>"
    )

    assert rendering.links(body) == [
        {"href": "https://acme.sa/?a=1&b=2", "text": "Track it"},
        {"href": "mailto:a@b", "text": ""},
    ]
    assert rendering.links("see https://acme.sa/x.") == [{"href": "https://acme.sa/x.", "text": ""}]


def test_a_mail_as_a_file_is_what_a_mail_program_reads() -> None:
    mail = received(
        subject="تأكيد\r\nBcc: x@evil.example",
        to="b@example.com,c@example.com",
        msg=f"<p>{ARABIC}</p>",
    )

    read = message_from_bytes(
        rendering.file(mail | {"at": "2026-11-25T10:00:00.000Z"}), policy=default
    )

    assert read["Subject"] == "تأكيد Bcc: x@evil.example"
    assert (read["Bcc"], read["From"]) == (None, "a@acme.sa")
    assert [address.addr_spec for address in read["To"].addresses] == [
        "b@example.com",
        "c@example.com",
    ]
    assert read.get_content_type() == "text/html"
    assert read.get_content().strip() == f"<p>{ARABIC}</p>"


def test_what_makes_a_browser_connect_is_taken_out() -> None:
    text = rendering.document('<p>a<LINK rel="x"\nhref=y>b<ifr<iframe src=z>ame src=z><base>')

    assert "href=y" not in text
    assert "<iframe" not in text.lower()
    assert "<p>a b" in text


@pytest.mark.parametrize(
    ("body", "direction"),
    [
        ("<p>مرحبا</p>", "auto"),
        ('<!DOCTYPE html><html lang="ar" dir="RTL"><p>x', "rtl"),
        ("<html dir=ltr>", "ltr"),
        ("<html dir='\"><script>'>", "auto"),
    ],
)
def test_the_direction_is_the_mails_own_or_that_of_its_text(body: str, direction: str) -> None:
    assert rendering.document(body).startswith(f'<!DOCTYPE html><html dir="{direction}">')


def test_plain_text_keeps_its_lines_and_is_no_markup() -> None:
    assert '<pre dir="auto">1 &lt; 2\n3</pre>' in rendering.document("1 < 2\n3")


def test_a_reason_that_is_not_known_is_shown_as_it_is() -> None:
    assert why("balance_empty") == "Taqnyat's balance is empty"
    assert why("something_new") == "something new"
    assert why(None) == ""


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({}, None),
        ({"rate_learned": 7_000, "rate_learned_until": 99_000}, None),
        ({"rate_learned": 900_000, "rate_learned_until": 200_000}, None),
        ({"rate_learned": 5_000, "rate_learned_until": 200_000}, "at most 5 mails a second"),
        (
            {"rate_learned": 18_400, "rate_learned_until": 200_000, "rate_ceiling": 20_000},
            "refused more (429) at 20",
        ),
        ({"rate_held_until": 107_000}, "nothing is sent for 7 s"),
    ],
)
def test_the_present_rate_is_told_with_its_reason(item: dict[str, int], said: str | None) -> None:
    told = rate(item, 100.0)

    assert told is None if said is None else said in (told or "")


def test_the_mails_that_are_to_blame_are_named() -> None:
    refusal = {
        "mail_id": "id-1",
        "sender": "a@acme.sa",
        "reason": "balance_too_low",
        "code": 3,
        "status": 400,
    }
    told = "Taqnyat's balance is too low for this mail, code 3, HTTP 400"
    named = [{"id": "id-1", "why": told}]

    assert blamed({"paused": True, "blamed": [refusal]}) == named
    assert blamed({"paused": False, "blamed": [refusal], "suspect": None}) == []
    assert blamed({"paused": False, "suspect": refusal}) == named


def test_a_mail_that_is_removed_before_the_search_heard_of_it_leaves_nothing() -> None:
    books = Books()
    books.observe(lambda event: books.clear() if event["event"] == "mail" else None)
    found = inbox.Inbox(books)

    books.add_mail(received() | {"at": "2026-11-23T08:00:00.000Z"})

    # Nothing finds what is left there, so it would stay for ever.
    assert (found._texts, found._names) == ({}, {})  # noqa: SLF001


def test_news_may_come_while_an_index_is_read() -> None:
    """The collector, which may hand over to another thread, runs where many tuples are made."""
    books, rows = Books(), ledger.Ledger()
    found = inbox.Inbox(books)
    numbers = itertools.count()

    def come(*_: object) -> None:
        mail = {"at": "2026-11-23T08:00:00.000Z", "msg_id": next(numbers)}
        books.add_mail(received() | mail)
        rows.take([ROW | {"pk": f"id-{next(numbers)}"}])

    for _ in range(2000):
        come()
    gc.callbacks.append(come)
    try:
        assert found.like({"msg_id": "none"}) == []
        assert len(rows.rows) >= 2000
    finally:
        gc.callbacks.remove(come)


def test_a_scan_of_the_ledger_that_failed_is_made_again() -> None:
    rows: list[list[dict[str, Any]]] = [[{"pk": {"S": "a"}}], [{"pk": {"S": "b"}}]]
    streams, dynamodb = Mock(), Mock()
    dynamodb.describe_table.return_value = {"Table": {"LatestStreamArn": "arn"}}
    streams.describe_stream.return_value = {"StreamDescription": {"Shards": [{"ShardId": "1"}]}}
    streams.get_shard_iterator.return_value = {"ShardIterator": "latest"}
    streams.get_records.return_value = {"Records": [], "NextShardIterator": "latest"}

    def scan(**_: object) -> Iterator[dict[str, Any]]:
        yield {"Items": rows[0]}
        if dynamodb.describe_table.call_count == 1:
            raise ConnectionResetError
        yield {"Items": rows[1]}

    dynamodb.get_paginator.return_value.paginate = scan
    clients = {"dynamodb": dynamodb, "dynamodbstreams": streams}
    gateway = Gateway(clients.__getitem__, {"LedgerTable": "ledger"}, Mock())

    with pytest.raises(ConnectionResetError):
        list(gateway.changes())
    assert list(gateway.changes()) == [{"pk": "a"}, {"pk": "b"}]
    assert list(gateway.changes()) == []
