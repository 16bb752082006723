"""The guide's own bodies, whole and cut at every byte: what they mean for a mail."""

import pytest
from taqnyat import Fault, Verdict, classify
from taqnyat.classification import CODES

from local.simulator import guide
from local.simulator.guide import SAMPLES, Sample

FAILURES = [sample for sample in SAMPLES.values() if sample.error_code is not None]


def code_in(sample: Sample) -> int:
    """Return the code that the body carries: 3's sample carries 2."""
    return 2 if sample.error_code == 3 else sample.error_code or 0


def test_the_success_sample_is_sent() -> None:
    sample = SAMPLES["success"]
    outcome = classify(sample.http_status, sample.body.encode())
    assert (outcome.verdict, outcome.msg_id, outcome.price) == (Verdict.SENT, "202", "0")


@pytest.mark.parametrize("sample", FAILURES, ids=lambda sample: sample.name)
@pytest.mark.parametrize("status", [200, 201, 400, 401, 500])
def test_a_failure_sample_is_what_its_number_says(sample: Sample, status: int) -> None:
    outcome = classify(status, sample.body.encode())
    code = code_in(sample)
    assert outcome.code == code
    assert (outcome.verdict, outcome.scope, outcome.reason) == CODES[code]
    assert outcome.ip == ("10.0.0.1" if code == 102 else None)


@pytest.mark.parametrize("code", guide.CODES)
def test_every_code_of_the_guide_is_known(code: int) -> None:
    for body in (guide.failure(code), guide.failure_json(code)):
        assert classify(400, body.encode()).code == code
        assert code in CODES


def test_a_wrong_method_is_a_wrong_endpoint() -> None:
    sample = SAMPLES["method_not_allowed"]
    assert classify(sample.http_status, sample.body.encode()).reason == "wrong_endpoint"


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.name)
@pytest.mark.parametrize("fault", [None, Fault.CUT, Fault.TIMEOUT])
def test_cut_at_any_byte_it_is_never_a_wrong_code_nor_wrongly_sent(
    sample: Sample, fault: Fault | None
) -> None:
    body = sample.body.encode()
    known = {None} if sample.error_code is None else {None, code_in(sample)}
    for end in range(len(body)):
        outcome = classify(sample.http_status, body[:end], fault)
        assert outcome.code in known
        if outcome.verdict is Verdict.SENT:
            assert (sample.name, outcome.msg_id) == ("success", "202")
            assert outcome.price in {None, "0"}


@pytest.mark.parametrize("price", ["0.05", "12.5", "100"])
def test_a_cut_price_is_no_price(price: str) -> None:
    body = guide.success(202, price).encode()
    prices = {classify(201, body[:end], Fault.CUT).price for end in range(len(body) + 1)}
    assert prices == {None, price}


@pytest.mark.parametrize("msg_id", [7, 202, 1234567])
def test_a_cut_id_is_no_id(msg_id: int) -> None:
    body = guide.success(msg_id, "0").encode()
    ids = {classify(201, body[:end], Fault.CUT).msg_id for end in range(len(body) + 1)}
    assert ids == {None, str(msg_id)}
