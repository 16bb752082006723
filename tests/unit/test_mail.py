"""What makes a mail valid, at both doors; an error names the field and repeats no value."""

from typing import Any

import pytest
from outbox.mail.mail import Mail, MailError
from outbox.mail.validation import (
    MAX_SCHEDULE_SECONDS,
    MESSAGE_FIELDS,
    REQUEST_FIELDS,
    read_mail,
    read_schedule,
)

NOW = 1_795_420_800.5  # 2026-11-23T08:00:00.5Z
NAMED = {"from": "shop@acme.sa", "to": "nora@example.com", "subject": "مرحبا"}
VALID = {**NAMED, "html": "<p>أهلا</p>"}
MISSING = "missing_required_field"
INVALID = "validation_error"
PARAMETER = "invalid_parameter"
ADDRESS = "invalid_from_address"
LONG = "x" * 2000


def mail_of(data: object, *, queue: bool = False) -> Mail:
    return read_mail(
        data,
        allowed=MESSAGE_FIELDS if queue else REQUEST_FIELDS,
        now=NOW,
        campaign="transactional",
        mail_id="id-1",
        client=None if queue else "shop",
    )


def refused(data: object, *, queue: bool = False) -> MailError:
    with pytest.raises(MailError) as error:
        mail_of(data, queue=queue)
    assert str(error.value) == f"`{error.value.field}` {error.value.message}"
    return error.value


def test_the_least_that_a_mail_needs() -> None:
    assert mail_of(VALID) == Mail(
        id="id-1",
        sender="shop@acme.sa",
        recipients=("nora@example.com",),
        subject="مرحبا",
        body="<p>أهلا</p>",
        kind="html",
        campaign="transactional",
        client="shop",
        accepted_at=NOW,
    )


def test_all_that_a_request_can_say() -> None:
    mail = mail_of(
        {
            "from": "Acme, Inc. <shop@ACME.sa>",
            "to": ["nora@example.com", "Sami <sami@example.com>", "nora@example.com"],
            "subject": "s",
            "text": "t",
            "campaign_name": "spring",
            "on_unknown": "resend",
            "expires_at": "2026-11-24T08:00:00+03:00",
            "scheduled_at": 1_795_424_400,
            "tags": [{"name": "campaign", "value": "ignored beside campaign_name"}],
        }
    )
    assert mail.sender == "shop@acme.sa"
    assert mail.recipients == ("nora@example.com", "sami@example.com")
    assert (mail.kind, mail.body, mail.campaign) == ("text", "t", "spring")
    assert (mail.on_unknown, mail.expires_at) == ("resend", 1_795_496_400)
    assert mail.scheduled_at == 1_795_424_400


def test_all_that_a_message_can_say() -> None:
    mail = mail_of(
        {
            **VALID,
            "version": 1,
            "id": "order:1042.A-b_c",
            "client": "shop",
            "accepted_at": "2026-11-23T07:59:58.250Z",
            "campaignName": "spring",
        },
        queue=True,
    )
    assert (mail.id, mail.client, mail.campaign) == ("order:1042.A-b_c", "shop", "spring")
    assert mail.accepted_at == NOW - 2.25


def test_what_goes_to_taqnyat_and_what_may_be_kept() -> None:
    mail = mail_of({**VALID, "to": ["nora@example.com", "s@x.sa"], "campaign_name": "spring"})
    assert mail.letter == (
        "shop@acme.sa",
        ("nora@example.com", "s@x.sa"),
        "مرحبا",
        "<p>أهلا</p>",
        "spring",
        mail.id,  # not sent
    )
    assert mail.masked == ("n***@example.com", "s***@x.sa")
    assert "مرحبا" not in repr(mail)
    assert "أهلا" not in repr(mail)


EMPTY: list[Any] = [None, "", [], {}]


@pytest.mark.parametrize("nothing", EMPTY)
def test_what_is_empty_stands_for_what_was_left_out(nothing: object) -> None:
    fields = REQUEST_FIELDS - VALID.keys()
    assert mail_of({**VALID, **dict.fromkeys(fields, nothing)}) == mail_of(VALID)
    assert refused({**VALID, "to": nothing}).name == MISSING


