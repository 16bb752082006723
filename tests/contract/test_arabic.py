"""The Arabic README has what the English one has, and its codes are those of the API."""

import re

from taqnyat.classification import CODES

from tests.arabic import README, codes, written

ENGLISH = README.with_name("README.md")


def test_its_codes_are_as_make_arabic_writes_them() -> None:
    text = README.read_text("utf-8")

    assert written(text) == text
    assert codes() in text
    assert all(f"\n| {code} | " in text for code in CODES)


def test_it_is_linked_from_the_top_and_shows_the_two_commands_first() -> None:
    english, arabic = ENGLISH.read_text("utf-8"), README.read_text("utf-8")

    assert "(README.ar.md)" in english[:80]
    for text in (english, arabic):
        assert re.findall(r"```sh\n(make \w+).*\n(make \w+)", text)[0] == ("make run", "make test")


def test_arabic_is_right_to_left_and_commands_are_not() -> None:
    text = README.read_text("utf-8")
    parts = re.split(r'<div dir="rtl" lang="ar">|</div>', text)

    assert all("```" not in part for part in parts[1::2])
    assert all(
        not re.search(r"[\u0600-\u06ff]{3}", re.sub(r"```.*?```", "", part, flags=re.DOTALL))
        for part in parts[::2]
    )
