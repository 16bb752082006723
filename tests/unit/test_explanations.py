"""Every reason that a mail or a pause can have is explained, in two languages and our own words."""

import re
from pathlib import Path

import pytest
from outbox.sending import policy
from taqnyat import classification, client, credentials
from taqnyat.explanations import EXPLANATIONS, Text, explain

from local.simulator import guide

OWN = {
    "expired",
    "retry_window_ended",
    "worker_died",
    policy.REFUSED_ALONE,
    "invalid",
    "no_record",
    client.ANSWER_OF_ANOTHER,
}


def reasons() -> set[str]:
    """Return the reasons of the tables, of the token's errors, and of the outbox."""
    rules = [
        *classification.CODES.values(),
        *classification.STATUSES.values(),
        *classification._FAMILIES.values(),  # noqa: SLF001 - all of the table
        *classification._FAULTS.values(),  # noqa: SLF001
        classification._UNKNOWN_CODE,  # noqa: SLF001
        classification._UNREADABLE,  # noqa: SLF001
    ]
    errors = [
        error
        for error in vars(credentials).values()
        if isinstance(error, type) and issubclass(error, credentials.CredentialsError)
    ]
    return {rule[2] for rule in rules} | {error.reason for error in errors} | OWN


def test_every_reason_is_explained_and_none_beside() -> None:
    assert set(EXPLANATIONS) == reasons()


def test_the_outbox_has_no_other_reasons() -> None:
    source = Path(policy.__file__).read_text("utf-8")
    named = set(re.findall(r'"reason": "(\w+)"|Scope\.\w+, "(\w+)"', source))

    assert {name for pair in named for name in pair if name} <= OWN


@pytest.mark.parametrize("reason", sorted(EXPLANATIONS))
def test_both_languages_say_something(reason: str) -> None:
    known = explain(reason)

    assert known is not None
    for text in (known.meaning, known.remedy):
        assert text.en.isascii()
        assert text.en.endswith(".")
        assert re.search("[\u0600-\u06ff]", text.ar)
        assert text.ar.endswith(".")


def test_a_reason_may_name_a_field() -> None:
    assert explain("invalid:to[0]") == explain("invalid")
    assert explain("moving house") is None


def test_where_the_guide_is_wrong_we_are_not() -> None:
    assert "Bearer" in guide.failure(101)  # its English text is 104's
    disabled = EXPLANATIONS["api_disabled"]
    assert "token" not in disabled.meaning.en.lower()
    assert "switched off" in disabled.meaning.en
    assert EXPLANATIONS["balance_too_low"].meaning != EXPLANATIONS["balance_empty"].meaning
    assert "approval" in EXPLANATIONS["sender_refused"].meaning.en


def test_no_text_is_the_guide_s() -> None:
    texts: list[Text] = [
        text for entry in EXPLANATIONS.values() for text in (entry.meaning, entry.remedy)
    ]
    for code in classification.CODES:
        said = guide.failure(code)
        assert not any(text.en in said or text.ar in said for text in texts)