@pytest.mark.parametrize(
    ("bodies", "kind", "body"),
    [
        ({"html": "<p>h</p>"}, "html", "<p>h</p>"),
        ({"text": "t"}, "text", "t"),
        ({"msg": "m"}, "html", "m"),
        ({"html": "<p>h</p>", "text": "t"}, "html", "<p>h</p>"),
        ({"html": "", "text": "t"}, "text", "t"),
        ({"html": " \n", "text": "t"}, "text", "t"),
        ({"html": None, "text": "t"}, "text", "t"),
        ({"html": "h", "text": ""}, "html", "h"),
        ({"text": "  kept as it is \r\n\t"}, "text", "  kept as it is \r\n\t"),
        (
            {"html": "\u202ertl\u202c \u2067x\u2069 \u200f"},
            "html",
            "\u202ertl\u202c \u2067x\u2069 \u200f",
        ),
        ({"html": "\x80\x9f\xa0"}, "html", "\x80\x9f\xa0"),
        ({"html": "\N{PARTY POPPER}\U0010fffd"}, "html", "\N{PARTY POPPER}\U0010fffd"),
    ],
)
def test_one_body_is_carried_as_it_is(bodies: dict[str, Any], kind: str, body: str) -> None:
    mail = mail_of({**NAMED, **bodies})
    assert (mail.kind, mail.body) == (kind, body)


@pytest.mark.parametrize(
    ("tags", "campaign"),
    [
        ([{"name": "campaign", "value": "spring"}], "spring"),
        ([{"name": "order", "value": "7"}], "transactional"),
        ([{"name": "order", "value": ""}, {"name": "campaign", "value": "ربيع"}], "ربيع"),
    ],
)
def test_a_tag_may_name_the_campaign(tags: object, campaign: str) -> None:
    assert mail_of({**VALID, "tags": tags}).campaign == campaign


@pytest.mark.parametrize(
    "subject", ["مرحبا \u200f\u2067Acme\u2069", "x" * 998, "a", "\N{PARTY POPPER} 100% &lt;"]
)
def test_a_subject_is_carried_as_it_is(subject: str) -> None:
    assert mail_of({**VALID, "subject": subject}).subject == subject


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2026-11-23T09:00:00Z", 1_795_424_400),
        ("2026-11-23T12:00:00+03:00", 1_795_424_400),
        ("2026-11-23t09:00:00z", 1_795_424_400),
        (" 2026-11-23T09:00:00Z ", 1_795_424_400),
        ("2026-11-23 09:00:00 UTC", 1_795_424_400),
        ("2026-11-23 09:00:00.123456 gmt", 1_795_424_400),
        ("2026-11-23 09:00:00.999+00:00", 1_795_424_400),
        ("20261123T090000Z", 1_795_424_400),
        (1_795_424_400, 1_795_424_400),
        (1_795_424_400.7, 1_795_424_400),
        (0, 0),
        ("9999-12-30T23:59:59Z", 253_402_214_399),
    ],
)
def test_a_time_is_iso_8601_with_a_zone_or_epoch_seconds(given: object, seconds: int) -> None:
    assert mail_of({**VALID, "expires_at": given}).expires_at == seconds


@pytest.mark.parametrize(
    ("never", "seconds"),
    [
        ("9999-12-31T23:59:59Z", 253_402_214_400),
        ("9999-12-31T23:59:59.9999999Z", 253_402_214_400),
        ("9999-12-31T23:59:59-12:00", 253_402_214_400),
        ("9999-12-31T00:00:00+14:00", 253_402_164_000),
        ("never", None),
        ("Never", None),
    ],
)
def test_a_mail_that_never_expires(never: str, seconds: int | None) -> None:
    assert mail_of({**VALID, "expires_at": never}).expires_at == seconds


NO_TIMES: list[object] = [
    " ",
    "soon",
    "2026-11-23",
    "2026-11-23T08:00:00",
    "2026-13-01T00:00:00Z",
    "2026-11-23T25:00:00Z",
    "2026-11-23T08:00:00\ud800",
    "UTC",
    "2026-11-23T08:00:00+03:00 UTC",
    "٢٠٢٦-11-23T08:00:00Z",
    "1969-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    -1,
    -(10**30),
    10**30,
    1e300,
    float("nan"),
    float("inf"),
    253_402_300_800,
    True,
    ["2026-11-23T08:00:00Z"],
    {"at": 1},
]


@pytest.mark.parametrize("time", NO_TIMES)
@pytest.mark.parametrize("field", ["expires_at", "scheduled_at"])
def test_what_is_no_time(field: str, time: object) -> None:
    error = refused({**VALID, field: time})
    assert (error.field, error.name) == (field, PARAMETER)


@pytest.mark.parametrize("time", NO_TIMES)
def test_what_is_no_time_of_acceptance(time: object) -> None:
    assert refused({**VALID, "accepted_at": time}, queue=True).field == "accepted_at"


@pytest.mark.parametrize(
    "data", [None, True, 5, 1.5, "text", [], [VALID], [[]], float("nan")], ids=str
)
def test_a_mail_is_an_object(data: object) -> None:
    assert refused(data).field == "body"
    assert refused(data, queue=True).field == "body"


