"""What is read of an answer's body, whatever its shape."""

import html
import json

import pytest
from taqnyat import Verdict, classify, envelope
from taqnyat.envelope import Envelope

ECHOED = '{"ResponseStatus":"fail","Error":{"ErrorCode":2}}'
TRAILING = b',}\n"Error":null,\n}'


def whole(**fields: object) -> bytes:
    """Make a success in valid JSON whose Data has these fields."""
    return json.dumps({"ResponseStatus": "success", "Data": fields, "Error": None}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"ResponseStatus":"fail","Data":null,"Error":{"ErrorCode":104}}',
        b'{"responsestatus":"FAIL","error":{"errorcode":"104"}}',
        b'{"ResponseStatus":"fail","Error":{"ErrorCode":104.0}}',
        b'{"ResponseStatus":" fail ","Error":{"ErrorCode":" 104 "}}',
        b'{"ResponseStatus":"fail","ErrorCode":104}',
        '{"ResponseStatus":"fail","Error":{"ErrorCode":"١٠٤"}}'.encode(),
        b'\xef\xbb\xbf{"ResponseStatus":"fail","Error":{"ErrorCode":104}}',
        b"{ResponseStatus: 'fail', Error: {ErrorCode: 104}}",
        b'{"ResponseStatus":"fail","Error":{"ErrorCode":"104",}}',
        b'{"ResponseStatus" : "fail" , "Error" : { "ErrorCode" : 104 , } }',
        b'{"ResponseStatus":"fail","Error":{"ErrorCode":104"}}',
        b'<pre>\xff{"ResponseStatus":"fail","Error":{"ErrorCode":104,"MessageAr":"\xc3\x28"}}</pre>',
        b'[{"ResponseStatus":"fail","Error":{"ErrorCode":104}}]',
        b'{"result":{"ResponseStatus":"fail","Error":{"ErrorCode":104}}}',
        b'{"ResponseStatus":"fail","Error":[{"ErrorCode":104}]}',
        b'{"ResponseStatus":"fail","Error":{"detail":{"ErrorCode":104}}}',
        b'{"ResponseStatus":"fail","Errors":[{"ErrorCode":104},{"ErrorCode":"104"}]}',
        b'{"ResponseStatus":"fail","Data":{"ErrorCode":104}}',
        b'"{\\"ResponseStatus\\":\\"fail\\",\\"Error\\":{\\"ErrorCode\\":104}}"',
        b'[{"ResponseStatus":"fail","Error":{"ErrorCode":104}}]' * 2,
        json.dumps(json.dumps('{"ResponseStatus":"fail","Error":{"ErrorCode":104}}')).encode(),
        json.dumps({"code": 400, "body": '{"ResponseStatus":"fail","ErrorCode":104}'}).encode(),
        b'<pre>{"ResponseStatus":"fail","Error":{"ErrorCode":104}}</pre>'.replace(b'"', b"&quot;"),
        b'{"ResponseStatus":"fail","Error":{"ErrorCode":104}}'.replace(b'"', b"&#34;"),
        '{"ResponseStatus":"fail","Error":{"ErrorCode":104,"MessageAr":"خطأ"}}'.encode("utf-16"),
        b'{"ResponseStatus":"fail","Error":{"ErrorCode":104}}'.decode().encode("utf-16-be"),
    ],
)
def test_a_failure_is_read_in_every_shape(body: bytes) -> None:
    assert envelope.read(body) == Envelope(result="fail", code=104, error=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"ErrorCode: 104"',
        b"\x00" * 100,
        b"{" * 60_000,
        b"[" * 60_000,
        b"9" * 60_000,
        b'{"ErrorCode":104',
        b'{"ErrorCode":"104',
        b'{"ErrorCode":10',
        b'{"ErrorCode":1,"ErrorCode":2,}',
        b'{"ErrorCode":1234567890,}',
        b'{"XErrorCode":104,}',
        b'{"ErrorCode":1.5,}',
        "{ErrorCode: ١٠٤,}".encode(),
        b'{"log":"ResponseStatus: fail, ErrorCode: 104"}',
        b"&#" + b"1" * 60_000,
        b"{&#" + b"1" * 60_000 + b"}",
        # Error pages that repeat the request, in which the mail's own text is such an answer.
        json.dumps({"error": "x", "input": {"subject": "s", "msg": ECHOED}}).encode(),
        json.dumps({"Subject": ECHOED, "bearerTokens": "t"}).encode(),
        f"<h1>Error</h1><td>subject</td><td>{html.escape(ECHOED)}</td>".encode(),
        f"<pre>{html.escape(ECHOED)}</pre> is not valid".encode(),
    ],
)
def test_what_cannot_be_trusted_says_nothing(body: bytes) -> None:
    assert envelope.read(body).code is None
    assert envelope.read(body).result is None


