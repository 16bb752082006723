"""The guide's sample bodies: kept as they stand, and what the simulator makes after them."""

import json

import pytest

from local.simulator import guide
from local.simulator.guide import SAMPLES


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_twelve_samples_eleven_of_them_not_json() -> None:
    assert len(SAMPLES) == 12
    assert [sample.name for sample in SAMPLES.values() if _is_json(sample.body)] == [
        "method_not_allowed"
    ]


def test_the_misprints_of_the_guide_are_kept() -> None:
    assert '"ErrorCode":2,' in SAMPLES["error_3"].body
    assert "Invalid Bearer Tokens" in SAMPLES["error_101"].body
    assert '"price":"0",\n}\n"Error":null,\n}' in SAMPLES["success"].body
    assert "statusCode: 200" in SAMPLES["status_operational"].body


def test_success_differs_from_the_sample_in_id_and_price_only() -> None:
    assert guide.success(202, "0") == SAMPLES["success"].body
    assert guide.success(7, "1.5") == SAMPLES["success"].body.replace("202", "7").replace(
        '"0"', '"1.5"'
    )


@pytest.mark.parametrize("code", guide.CODES)
def test_a_failure_carries_its_own_code_in_the_shape_of_the_guide(code: int) -> None:
    body = guide.failure(code)
    assert f'"ErrorCode":{code},' in body
    if code != 3:
        assert body == SAMPLES[f"error_{code}"].body
    assert json.loads(guide.failure_json(code))["Error"]["ErrorCode"] == code


def test_the_refused_address_is_in_the_text() -> None:
    assert "this ip 192.0.2.7 Not" in guide.failure(102, "192.0.2.7")
    assert "192.0.2.7" in json.loads(guide.failure_json(102, "192.0.2.7"))["Error"]["MessageAr"]


def test_a_code_that_the_guide_does_not_know_gets_the_same_shape() -> None:
    assert '"ErrorCode":999,' in guide.failure(999)
    assert not _is_json(guide.failure(999))
    assert json.loads(guide.failure_json(999))["Error"]["ErrorCode"] == 999