@pytest.mark.parametrize(
    ("changes", "field", "name"),
    [
        ({"from": None}, "from", MISSING),
        ({"from": ""}, "from", MISSING),
        ({"from": 5}, "from", INVALID),
        ({"from": ["shop@acme.sa"]}, "from", INVALID),
        ({"from": "secret"}, "from", ADDRESS),
        ({"from": "secret@acme.sa\r\nBcc: secret@x.sa"}, "from", ADDRESS),
        ({"from": "secret\ud800@acme.sa"}, "from", ADDRESS),
        ({"from": "\u202esecret@acme.sa"}, "from", ADDRESS),
        ({"from": f"{LONG}@acme.sa"}, "from", ADDRESS),
        ({"from": "secret@acme.sa, secret@x.sa"}, "from", ADDRESS),
        ({"to": ""}, "to", MISSING),
        ({"to": 5}, "to", INVALID),
        ({"to": {"email": "secret@x.sa"}}, "to", INVALID),
        ({"to": "secret"}, "to", INVALID),
        ({"to": "a@x.sa,secret@x.sa"}, "to", INVALID),
        ({"to": ["a@x.sa", "secret"]}, "to[1]", INVALID),
        ({"to": ["a@x.sa", None]}, "to[1]", INVALID),
        ({"to": ["a@x.sa", ["b@x.sa"]]}, "to[1]", INVALID),
        ({"to": ["a@x.sa", ""]}, "to[1]", INVALID),
        ({"to": ["a@x.sa", "secret\n@x.sa"]}, "to[1]", INVALID),
        ({"to": ["a@x.sa"] * 51}, "to", INVALID),
        ({"subject": None}, "subject", MISSING),
        ({"subject": ""}, "subject", MISSING),
        ({"subject": " \u00a0"}, "subject", MISSING),
        ({"subject": 5}, "subject", INVALID),
        ({"subject": ["secret"]}, "subject", INVALID),
        ({"subject": "x" * 999}, "subject", INVALID),
        ({"html": None}, "html", MISSING),
        ({"html": ""}, "html", MISSING),
        ({"html": " "}, "html", MISSING),
        ({"html": None, "text": " "}, "text", MISSING),
        ({"html": 5}, "html", INVALID),
        ({"text": 5}, "text", INVALID),
        ({"msg": "secret"}, "msg", INVALID),
        ({"html": "secret\x00"}, "html", INVALID),
        ({"html": "secret\x0b"}, "html", INVALID),
        ({"html": "secret\x1b[31m"}, "html", INVALID),
        ({"html": "secret\x7f"}, "html", INVALID),
        ({"html": "secret\ud83c"}, "html", INVALID),
        ({"html": "secret\uffff"}, "html", INVALID),
        ({"html": "secret\ufffe"}, "html", INVALID),
        ({"campaign_name": " "}, "campaign_name", MISSING),
        ({"campaign_name": 5}, "campaign_name", INVALID),
        ({"campaign_name": "x" * 129}, "campaign_name", INVALID),
        ({"campaign_name": "a\nb"}, "campaign_name", INVALID),
        ({"campaignName": "a\tb"}, "campaignName", INVALID),
        ({"campaignName": "a", "campaign_name": "b"}, "campaignName", INVALID),
        ({"on_unknown": "secret"}, "on_unknown", INVALID),
        ({"on_unknown": ["hold"]}, "on_unknown", INVALID),
        ({"on_unknown": True}, "on_unknown", INVALID),
        ({"tags": "secret"}, "tags", INVALID),
        ({"tags": {"name": "campaign"}}, "tags", INVALID),
        ({"tags": [5]}, "tags[0]", INVALID),
        ({"tags": [{"name": "a", "value": "b"}, {"name": "a"}]}, "tags[1]", INVALID),
        ({"tags": [{"name": "a", "value": 5}]}, "tags[0]", INVALID),
        ({"tags": [{"name": "campaign", "value": "a\nb"}]}, "tags[0].value", INVALID),
        ({"tags": [{"name": "a", "value": "b"}] * 51}, "tags", INVALID),
        ({"cc": "secret@x.sa"}, "cc", INVALID),
        ({"cc": ["secret@x.sa"]}, "cc", INVALID),
        ({"bcc": "secret@x.sa"}, "bcc", INVALID),
        ({"reply_to": "secret@x.sa"}, "reply_to", INVALID),
        ({"attachments": [{"content": "secret"}]}, "attachments", "invalid_attachment"),
        ({"headers": {"X": "secret"}}, "headers", INVALID),
        ({"template": {"id": "secret"}}, "template", INVALID),
        ({"topic_id": "secret"}, "topic_id", INVALID),
        ({"scheduled_at": NOW + MAX_SCHEDULE_SECONDS + 2}, "scheduled_at", PARAMETER),
        ({"scheduled_at": NOW + 9, "expires_at": NOW + 9}, "expires_at", PARAMETER),
        ({"subjekt": "secret"}, "subjekt", INVALID),
        ({"id": "secret"}, "id", INVALID),
        ({"client": "secret"}, "client", INVALID),
        ({"version": 1}, "version", INVALID),
        ({"secret@example.com": 1}, "?", INVALID),
        ({"secret " * 10: 1}, "?", INVALID),
        ({"": 1}, "?", INVALID),
        ({"\ud800": 1}, "?", INVALID),
        ({"سر": 1}, "?", INVALID),
    ],
)
def test_a_refused_request_names_its_field_and_no_value(
    changes: dict[str, Any], field: str, name: str
) -> None:
    error = refused({**VALID, **changes})
    assert (error.field, error.name) == (field, name)
    assert "secret" not in str(error)
    str(error).encode()