@pytest.mark.parametrize(
    "body",
    [
        b"[%s]",
        b'{"result":%s}',
        b'[[{"answers":[%s]}]]',
        b"[%s,%s]",
    ],
)
def test_a_success_is_read_in_every_shape(body: bytes) -> None:
    inner = whole(msgId=202, price="0.05")
    read = envelope.read(body.replace(b"%s", inner))
    assert read == Envelope(result="success", msg_id="202", price="0.05")
    assert envelope.read(whole().replace(b"{}", b'[{"msgId":202}]')).msg_id == "202"


def test_data_may_be_a_list_with_an_id_for_each_recipient() -> None:
    ids = [{"msgId": 202}, {"msgId": 203}]
    read = envelope.read(whole().replace(b"{}", json.dumps(ids).encode()))
    assert read == Envelope(result="success", msg_id="202")
    for other in ({"msgId": None}, {}, {"ErrorCode": 15}, 203):
        body = whole().replace(b"{}", json.dumps([ids[0], other]).encode())
        assert classify(201, body).verdict is Verdict.UNKNOWN


def test_the_outer_envelope_counts() -> None:
    inner = {"ResponseStatus": "fail", "Error": {"ErrorCode": 2}}
    read = envelope.read(whole(msgId=202, detail=inner))
    assert (read.result, read.msg_id, read.mixed) == ("success", "202", False)


FAIL_2 = b'{"ResponseStatus":"fail","Error":{"ErrorCode":2}}'


@pytest.mark.parametrize(
    "body",
    [
        whole(msgId=202) + FAIL_2,
        FAIL_2 + b"\n" + whole(msgId=202),
        b"[" + whole(msgId=202) + b"," + FAIL_2 + b"]",
        b'{"a":' + FAIL_2 + b',"b":' + whole(msgId=202) + b"}",
        whole(msgId=202)[:-1] + b"," + FAIL_2[1:],
        whole(msgId=202)[:-1] + b"," + FAIL_2[1:].lower(),
    ],
)
def test_two_answers_in_one_body_are_mixed(body: bytes) -> None:
    """The first mail or recipient may have been sent, whatever the code of the second says."""
    assert envelope.read(body).mixed
    for status in (200, 400, 503):
        assert classify(status, body).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("given", "msg_id"),
    [
        (202, "202"),
        ("202", "202"),
        ("aB-9_x.1", "aB-9_x.1"),
        ("6f0d1f5e-8c5b-4d55-9a39-0b8d7f1f4c11", "6f0d1f5e-8c5b-4d55-9a39-0b8d7f1f4c11"),
        (0, "0"),
        (None, None),
        (True, None),
        ("", None),
        ("none", None),
        ("7 7", None),
        ("1" * 128, "1" * 128),
        ("1" * 129, None),
        ("<20261126.1@taqnyat.sa>", "<20261126.1@taqnyat.sa>"),
        ("urn:mail:7", "urn:mail:7"),
        ("aGVsbG8x+/==", "aGVsbG8x+/=="),
        ([1], None),
    ],
)
def test_the_id_is_kept_as_it_is(given: object, msg_id: str | None) -> None:
    body = whole(msgId=given)
    assert envelope.read(body).msg_id == msg_id
    assert envelope.read(body[:-1] + b",}").msg_id == msg_id


@pytest.mark.parametrize(
    ("given", "price"),
    [
        ("0", "0"),
        ("0.05", "0.05"),
        (0.05, "0.05"),
        (3, "3"),
        ("1,200.50", None),
        ("-1", None),
        ("1e3", None),
        ("free", None),
        (None, None),
    ],
)
def test_a_price_is_a_plain_amount_or_none(given: object, price: str | None) -> None:
    body = whole(msgId=1, price=given)
    assert envelope.read(body).price == price
    assert envelope.read(body[:-1] + b",}").price == price


def test_an_id_and_a_price_beside_the_data_are_read_too() -> None:
    read = envelope.read(b'{"ResponseStatus":"success","msgId":202,"price":"0.05"}')
    assert (read.msg_id, read.price) == ("202", "0.05")


def test_a_whole_number_needs_no_fraction() -> None:
    read = envelope.read(whole(msgId=202.0, price=2.0))
    assert (read.msg_id, read.price) == ("202", "2")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("this ip 10.0.0.1 Not authorized", "10.0.0.1"),
        ("هذا الاي بي 192.0.2.7 غير مصرح", "192.0.2.7"),
        ("this ip 192.0.2.7.", "192.0.2.7"),
        ("this ip 2001:db8::1 is refused", "2001:db8::1"),
        ("(::1)", "::1"),
        ("at 10:20:30, 203.0.113.9 was refused", "203.0.113.9"),
        ("version 1.2.3, 999.1.1.1, 10.0.0.1", "10.0.0.1"),
        ("nothing here", None),
        ("", None),
    ],
)
def test_the_first_ip_address(text: str, found: str | None) -> None:
    assert envelope.ip_address(text.encode()) == found
    assert envelope.ip_address(b"\xff " + text.encode()) == found
