"""`send`, typed on a whole stack: what is queued, what is waited for, what is refused before."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ops.sending import follow
from tests.unit.ops.cloud import AT, BULK, MAIL, Cloud, lines

WORDS = ("send", "--from", "shop@acme.sa", "--to", "nora@example.com", "--subject", "Hi")
TEXT = ("--text", "Salam")
WHERE = "taqnyat-mail (nowhere)"


@pytest.fixture
def settles(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Have the worker settle the mail at so many looks; return how long was slept."""
    slept: list[float] = []

    def prepare(state: str, looks: int = 1) -> list[float]:
        ticks = iter(range(1000))

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == looks:
                for mail in cloud.mailed():
                    cloud.mail(mail["id"], state, client="operator", msg_id="m-9")

        monkeypatch.setattr("ops.commands.send.sending.follow", partial(follow, wait=sleep))
        monkeypatch.setattr("ops.sending.time.monotonic", lambda: float(next(ticks)))
        return slept

    return prepare


def test_a_mail_is_accepted_as_the_api_does_it(cloud: Cloud) -> None:
    code, out, err = cloud.run(*WORDS, *TEXT, "--wait", "0", "--yes")

    [mail] = cloud.mailed(MAIL)
    assert code == 0
    assert lines(err) == [f"accepted as {mail['id']}"]
    assert mail | {"accepted_at": AT} == {
        "version": mail["version"],
        "id": mail["id"],
        "client": "operator",
        "from": "shop@acme.sa",
        "to": ["nora@example.com"],
        "subject": "Hi",
        "text": "Salam",
        "campaign_name": "transactional",
        "accepted_at": AT,
    }
    row = cloud.row(mail["id"])
    assert (row["state"], row["client"], row["to"]) == ("queued", "operator", ["n***@example.com"])
    found = [" ".join(line.split()) for line in lines(out)]
    assert found[:2] == [f"id {mail['id']}", "state queued"]
    assert "campaign transactional" in found


def test_programs_get_the_row(cloud: Cloud) -> None:
    more = ("--campaign-name", "spring", "--priority", "bulk", "--to", "ali@example.com")
    told = cloud.json(*WORDS, *TEXT, *more, "--wait", "0", "--yes")

    [mail] = cloud.mailed(BULK)
    assert cloud.mailed(MAIL) == []
    assert (told["id"], told["state"], told["campaign"]) == (mail["id"], "queued", "spring")
    assert told["to_count"] == 2
    assert mail["to"] == ["nora@example.com", "ali@example.com"]
    assert not told.keys() & {"fingerprint", "claim_token"}


@pytest.mark.parametrize(("state", "code"), [("sent", 0), ("failed", 1), ("unknown", 1)])
def test_its_outcome_is_waited_for(
    cloud: Cloud, settles: Callable[..., list[float]], state: str, code: int
) -> None:
    slept = settles(state, 3)

    told = cloud.json(*WORDS, *TEXT, "--yes", code=code)

    assert (told["state"], told["msg_id"]) == (state, "m-9")
    assert slept == [0.5] * 3


def test_nobody_waits_longer_than_told(cloud: Cloud, settles: Callable[..., list[float]]) -> None:
    slept = settles("sent", 99)

    told = cloud.json(*WORDS, *TEXT, "--wait", "4", "--yes", code=1)

    assert told["state"] == "queued"
    assert slept == [0.5] * 3


def test_a_mail_whose_row_is_gone_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.commands.send.sending.accept", lambda *_: True)

    code, _, err = cloud.run(*WORDS, *TEXT, "--yes")

    assert (code, lines(err)[1:]) == (1, ["Error: the mail has no record", "see `status`"])


def test_sending_is_asked_for(cloud: Cloud) -> None:
    code, out, err = cloud.run(*WORDS, *TEXT, "--to", "ali@example.com")

    assert (code, out) == (1, "")
    assert lines(err) == [
        (
            "Error: not done without an answer to: Send this mail to 2 recipient(s) by "
            "taqnyat-mail (nowhere)?"
        ),
        "add --yes",
    ]
    assert cloud.held() == {}
    assert "nora" not in err


@pytest.mark.parametrize(
    ("words", "typed", "recipients", "text"),
    [
        ((*WORDS[:3], *WORDS[5:], "--to", "-", *TEXT), "a@x.sa b@x.sa\n", ["a@x.sa", "b@x.sa"], ""),
        ((*WORDS[:3], *WORDS[5:], *TEXT), "a@x.sa\nb@x.sa\n", ["a@x.sa"], ""),
        ((*WORDS, "--text", "-"), "one\ntwo\n", ["nora@example.com"], "one\ntwo\n"),
    ],
)
def test_what_others_must_not_see_comes_on_standard_input(
    cloud: Cloud, words: tuple[str, ...], typed: str, recipients: list[str], text: str
) -> None:
    code, _, err = cloud.run(*words, "--wait", "0", "--yes", typed=typed)

    assert code == 0, err
    [mail] = cloud.mailed()
    assert mail["to"] == recipients
    assert mail["text"] == (text or "Salam")


ARABIC = "\u0633\u0644\u0627\u0645"


def test_a_text_from_right_to_left_is_sent_as_html(cloud: Cloud) -> None:
    cloud.json(*WORDS, "--text", ARABIC, "--wait", "0", "--yes")

    [mail] = cloud.mailed()
    assert "text" not in mail
    assert f'<div dir="rtl">{ARABIC}</div>' in mail["html"]


def test_a_page_is_read_from_its_file(cloud: Cloud, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"\ufeff<p>{ARABIC}</p>", "utf-8")

    cloud.json(*WORDS, "--html", str(page), "--wait", "0", "--yes")

    [mail] = cloud.mailed()
    assert mail["html"] == f"<p>{ARABIC}</p>"
    assert "text" not in mail


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "give one of --text and --html"),
        (("--text", "a", "--html", "{page}"), 2, "give one of --text and --html"),
        (("--text", "-", "--to", "-"), 2, "only one of --text and --to can come from standard"),
        (("--html", "{page}"), 1, "Error: the file of --html is not text in UTF-8"),
        (("--text", "a", "--to", "nobody"), 1, "Error: `to[1]` "),
        (("--text", "a", "--wait", "-1"), 2, "--wait"),
        (("--text", "a", "--priority", "urgent"), 2, "--priority"),
    ],
)
def test_what_is_no_mail_is_told_before_anything_is_sent(
    cloud: Cloud, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(b"\xff\xfe<")

    found, _, err = cloud.run(*WORDS, "--yes", *(word.format(page=page) for word in words))

    assert found == code
    assert said in err
    assert cloud.held() == {}


def test_a_page_that_cannot_be_read_is_told(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    page.write_text("x")

    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    code, _, err = cloud.run(*WORDS, "--html", str(page), "--yes")

    assert (code, lines(err)) == (
        1,
        ["Error: the file of --html cannot be read: Permission denied"],
    )


@pytest.mark.parametrize("typed", ["", "\n"])
def test_a_recipient_that_nobody_gives_is_told(cloud: Cloud, typed: str) -> None:
    code, _, err = cloud.run(*WORDS[:3], *WORDS[5:], *TEXT, "--yes", typed=typed)

    assert (code, lines(err)) == (
        1,
        ["Error: To is missing", "give it as an argument, or on standard input"],
    )
    assert json.dumps(cloud.held()) == "{}"