@pytest.mark.parametrize(
    "character",
    "\x00\t\n\r\x1f\x7f\x85\x9f\u2028\u2029\u202d\u202e\ud800\udfff\ufffe\uffff",
)
@pytest.mark.parametrize("field", ["subject", "campaign_name"])
def test_what_one_line_cannot_have(field: str, character: str) -> None:
    error = refused({**VALID, field: f"abc{character}def"})
    assert error.field == field
    assert error.message.endswith("at position 3")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 2}, "version"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": 0}, "version"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"id": "#pause"}, "id"),
        ({"id": "-a"}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "é"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": "x" * 129}, "id"),
        ({"client": ""}, "client"),
        ({"client": " "}, "client"),
        ({"client": 5}, "client"),
        ({"client": "\ud800"}, "client"),
        ({"client": "a\x00"}, "client"),
        ({"client": "x" * 129}, "client"),
        ({"tags": [{"name": "a", "value": "b"}]}, "tags"),
        ({"scheduled_at": NOW}, "scheduled_at"),
        ({"cc": "a@x.sa"}, "cc"),
        ({"attachments": [1]}, "attachments"),
    ],
)
def test_a_refused_message_names_its_field(changes: dict[str, Any], field: str) -> None:
    assert refused({**VALID, **changes}, queue=True).field == field


@pytest.mark.parametrize("changed", ["from", "to", "subject", "html", "campaign_name"])
def test_two_mails_that_differ_have_two_fingerprints(changed: str) -> None:
    other = {"from": "x@acme.sa", "to": "x@x.sa"}.get(changed, "other")
    assert mail_of(VALID).fingerprint != mail_of({**VALID, changed: other}).fingerprint
    assert mail_of(VALID).fingerprint == mail_of(dict(reversed(VALID.items()))).fingerprint


def test_html_and_text_with_the_same_words_are_not_the_same_mail() -> None:
    html, text = mail_of({**NAMED, "html": "x"}), mail_of({**NAMED, "text": "x"})
    assert html.fingerprint != text.fingerprint


def test_a_mail_keeps_its_fingerprint_over_the_queue_and_its_own_times() -> None:
    late = mail_of({**VALID, "expires_at": NOW + 60, "on_unknown": "resend"})
    assert late.fingerprint == mail_of(VALID).fingerprint


def test_an_error_in_a_batch_says_where() -> None:
    error = refused({**VALID, "to": ["a@x.sa", "nora"]}).at(3)
    assert (error.field, str(error)) == ("[3].to[1]", "`[3].to[1]` is not a valid e-mail address")
    assert refused(5).at(0).field == "[0]"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "body"),
        ({}, "scheduled_at"),
        ({"scheduled_at": None}, "scheduled_at"),
        ({"scheduled_at": "soon"}, "scheduled_at"),
        ({"scheduled_at": NOW + MAX_SCHEDULE_SECONDS + 2}, "scheduled_at"),
        ({"scheduled_at": NOW, "subject": "secret"}, "subject"),
        ({"scheduled_at": NOW, "id": "id-2"}, "id"),
        ({"nora@example.com": 1}, "?"),
    ],
)
def test_a_new_time_that_is_none(data: object, field: str) -> None:
    with pytest.raises(MailError) as error:
        read_schedule(data, "id-1", NOW)
    assert error.value.field == field
    assert "secret" not in str(error.value)


def test_a_new_time() -> None:
    at = "2026-11-23T09:00:00Z"
    for repeated in ("id-1", "ID-1"):
        assert read_schedule({"scheduled_at": at, "id": repeated}, "id-1", NOW) == 1_795_424_400
