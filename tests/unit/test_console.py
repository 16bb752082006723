"""What the console makes of rows and mails."""

from typing import Any

import pytest
from outbox.mail.validation import REQUEST_FIELDS, read_mail

from local.console import inbox, rendering, timeline
from local.console.words import why

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


@pytest.mark.parametrize("query", ["ACME", "تاكيد", "تـــأكيد", "تَأْكِيد", "s orders"])
def test_a_search_is_kind_to_the_one_who_types(query: str) -> None:
    mail = received(subject="تأكيدُ الطلب S")

    assert inbox.matches(mail, inbox.folded(query).split())
    assert not inbox.matches(mail, [*inbox.folded(query).split(), "nowhere"])


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
