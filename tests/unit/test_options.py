"""The options of an API key: what is valid, and which are named when they are not."""

from typing import Any

import pytest
from outbox.mail.options import option_faults


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"rate": 1, "daily": 1_000_000_000, "priority": "bulk"},
        {"priority": "normal", "from": ["*"]},
    ],
)
def test_what_is_valid(rules: dict[str, Any]) -> None:
    assert option_faults(rules) == []


@pytest.mark.parametrize("name", ["rate", "daily"])
@pytest.mark.parametrize("value", [0, -1, 1_000_000_001, True, 1.5, "5", None])
def test_a_limit_is_a_whole_number_from_one_on(name: str, value: object) -> None:
    assert option_faults({name: value}) == [name]


@pytest.mark.parametrize("value", ["high", "BULK", None, 1])
def test_a_priority_is_a_lane(value: object) -> None:
    assert option_faults({"priority": value}) == ["priority"]


def test_all_faults_are_named() -> None:
    rules = {"rate": 0, "daily": 0, "priority": ""}
    assert option_faults(rules) == ["rate", "daily", "priority"]
