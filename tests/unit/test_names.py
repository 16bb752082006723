"""A wrong name of a field: the error says which field is meant, and guesses none."""

import pytest
from outbox.mail.names import meant, unknown
from outbox.mail.validation import REQUEST_FIELDS


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("replyTo", "reply_to"),
        ("Reply-To", "reply_to"),
        ("TO", "to"),
        ("sendAt", "scheduled_at"),
        ("body_html", "html"),
        ("campaign", "campaign_name"),
        ("recipients", "to"),
    ],
)
def test_a_wrong_name_finds_its_field(wrong: str, right: str) -> None:
    assert meant(wrong, REQUEST_FIELDS) == right
    assert unknown(wrong, REQUEST_FIELDS) == f"is not a known field; `{right}` is meant"


@pytest.mark.parametrize("wrong", ["colour", "", "_", "xxxx"])
def test_what_means_no_field_is_only_unknown(wrong: str) -> None:
    assert meant(wrong, REQUEST_FIELDS) is None
    assert unknown(wrong, REQUEST_FIELDS) == "is not a known field"


def test_a_field_that_is_not_allowed_here_is_not_offered() -> None:
    assert meant("sendAt", {"from", "to"}) is None


@pytest.mark.parametrize("key", ["idempotency_key", "idempotencyKey", "Idempotency-Key"])
def test_an_idempotency_key_is_a_header(key: str) -> None:
    assert unknown(key, REQUEST_FIELDS) == (
        "is not a known field; an idempotency key is the header `Idempotency-Key`"
    )
