"""The client raises nothing, whatever Taqnyat answers; and what it sends is what it was given."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st
from taqnyat import BearerToken, Fault, Letter, TaqnyatClient
from taqnyat.transport import Answer

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
DATES = st.one_of(
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.from_regex(r"[A-Z][a-z]{2}, \d{1,5} [A-Z][a-z]{2} \d{1,6} [\d:]{0,9} ([+-]\d{1,6}|GMT)"),
)


class Wire:
    """A transport that always gives the same answer and keeps the last body."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.body = b""

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        keep: object = None,
    ) -> Answer:
        assert (method, path, deadline) in {
            ("POST", "/mailSend.php", 1.0),
            ("GET", "/system/status", 1.0),
        }
        assert (headers is None) == (body is None) == (keep is None)
        self.body = body or b""
        return self.answer


class Secrets:
    def get_secret_value(self, *, SecretId: str) -> Any:  # noqa: N803, ANN401, ARG002
        return {"SecretString": "T1"}


def client_of(wire: Wire) -> TaqnyatClient:
    return TaqnyatClient(wire, BearerToken(Secrets(), "arn", 300))  # type: ignore[arg-type]


@given(value=st.one_of(st.text(max_size=60), DATES, st.integers().map(str)))
def test_any_retry_after_is_seconds_up_to_the_cap_or_nothing(value: str) -> None:
    client = client_of(Wire(Answer(429, b"", 0.1, retry_after=value)))
    wait = client.send(Letter("a@b.sa", ("c@d.sa",), "s", "m", "c"), 1.0).retry_after
    assert wait is None or 0 <= wait <= 900


@given(
    status=st.integers(100, 599),
    body=st.one_of(
        st.binary(max_size=200),
        st.from_regex(r'\{"statusCode": ?(200|"200"|\[\]|\{\}|null), "status": .{0,40}\}').map(
            str.encode
        ),
        st.text(alphabet="{}[]:,\"'nonesrvicatu \n", max_size=60).map(str.encode),
    ),
    fault=st.one_of(st.none(), st.sampled_from(Fault)),
)
def test_any_system_status_is_up_or_down(status: int, body: bytes, fault: Fault | None) -> None:
    up = client_of(Wire(Answer(status, body, 0.1, fault=fault))).system_status(1.0).up
    assert up in {True, False}
    assert not up or (status == 200 and fault is None and b"none" in body.lower())


@given(subject=TEXT, message=TEXT, campaign=TEXT)
def test_the_form_brings_back_what_was_given(subject: str, message: str, campaign: str) -> None:
    wire = Wire(Answer(201, b"", 0.1))
    letter = Letter("a@b.sa", ("c@d.sa", "e@f.sa"), subject, message, campaign)
    client_of(wire).send(letter, 1.0)
    assert wire.body.isascii()
    assert dict(parse_qsl(wire.body.decode(), keep_blank_values=True, strict_parsing=True)) == {
        "bearerTokens": "T1",
        "campaignName": campaign,
        "subject": subject,
        "from": "a@b.sa",
        "to": "c@d.sa,e@f.sa",
        "msg": message,
    }
