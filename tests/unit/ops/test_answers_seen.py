"""What `verify` keeps of an answer and how it differs, in the small: types, lengths, sentences."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from taqnyat import Scope, Verdict

from local.simulator import guide
from ops.errors import OpsError
from ops.verification import calls, document, mailbox
from ops.verification.document import Document, ReportFile, load
from ops.verification.mailbox import Person, letter, letter_to_nobody, looks, surprises
from ops.verification.seen import Seen, differences, kept_code, wanted
from ops.verification.shape import OTHER, Field, Form, Kind, Shape, shape, words_of

ME = Person("shop@acme.sa", "nora@mailbox.sa", "nora+2@mailbox.sa")


def fields(body: str, *private: str) -> list[tuple[str, str, int]]:
    """Return the fields that are kept of a body."""
    return [(f.name, f.kind, f.length) for f in shape(body.encode(), words_of(*private)).fields]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        # Read as JSON.
        (
            '{"a": -1.50, "b": 2.0, "c": "-1.5", "d": ""}',
            "a number 4, b number 1, c number_string 4, d string 0",
        ),
        (
            '{"a": false, "b": {"c": [1, 22]}}',
            "a boolean 0, b object 1, b.c array 2, b.c.[] number 1",
        ),
        (
            '{"a": "2027-12-31", "b": " 7 ", "c": "31-12-27"}',
            "a date_string 10, b number_string 3, c string 8",
        ),
        ("[[1]]", "[] array 1, [].[] number 1"),
        # Read as what is nearly JSON.
        ("{\"a\": 12, b: null, 'c': true,}", "a number 2, b null 0, c boolean 0"),
        ('{"a": {"b": [1, "x"],}}', "a object 0, a.b array 0, a.b.[] number 1"),
        ('{"a": "x"", "b": word}', "a string 1, b string 4"),
        ('{"a": 1.5,}', "a number 3"),
        ('{"a": [{"b": 1}, {"b": "x"}],}', "a array 0, a.[] object 0, a.[].b number 1"),
    ],
)
def test_names_types_and_lengths_are_kept(body: str, found: str) -> None:
    assert ", ".join(f"{name} {kind} {length}" for name, kind, length in fields(body)) == found


def test_deep_and_wide_bodies_are_kept_in_part() -> None:
    deep = json.dumps({"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}})
    wide = json.dumps(
        {f"name{'x' * n}": n for n in range(35)} | {f"b{'x' * n}": n for n in range(38)}
    )

    assert fields(deep)[-1][0] == "a.b.c.d.e.f"
    assert fields(deep[:-1] + ",}")[-1][0] == "a.b.c.d.e.f"
    assert len(fields(wide)) == 60
    assert shape(b"{}", ()) == Shape(Form.JSON, 2, ())
    assert shape(b"\xef\xbb\xbf[", ()).form is Form.NEARLY_JSON
    assert shape(b"\xff", ()).size == 1


@pytest.mark.parametrize(
    ("name", "private", "kept"),
    [
        ("error", ("error@x.sa",), True),  # the guide has it
        ("Price", (), True),
        ("nora", ("nora@x.sa",), False),
        ("x_nora_x", ("nora@x.sa",), False),
        ("x_NORA", ("Nora@x.sa",), False),
        ("abc", ("abc@x.sa",), False),  # short: only as a whole
        ("abcd", ("abc@x.sa",), True),
        ("name1", (), True),
        ("name123", (), False),
        ("a" * 40, (), True),
        ("a" * 41, (), False),
        ("a b", (), False),
    ],
)
def test_a_name_is_kept_if_it_is_one(name: str, private: tuple[str, ...], *, kept: bool) -> None:
    assert [found for found, *_ in fields(json.dumps({name: 1}), *private)] == [
        name if kept else OTHER
    ]


def test_the_words_of_what_was_sent_are_whole_and_in_parts() -> None:
    assert words_of("Nora@X.sa", "", "t0-k") == {
        *("nora@x.sa", "nora", "x", "sa"),
        *("t0-k", "t0", "k"),
    }


@pytest.mark.parametrize(
    ("code", "kept"), [(None, None), (-1, None), (0, 0), (9999, 9999), (10_000, None)]
)
def test_a_number_that_is_no_code_is_not_kept(code: int | None, kept: int | None) -> None:
    assert kept_code(code) == kept


def seen(call: str, **changes: Any) -> Seen:
    """Return a call that was answered as expected, but for some changes."""
    expected = calls.CALLS[call].expected
    assert expected is not None
    given: dict[str, Any] = {
        "call": call,
        "could_send": any(mail.name == call for mail in calls.MAILS),
        "reason": expected.reason,
        "verdict": expected.verdict,
        "scope": expected.scope,
        "status": expected.status,
        "code": expected.code,
        "result": "success" if expected.code is None else "fail",
        "shape": Shape(
            Form.JSON, 9, tuple(Field(name, kind, 1) for name, kind in expected.fields.items())
        ),
    }
    return Seen(**given | changes)


PAUSES = "the gateway pauses all sending"


@pytest.mark.parametrize(
    ("call", "changes", "said"),
    [
        (calls.TEXT_JSON, {}, []),
        (calls.TEXT_JSON, {"status": 200}, ["status: 201 expected, 200 answered"]),
        (calls.TEXT_JSON, {"code": 3}, ["code: none expected, 3 answered"]),
        (calls.EMPTY_SUBJECT, {"code": None}, ["code: 16 expected, none answered"]),
        (calls.EMPTY_SUBJECT, {"result": "success"}, ["result: fail expected, success answered"]),
        (calls.TEXT_JSON, {"fault": "timeout"}, ["no whole answer: timeout"]),
        (
            calls.TEXT_JSON,
            {"shape": Shape(Form.TEXT)},
            ["body: JSON expected, text answered"],
        ),
        *(
            (
                calls.TEXT_JSON,
                {"verdict": verdict, "scope": scope, "reason": "x"},
                [f"classification: sent expected, x found: the gateway {does}"],
            )
            for verdict, scope, does in (
                (Verdict.TERMINAL, Scope.MAIL, "fails the mail"),
                (Verdict.UNKNOWN, Scope.PROVIDER, "holds the mail: it may have been sent"),
                (Verdict.SENT, Scope.MAIL, "records it as sent"),
                (Verdict.RETRYABLE, Scope.ACCOUNT, "pauses all sending"),
                (
                    Verdict.RETRYABLE,
                    Scope.EITHER,
                    "tries it later, and pauses when a second mail gets it",
                ),
                (Verdict.RETRYABLE, Scope.RATE, "sends more slowly"),
                (Verdict.RETRYABLE, Scope.PROVIDER, "tries it later"),
                (Verdict.RETRYABLE, Scope.MAIL, "tries it later"),
            )
        ),
        (
            calls.NO_RECIPIENT,
            {"verdict": Verdict.RETRYABLE, "scope": Scope.ACCOUNT, "reason": "x"},
            ["classification: recipients_refused expected, x found"],
        ),
        (
            calls.STATUS,
            {"reason": "affected"},
            ["classification: operational expected, affected found"],
        ),
    ],
)
def test_each_difference_is_a_sentence(call: str, changes: dict[str, Any], said: list[str]) -> None:
    assert list(differences(seen(call, **changes))) == said
    assert seen(call, **changes).summary()["differs"] == said


def test_fields_are_compared_by_type_and_a_text_may_be_any() -> None:
    kinds = dict(calls.CALLS[calls.BALANCE].expected.fields)  # type: ignore[union-attr]
    kinds |= {"currency": Kind.NUMBER_STRING, "accountStatus": Kind.DATE_STRING, "more": Kind.NULL}
    kinds["balance"] = Kind.STRING
    del kinds["statusCode"]
    given = Shape(Form.NEARLY_JSON, 9, tuple(Field(n, k, 1) for n, k in kinds.items()))

    assert list(differences(seen(calls.BALANCE, shape=given))) == [
        "field statusCode: missing",
        "field balance: number_string expected, string answered",
        "field more: new (null)",
    ]


@pytest.mark.parametrize(
    ("changes", "short"),
    [
        ({}, "400, code 16, subject_refused"),
        ({"status": None, "code": None, "reason": "timeout", "fault": "timeout"}, "timeout"),
        ({"code": 0, "fault": "connection_lost"}, "400, code 0, subject_refused, connection_lost"),
    ],
)
def test_an_answer_is_told_in_short(changes: dict[str, Any], short: str) -> None:
    assert seen(calls.EMPTY_SUBJECT, **changes).answered() == short


def test_what_is_expected_is_told_in_short() -> None:
    assert wanted(None) == "not known"
    assert wanted(calls.CALLS[calls.STATUS].expected) == "200, operational"


@pytest.mark.parametrize(
    ("call", "verdict", "may"),
    [
        (calls.TEXT_JSON, Verdict.SENT, True),
        (calls.TEXT_JSON, Verdict.UNKNOWN, True),
        (calls.TEXT_JSON, Verdict.TERMINAL, False),
        (calls.NO_RECIPIENT, Verdict.UNKNOWN, False),
    ],
)
def test_an_unclear_answer_counts_as_sent(call: str, verdict: str, *, may: bool) -> None:
    assert seen(call, verdict=verdict).may_have_been_sent is may


@pytest.mark.parametrize(
    ("name", "number", "subject", "recipients", "sender"),
    [
        (calls.EMPTY_SUBJECT, 1, "", (ME.first,), ME.sender),
        (calls.UNAPPROVED_SENDER, 2, None, (ME.first,), calls.NOT_APPROVED),
        (calls.HTML_TWO_RECIPIENTS, 3, None, (ME.first, ME.second), ME.sender),
        (calls.ONE_INVALID_RECIPIENT, 4, None, (ME.first, calls.NOT_AN_ADDRESS), ME.sender),
        (calls.TEXT_JSON, 5, None, (ME.first,), ME.sender),
    ],
)
def test_each_mail_names_its_number_and_goes_where_it_should(
    name: str, number: int, subject: str | None, recipients: tuple[str, ...], sender: str
) -> None:
    made = letter(name, ME)

    assert (made.recipients, made.sender) == (recipients, sender)
    assert made.campaign == "taqnyat-mail verify"
    assert str(number) in made.message
    arabic = name == calls.HTML_TWO_RECIPIENTS
    usual = f"فحص تقنيات، الرسالة {number}" if arabic else f"Taqnyat check, mail {number}"
    assert made.subject == (usual if subject is None else subject)
    named = letter(name, ME, named=True).sender
    assert named == ("Taqnyat check <shop@acme.sa>" if arabic else sender)
    if name not in {calls.HTML_TWO_RECIPIENTS, calls.TEXT_JSON}:
        assert made.message == f"Mail {number} of taqnyat-mail verify."


def test_a_mail_to_nobody_is_whole_but_for_that() -> None:
    made = letter_to_nobody("a@b.sa")

    assert (made.sender, made.recipients, made.subject) == ("a@b.sa", (), "Taqnyat check")
    assert made.message == "Mail of taqnyat-mail verify without a recipient."
    assert made.campaign == "taqnyat-mail verify"


def test_a_mail_without_a_name_is_not_asked_about_one() -> None:
    asked = [look.key for look in looks([seen(calls.HTML_TWO_RECIPIENTS, named=False)])]
    named = [look.key for look in looks([seen(calls.HTML_TWO_RECIPIENTS, named=True)])]
    unknown = list(looks([seen(calls.TEXT_JSON, verdict=Verdict.UNKNOWN)]))

    assert set(named) - set(asked) == {"name_is_shown"}
    assert [look.expected for look in unknown] == [None, None, None]
    assert list(looks([seen(calls.STATUS)])) == []
    assert all(not re.search("[{}]", look.question) for look in unknown)


def test_what_surprises_is_told_with_what_it_means() -> None:
    refused = seen(calls.UNAPPROVED_SENDER)

    assert list(surprises([refused], {"unapproved_sender_arrived": True})) == [
        (
            "mailbox, unapproved_sender_arrived: a mail that was answered with a refusal arrived: "
            "the gateway says that it was not sent, and whoever sends it again sends it twice"
        )
    ]
    assert list(surprises([refused], {"unapproved_sender_arrived": False})) == []
    assert list(surprises([refused], {"unapproved_sender_arrived": None})) == []
    unknown = seen(calls.TEXT_JSON, verdict=Verdict.UNKNOWN)
    assert list(surprises([unknown], {"text_json_arrived": True})) == []
    assert mailbox.arrived("x") == "x_arrived"


def written(folder: Path) -> Path:
    """Write a report; return its path."""
    path = folder / "r.json"
    one = seen(calls.NO_RECIPIENT, shape=shape(guide.failure(15).encode(), ()))
    values: dict[str, Any] = {"allowed": 5, "made": 1, "ended": document.COMPLETE, "seen": [one]}
    ReportFile(path).write(Document(**values, mailbox={"lines_are_kept": True}, on="2026-11-18"))
    return path


def test_a_report_is_read_whole(tmp_path: Path) -> None:
    path = written(tmp_path)
    given = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(given | {"mailbox": {"lines_are_kept": True, "other": False}}))

    found = load(path)

    assert (found.allowed, found.made, found.ended) == (5, 1, "complete")
    assert (found.mailbox, found.on) == ({"lines_are_kept": True}, "2026-11-18")
    assert found.seen[0] == seen(calls.NO_RECIPIENT, shape=shape(guide.failure(15).encode(), ()))
    assert found.answered({"x": None}).mailbox == {"x": None}
    assert found.summary()["on"] == "2026-11-18"
    assert path.with_name("r.json.tmp").exists() is False


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("made_by", "x"),
        ("format", 2),
        ("calls", [{}]),
        ("calls", 5),
        ("mailbox", None),
        ("calls_that_could_send", {"allowed": "x", "made": 1}),
    ],
)
def test_what_is_no_report_is_told(tmp_path: Path, change: str, value: object) -> None:
    path = written(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {change: value}))

    with pytest.raises(OpsError) as error:
        load(path)

    assert str(error.value) == "this is no report of `verify`, or one of another version"
    assert error.value.remedy == "run `verify` again"


def test_a_report_that_is_too_large_or_gone_is_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text("utf-8") + " " * ((1 << 20) - path.stat().st_size))
    assert load(path).allowed == 5
    path.write_text(path.read_text("utf-8") + " ")

    with pytest.raises(OpsError, match="no report of `verify`"):
        load(path)
    with pytest.raises(OpsError, match=r"^the report cannot be read: No such file or directory"):
        load(tmp_path / "gone.json")


def test_a_report_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path)
    file, found = ReportFile(path), load(path)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OpsError) as error:
        file.write(found)
    assert str(error.value) == "the report could not be written: No space left on device"
    assert error.value.remedy == "look at the disk; what was sent is in your mailbox"
    with pytest.raises(OpsError) as error:
        ReportFile(tmp_path / "no" / "r.json")
    assert str(error.value) == "the report cannot be written there: No such file or directory"
    assert error.value.remedy == "nothing was asked; give --report another place"
    (tmp_path / "x.csv").write_text('"made_by"')
    with pytest.raises(OpsError) as error:
        ReportFile(tmp_path / "x.csv")
    assert str(error.value) == "x.csv is there already, and is no report of `verify`"
    assert error.value.remedy == "give --report another name"
