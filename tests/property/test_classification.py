"""Classification is total, and never makes more of a body than it says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taqnyat import Fault, Outcome, Scope, Verdict, classify, envelope
from taqnyat.classification import CODES

STATUSES = st.one_of(st.none(), st.integers(), st.integers(100, 599))
FAULTS = st.one_of(st.none(), st.sampled_from(Fault))
PIECES = st.sampled_from(
    [
        b'"ResponseStatus":"success"',
        b'"ResponseStatus":"fail"',
        b"ResponseStatus",
        b'"Data":',
        b'{"msgId":202,',
        b'"msgId":',
        b"null",
        b'"price":"0.5"',
        b'"Error":',
        b'{"ErrorCode":104}',
        b"ErrorCode: 2",
        b"ErrorCode",
        b":",
        b",",
        b'"',
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
        b" ",
        b"\n",
        b"1",
        b"\xff",
        "خطأ".encode(),
    ]
)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.lists(PIECES, max_size=20).map(b"".join),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["ResponseStatus", "Data", "Error", "ErrorCode", "msgId", "price"]),
                inner,
                max_size=6,
            ),
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
# In the guide's order: the result comes first.
ENVELOPES = st.fixed_dictionaries(
    {"ResponseStatus": st.sampled_from(["success", "fail", "Success", "FAIL"])},
    optional={
        "Data": st.one_of(st.none(), st.fixed_dictionaries({"msgId": st.integers(0, 10**9)})),
        "Error": st.one_of(st.none(), st.fixed_dictionaries({"ErrorCode": st.integers(0, 999)})),
        "status": st.integers(),
    },
).map(lambda fields: {"ResponseStatus": fields.pop("ResponseStatus"), **fields})


@given(status=STATUSES, body=BODIES, fault=FAULTS)
def test_any_answer_has_one_outcome(status: int | None, body: bytes, fault: Fault | None) -> None:
    outcome = classify(status, body, fault)
    assert outcome == classify(status, body, fault)
    assert outcome.status == status
    assert outcome.verdict in Verdict
    assert outcome.scope in Scope
    assert outcome.reason.replace("_", "").isalpha()
    assert outcome.reason.islower()
    if outcome.verdict is Verdict.SENT:
        _is_a_whole_success(outcome, body)
    else:
        assert (outcome.msg_id, outcome.price) == (None, None)


def _is_a_whole_success(outcome: Outcome, body: bytes) -> None:
    assert 200 <= (outcome.status or 0) < 300
    assert outcome.msg_id
    assert outcome.msg_id.encode() in body
    assert b"success" in body.lower()
    assert outcome.code is None


@given(body=BODIES)
def test_what_is_read_stands_in_the_body(body: bytes) -> None:
    read = envelope.read(body)
    assert read.result in {None, "success", "fail"}
    if read.code is not None:
        assert read.error
    for found in (read.msg_id, read.price):
        assert found is None or found.isascii()
    assert read.price is None or float(read.price) >= 0


@given(status=STATUSES, document=ENVELOPES, fault=FAULTS)
def test_a_failure_is_never_taken_for_sent(
    status: int | None, document: dict[str, Any], fault: Fault | None
) -> None:
    outcome = classify(status, json.dumps(document).encode(), fault)
    error = document.get("Error")
    if document["ResponseStatus"].lower() == "fail":
        assert outcome.verdict is not Verdict.SENT
        if error:
            expected = CODES.get(error["ErrorCode"])
            assert outcome.code == error["ErrorCode"]
            if expected:
                assert (outcome.verdict, outcome.scope, outcome.reason) == expected
    elif error or not document.get("Data"):
        assert outcome.verdict is Verdict.UNKNOWN


@given(document=ENVELOPES, junk=st.text(alphabet="{}[],:\"' \n", max_size=10))
def test_junk_around_a_failure_never_makes_it_sent(document: dict[str, Any], junk: str) -> None:
    body = (junk + json.dumps(document) + junk).encode()
    sent = classify(201, body).verdict is Verdict.SENT
    assert not (sent and document["ResponseStatus"].lower() == "fail")


@pytest.mark.parametrize("status", [200, 201, 400, 500])
@given(document=ENVELOPES, data=st.data())
def test_a_cut_never_changes_what_is_known(
    status: int, document: dict[str, Any], data: st.DataObject
) -> None:
    body = json.dumps(document).encode()
    cut = body[: data.draw(st.integers(0, len(body)), label="cut")]
    whole, part = classify(status, body), classify(status, cut, Fault.CUT)
    assert part.code in {None, whole.code}
    # Cut off before its Error, a success that contradicts itself looks like one that does not.
    if part.verdict is Verdict.SENT and document["ResponseStatus"].lower() == "success":
        assert document["Data"]["msgId"] == int(part.msg_id or -1)
    elif part.verdict is not Verdict.UNKNOWN:
        assert (part.verdict, part.scope, part.reason) == (whole.verdict, whole.scope, whole.reason)
