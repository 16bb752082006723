"""Validation is total: any JSON is a mail that can go all the way, or a MailError."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outbox.mail.mail import Mail, MailError
from outbox.mail.times import iso
from outbox.mail.validation import MESSAGE_FIELDS, REQUEST_FIELDS, read_mail
from outbox.queues.message import MAX_BODY_BYTES, ReceivedMessage, decode, encode
from outbox.storage.expressions import pack, unpack

NOW = 1_795_420_800.5
FIELDS = sorted(REQUEST_FIELDS | MESSAGE_FIELDS)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Cn"]), max_size=5),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=20)), inner),
    ),
    max_leaves=8,
)
ADDRESSES = st.sampled_from(
    [
        "nora@example.com",
        "Nora <nora@example.com>",
        "متجر <a@مثال.السعودية>",
        "no",
        "a@b,c@d.sa",
        "",
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.text("مرحبا بكم\u200f\u2067\u2069\N{PARTY POPPER}&<>\"'\\\r\n\t", max_size=60),
)
LINES = st.text(
    st.characters(
        exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"], exclude_characters="\u202d\u202e"
    ),
    max_size=60,
).map(lambda text: f"خ{text}")
BODIES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn"], include_characters="\t\r\n\x80\x9f"),
    max_size=200,
).map(lambda text: f"<p>{text}</p>")
TIMES = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.datetimes().map(lambda moment: moment.isoformat() + "+23:59"),
    st.datetimes().map(lambda moment: moment.isoformat() + "-23:59"),
    st.from_regex(
        r"\d{1,5}-?(W?\d{1,2})-?\d{0,2}.\d{0,2}:?\d{0,2}:?[\d.]{0,6}(Z|[+-]\d{2}:?\d{2})?"
    ),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "from": ADDRESSES,
    "to": st.one_of(ADDRESSES, st.lists(ADDRESSES, max_size=3)),
    "subject": TEXTS,
    "html": TEXTS,
    "text": TEXTS,
    "campaign_name": TEXTS,
    "expires_at": TIMES,
    "scheduled_at": TIMES,
    "accepted_at": TIMES,
    "on_unknown": st.sampled_from(["hold", "resend", "drop"]),
    "id": st.from_regex(r"[A-Za-z0-9._:#-]{0,20}"),
    "client": TEXTS,
    "version": st.sampled_from([1, 1.0, 2, True, "1"]),
}
MAILS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {
            "from": st.just("shop@acme.sa"),
            "to": st.just("nora@example.com"),
            "subject": TEXTS,
            "html": TEXTS,
        },
        optional={
            key: st.one_of(value, JSON)
            for key, value in VALUES.items()
            if key not in {"from", "to", "subject", "html"}
        },
    ),
    st.fixed_dictionaries({}, optional=VALUES),
)


def read(data: object, *, queue: bool) -> Mail | MailError:
    """Read a mail at one of the doors; no other error may come."""
    try:
        return read_mail(
            data,
            allowed=MESSAGE_FIELDS if queue else REQUEST_FIELDS,
            now=NOW,
            campaign="transactional",
            mail_id="id-1",
            client=None if queue else "shop",
        )
    except MailError as error:
        return error


@pytest.mark.parametrize("queue", [False, True])
@given(data=MAILS)
def test_any_json_is_a_mail_or_an_error_with_a_field(data: object, *, queue: bool) -> None:
    found = read(data, queue=queue)
    if isinstance(found, MailError):
        assert found.field
        assert found.name.replace("_", "").isalpha()
        str(found).encode()
        assert all(char.isprintable() for char in str(found))
        return
    _can_go_all_the_way(found)


def _can_go_all_the_way(mail: Mail) -> None:
    text = encode(mail)
    assert len(text.encode()) <= MAX_BODY_BYTES
    for value in (mail.letter.subject, mail.letter.message, mail.letter.campaign):
        value.encode()
    for line in (mail.sender, *mail.recipients, mail.subject, mail.campaign):
        assert len(line.splitlines()) == 1
    assert "," not in "".join(mail.recipients)
    assert iso(mail.accepted_at).endswith("Z")
    for number in (mail.expires_at, mail.scheduled_at):
        assert number is None or unpack(pack(number)) == number
    assert mail.client is None or mail.client.strip()


def _mail(fields: dict[str, Any]) -> Mail:
    return Mail(**fields)


@given(
    mail=st.fixed_dictionaries(
        {
            "id": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True),
            "sender": st.just("shop@acme.sa"),
            "recipients": st.just(("nora@example.com", "a@xn--mgbh0fb.xn--mgberp4a5d4ar")),
            "subject": LINES,
            "body": BODIES,
            "kind": st.sampled_from(["html", "text"]),
            "campaign": LINES,
            "expires_at": st.one_of(st.none(), st.integers(0, 253402214400)),
            "on_unknown": st.sampled_from([None, "hold", "resend"]),
            "client": st.sampled_from([None, "shop", "متجر"]),
            "accepted_at": st.integers(0, 4 * 253402214400).map(lambda quarters: quarters / 4),
        }
    ).map(_mail)
)
def test_a_mail_comes_out_of_the_queue_as_it_went_in(mail: Mail) -> None:
    received = ReceivedMessage("sqs-id", "handle", encode(mail), {}, 0.0)
    assert received.mail("other", mail.accepted_at) == mail


@given(secret=st.text("abcdefghij", min_size=12, max_size=30), data=st.data())
def test_no_value_is_ever_repeated(secret: str, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(FIELDS))
    shape = data.draw(
        st.sampled_from(["{}", "{}\n", "{}\x00", "{}@", "<{}>", "{}@x.sa\r\nX: y", "{}\ud800"])
    )
    value = shape.format(secret)
    mail = {"from": "a@b.sa", "to": "c@d.sa", "subject": "s", "html": "h"}
    for given_value in (value, [value], [value, 5], {"x": value}, {value: 1}, [[value]]):
        for queue in (False, True):
            found = read({**mail, field: given_value}, queue=queue)
            assert isinstance(found, Mail) or secret not in str(found)
    found = read({**mail, f"{secret}@example.com": 1}, queue=True)
    assert isinstance(found, MailError)
    assert secret not in str(found)


@given(text=st.one_of(st.text(max_size=60), JSON.map(json.dumps)))
def test_any_text_is_json_or_a_mail_error(text: str) -> None:
    with suppress(MailError):
        decode(text)


@given(
    attributes=st.dictionaries(st.sampled_from(["id", "state", "attempt"]), st.text(max_size=12))
)
def test_any_attributes_are_a_re_drive_or_not(attributes: dict[str, str]) -> None:
    number = ReceivedMessage("sqs-id", "handle", "{}", attributes, 0.0).redrive_attempt
    assert number is None or 0 <= number < 10**9
