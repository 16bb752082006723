"""Headers sorted by what they mean: tags, what is kept, the key, replies, and all others."""

from typing import Any

import pytest
from outbox.mail.bookkeeping import Headers, idempotency_key
from outbox.mail.mail import MailError
from outbox.mail.tags import Tag


def sorted_out(value: object) -> dict[str, Any]:
    """Return what is found in a field `headers`, without what is not."""
    found = Headers(value)
    return {name: told for name in Headers.__slots__ if (told := getattr(found, name))}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        ("", {}),
        ("X-A: b", {"others": ["?"]}),
        (["X-A"], {"others": ["?"]}),
        ([{"name": "Idempotency-Key", "value": "k"}], {"key": "k"}),
        ([{"key": "X-Tag", "value": "a"}], {"tags": [Tag("headers.X-Tag", "tag", "a")]}),
        (
            [{"name": "List-Id", "value": "x"}, {"X-Tag": "a"}, {"name": 5, "value": "x"}],
            {"others": ["List-Id", "?", "?"]},
        ),
        ([{"name": "List-Id", "value": ""}, {"name": "Cc"}, {}], {}),
        ([{"name": "Bcc", "content": "a@acme.sa"}], {"others": ["Bcc"]}),
        ([{"name": "X-Tag", "key": "Bcc", "value": "a"}], {"others": ["X-Tag"]}),
        (
            [{"name": "X-Tag", "value": "a", "note": None}],
            {"tags": [Tag("headers.X-Tag", "tag", "a")]},
        ),
        (
            {"X-Entity-Ref-ID": "7"},
            {"kept": [Tag("headers.X-Entity-Ref-ID", "X-Entity-Ref-ID", "7")]},
        ),
        ({"Priority": 1}, {"kept": [Tag("headers.Priority", "Priority", "1")]}),
        ({"importance": 1.5}, {"kept": [Tag("headers.importance", "importance", "1.5")]}),
        ({"Idempotency-Key": "k"}, {"key": "k"}),
        ({"RESEND-idempotency-key": "k"}, {"key": "k"}),
        ({"X-Idempotency-Key": "=?utf-8?q?k=31?="}, {"key": "k1"}),
        ({"X-Idempotency-Key": "=?none?q?k?="}, {"key": "=?none?q?k?="}),
        ({"Reply-To": "a@acme.sa"}, {"replies": ["a@acme.sa"]}),
        ({"reply-to": [1, "b"]}, {"replies": [1, "b"]}),
        ({"MIME-Version": "1.0", "Content-Transfer-Encoding": {}}, {}),
        ({"MIME-Version": {"a": 1}}, {}),
        ({"List-Unsubscribe": "x"}, {"others": ["List-Unsubscribe"]}),
        ({"a secret": "x", "List-Id": {"a": 1}}, {"others": ["?", "List-Id"]}),
        ({"List-Id": "", "Cc": None, "Bcc": []}, {}),
        (
            {"X-Tags": '["a", "b"]'},
            {"tags": [Tag("headers.X-Tags", "tag", "a"), Tag("headers.X-Tags", "tag", "b")]},
        ),
        ({"X-Tags": "a, b"}, {"tags": [Tag("headers.X-Tags", "tag", "a, b")]}),
        ({"X-Tags": "5"}, {"tags": [Tag("headers.X-Tags", "tag", "5")]}),
        (
            {"x-metadata": '{"a": "ب", "n": 1, "none": null, "deep": ["ب"]}'},
            {
                "tags": [
                    Tag("headers.x-metadata", "a", "ب"),
                    Tag("headers.x-metadata", "n", "1"),
                    Tag("headers.x-metadata", "none", ""),
                    Tag("headers.x-metadata", "deep", '["ب"]'),
                ]
            },
        ),
        ({"X-Metadata-user": "7"}, {"tags": [Tag("headers.X-Metadata", "user", "7")]}),
        ({"X-Metadata-user": {"a": 1}}, {"others": ["X-Metadata"]}),
    ],
)
def test_a_header_goes_where_its_meaning_is(given: object, found: dict[str, Any]) -> None:
    assert sorted_out(given) == found


def test_a_key_has_its_longest() -> None:
    assert idempotency_key({"headers": {"Idempotency-Key": "kkk"}}, 3) == "kkk"
    assert idempotency_key({"headers": {}}, 3) is None
    assert idempotency_key({}, 3) is None
    assert idempotency_key("none", 3) is None
    with pytest.raises(MailError) as error:
        idempotency_key({"headers": {"Idempotency-Key": "kkkk"}}, 3)
    assert str(error.value) == "`headers` has an idempotency key of more than 3 characters"
