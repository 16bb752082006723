"""What of an answer is kept, and how it is held beside what is expected."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from taqnyat.classification import classify
from taqnyat.envelope import read

from local.simulator import guide
from local.simulator.account import NEVER_APPROVED
from ops.errors import OpsError
from ops.verification import calls, document, given, mailbox
from ops.verification.document import Document, ReportFile, load
from ops.verification.mailbox import KEYS, Person, letter, looks, second_address, surprises
from ops.verification.seen import Seen, differences
from ops.verification.shape import OTHER, Form, Kind, shape, words_of

ME = Person("shop@acme.sa", "nora.alharbi@mailbox.sa", "nora.alharbi+2@mailbox.sa")
TOKEN = "t0ken-of-the-account"
PRIVATE = words_of(TOKEN, ME.sender, ME.first, ME.second)


def seen(call: str, status: int, body: bytes) -> Seen:
    """Return what is noted of an answer."""
    outcome = classify(status, body)
    said = read(body)
    return Seen(
        call=call,
        could_send=call in {mail.name for mail in calls.MAILS},
        reason=outcome.reason,
        verdict=outcome.verdict,
        scope=outcome.scope,
        status=status,
        code=said.code,
        result=said.result,
        shape=shape(body, PRIVATE),
    )


@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        (calls.WRONG_TOKEN, 400, guide.failure(104)),
        (calls.NO_RECIPIENT, 400, guide.failure(15)),
        (calls.NO_RECIPIENT_JSON, 400, guide.failure_json(15)),
        (calls.EMPTY_SUBJECT, 400, guide.failure(16)),
        (calls.UNAPPROVED_SENDER, 400, guide.failure(14)),
        (calls.ONE_INVALID_RECIPIENT, 400, guide.failure_json(15)),
        (calls.HTML_TWO_RECIPIENTS, 201, guide.success(202, "2")),
        (calls.TEXT_JSON, 201, guide.success_json(202, "2")),
        (calls.WRONG_METHOD, 405, guide.SAMPLES["method_not_allowed"].body),
    ],
)
def test_the_guide_s_answers_are_what_is_expected(call: str, status: int, body: str) -> None:
    assert list(differences(seen(call, status, body.encode()))) == []


@pytest.mark.parametrize("sample", guide.SAMPLES.values(), ids=lambda sample: sample.name)
def test_each_sample_of_the_guide_is_read_although_it_is_not_json(sample: guide.Sample) -> None:
    found = shape(sample.body.encode(), ())

    assert found.form is (Form.JSON if sample.name == "method_not_allowed" else Form.NEARLY_JSON)
    names = set(found.kinds())
    if "ErrorCode" in sample.body:
        assert names == set(calls.HARMLESS[4].expected.fields)  # type: ignore[union-attr]
    elif "msgId" in sample.body:
        assert names == set(calls.MAILS[2].expected.fields)  # type: ignore[union-attr]
    else:
        assert "statusCode" in names


def test_types_and_lengths_are_kept() -> None:
    body: dict[str, Any] = {
        "a": None,
        "b": True,
        "c": 12,
        "d": "x y",
        "e": "2.50",
        "f": "31-12-2027",
        "g": [{}],
    }

    found = shape(json.dumps(body).encode(), ())

    assert [(field.name, field.kind, field.length) for field in found.fields] == [
        ("a", Kind.NULL, 0),
        ("b", Kind.BOOLEAN, 0),
        ("c", Kind.NUMBER, 2),
        ("d", Kind.STRING, 3),
        ("e", Kind.NUMBER_STRING, 4),
        ("f", Kind.DATE_STRING, 10),
        ("g", Kind.ARRAY, 1),
        ("g.[]", Kind.OBJECT, 0),
    ]


@pytest.mark.parametrize(
    "name",
    [
        *(TOKEN, ME.first, "alharbi", "Alharbi_state", "nora", "mailbox", "shop", "acme_sent"),
        *("10.0.0.1", "id4711", "9f8b7c6d5e4f", "a" * 41, "سلام", "to <b>", "", "a\nb", "202"),
    ],
)
def test_a_name_that_is_nobody_else_s_is_not_kept(name: str) -> None:
    for body in (json.dumps({name: 1}), f'{{"{name}":1,}}', json.dumps({"Data": {name: {"x": 1}}})):
        found = shape(body.encode(), PRIVATE)
        names = {part for field in found.fields for part in field.name.split(".")}
        assert names <= {OTHER, "Data", "x"}


def test_of_the_guide_s_names_all_are_kept_whatever_the_person_is_called() -> None:
    private = words_of("data@status.sa", "message@error.sa", "price")

    found = shape(guide.success_json(1, "1").encode(), private)

    assert OTHER not in "".join(field.name for field in found.fields)


@pytest.mark.parametrize(
    ("body", "form"),
    [(b"", Form.EMPTY), (b" \n", Form.EMPTY), (b"<html>", Form.HTML), (b"Invalid", Form.TEXT)],
)
def test_what_is_no_json_has_no_fields(body: bytes, form: Form) -> None:
    assert (shape(body, ()).form, shape(body, ()).fields) == (form, ())


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"a":' * 9_000, b'{"\\"' * 20_000, b"{" + b'"' * 60_000, b"\xff{\x00", b"{}"],
)
def test_nothing_that_is_answered_breaks_or_holds_up_the_reading(body: bytes) -> None:
    assert len(shape(body, ()).fields) <= 60


def test_random_bytes_are_read_too() -> None:
    draw = random.Random(7)  # noqa: S311  a test's own
    for _ in range(300):
        body = b"{" + bytes(draw.choices(b'{}[]",:a1\\ \n', k=40))
        shape(body, ())


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, guide.failure(15), ["status: 400 expected, 200 answered"]),
        (
            400,
            guide.failure(99),
            [
                "classification: recipients_refused expected, unknown_code found",
                "code: 15 expected, 99 answered",
            ],
        ),
        (
            400,
            guide.failure_json(15).replace("MessageEn", "Text"),
            ["field Error.MessageEn: missing", "field Error.Text: new (string)"],
        ),
        (
            400,
            guide.failure_json(15).replace(": 15,", ': "15",'),
            ["field Error.ErrorCode: number expected, number_string answered"],
        ),
        (
            400,
            "<html>no</html>",
            [
                "classification: recipients_refused expected, unknown_code found",
                "code: 15 expected, none answered",
                "body: JSON expected, html answered",
            ],
        ),
    ],
)
def test_each_difference_is_named(status: int, body: str, said: list[str]) -> None:
    assert list(differences(seen(calls.NO_RECIPIENT, status, body.encode()))) == said


def test_of_one_reason_the_scope_is_named() -> None:
    [line, *_] = differences(seen(calls.WRONG_TOKEN, 401, b"<html>no</html>"))

    assert line == (
        "classification: token_refused (account) expected, token_refused (account_or_mail) found"
    )


def test_a_difference_of_a_mail_says_what_the_gateway_would_do() -> None:
    body = guide.failure(104).encode()

    [line, *_] = differences(seen(calls.ONE_INVALID_RECIPIENT, 400, body))

    assert line.endswith("token_refused found: the gateway pauses all sending")


def test_of_a_name_in_from_nothing_is_expected() -> None:
    assert not list(differences(seen(calls.NO_RECIPIENT_NAMED, 400, guide.failure(14).encode())))


def test_every_mail_goes_to_the_person_alone() -> None:
    own = {ME.first, ME.second, calls.NOT_AN_ADDRESS}

    for mail in calls.MAILS:
        made = letter(mail.name, ME, named=True)
        assert set(made.recipients) <= own
        assert ME.first in made.recipients
    assert not mailbox.letter_to_nobody(ME.sender).recipients


def test_the_second_address_is_of_the_same_mailbox() -> None:
    assert second_address("nora@x.sa") == "nora+2@x.sa"
    assert given.person_of("Shop <shop@acme.sa>", ("nora@x.sa",)).second == "nora+2@x.sa"
    assert given.person_of("shop@acme.sa", ("nora@x.sa", "n@y.sa")).second == "n@y.sa"


@pytest.mark.parametrize(
    ("recipients", "said"),
    [
        (("nobody",), "--to is not a valid"),
        (("a@x.sa", "A@x.sa"), "same address twice"),
        (("a@x.sa", "b@x.sa", "c@x.sa"), "more than twice"),
    ],
)
def test_addresses_that_are_none_are_told_without_them(
    recipients: tuple[str, ...], said: str
) -> None:
    with pytest.raises(OpsError, match=said) as error:
        given.person_of("shop@acme.sa", recipients)

    assert recipients[0] not in f"{error.value}{error.value.remedy}"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://api.taqnyat.sa",
            "https://user:secret@api.taqnyat.sa",
            "https://a?b=c",
            "ftp://a",
        ),
        *("http://127.0.0.1.evil.sa", "http://localhost@evil.sa", "", "https://a#b", "https://a b"),
    ],
)
def test_a_token_goes_by_tls_or_stays_on_this_machine(url: str) -> None:
    if not url:
        assert given.url_of(url, None) == "https://api.taqnyat.sa"
        return
    with pytest.raises(OpsError, match="--url") as error:
        given.url_of(url, None)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (None, "https://api.taqnyat.sa"),
        ("https://proxy.acme.sa/taqnyat/", "https://proxy.acme.sa/taqnyat"),
        ("http://127.0.0.1:9028", "http://127.0.0.1:9028"),
        ("http://[::1]:9028/", "http://[::1]:9028"),
    ],
)
def test_a_url_that_is_one(url: str | None, base: str) -> None:
    assert given.url_of(url, None) == base


def test_the_simulator_never_approves_the_sender_that_must_not_be() -> None:
    assert calls.NOT_APPROVED == NEVER_APPROVED


def test_what_to_look_for_follows_what_was_answered() -> None:
    both = [
        seen(calls.HTML_TWO_RECIPIENTS, 201, guide.success(1, "1").encode()),
        seen(calls.ONE_INVALID_RECIPIENT, 400, guide.failure(15).encode()),
    ]

    asked = {look.key: look.expected for look in looks(both)}

    assert asked == {
        "html_two_recipients_arrived": True,
        "second_address_got_it": None,
        "recipients_see_each_other": None,
        "arabic_is_whole": None,
        "one_invalid_recipient_arrived": False,
    }
    assert asked.keys() <= KEYS
    assert list(surprises(both, dict.fromkeys(asked))) == []
    assert list(surprises(both, asked)) == []
    [line] = surprises(both, {**asked, "one_invalid_recipient_arrived": True})
    assert "code 15 does not mean that the mail went to nobody" in line


def report(folder: Path, **changes: Any) -> Path:
    """Write a report and return its path."""
    one = seen(calls.NO_RECIPIENT, 400, guide.failure(15).encode())
    values: dict[str, Any] = {"allowed": 5, "made": 0, "ended": document.COMPLETE, "seen": [one]}
    path = folder / "r.json"
    ReportFile(path).write(Document(**{**values, "mailbox": {"lines_are_kept": True}, **changes}))
    return path


def test_a_report_is_read_again_as_it_was(tmp_path: Path) -> None:
    path = report(tmp_path)
    before = path.read_text("utf-8")

    ReportFile(path).write(load(path))

    assert path.read_text("utf-8") == before


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "no", '{"made_by": "taqnyat-mail verify", "format": 2}', "[" * 50_000, "\x00"],
)
def test_what_is_no_report_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)

    with pytest.raises(OpsError, match="no report of `verify`"):
        load(tmp_path / "r.json")


def test_nothing_else_is_written_over(tmp_path: Path) -> None:
    other = tmp_path / "customers.csv"
    other.write_text("to\nnora@example.com\n")

    with pytest.raises(OpsError, match="no report"):
        ReportFile(other)
    with pytest.raises(OpsError, match="cannot be written there"):
        ReportFile(tmp_path / "no" / "r.json")
    assert [path.name for path in tmp_path.iterdir()] == ["customers.csv"]
