"""Commands while DynamoDB throttles, or another terminal writes the same rows."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.standins.errors import client_error
from tests.unit.ops.cloud import Cloud
from tests.unit.ops.office import Office

SEND = ("send", "--from", "shop@acme.sa", "--to", "nora@example.com", "--subject", "Hi")


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outbox.throttling._FIRST_WAIT", 0.0001)
    monkeypatch.setattr("outbox.throttling._LONGEST_WAIT", 0.0001)
    monkeypatch.setattr("outbox.throttling._PATIENCE_SECONDS", 0.01)


def refuses(real: Callable[..., Any], code: str, times: int) -> Callable[..., Any]:
    """Refuse the first calls of each ten."""
    called = 0

    def call(**arguments: Any) -> Any:
        nonlocal called
        called += 1
        if (called - 1) % 10 < times:
            raise client_error("PutItem", code)
        return real(**arguments)

    return call


@pytest.mark.parametrize("code", ["ThrottlingException", "TransactionConflictException"])
def test_a_mail_that_the_table_never_takes_is_told_in_a_sentence(cloud: Cloud, code: str) -> None:
    cloud.dynamo.put_item = refuses(cloud.dynamo.put_item, code, 10)  # type: ignore[method-assign]
    found, _, err = cloud.run(*SEND, "--text", "x", "--yes", "--wait", "0")

    assert found == 1
    assert f"AWS answered {code} to PutItem" in err
    assert cloud.mailed() == []


def test_a_campaign_goes_on_while_some_of_its_rows_are_throttled(office: Office) -> None:
    office.sheet("to,name\n" + "".join(f"c{n}@x.sa,N\n" for n in range(40)))
    throttled = refuses(office.dynamo.put_item, "ThrottlingException", 4)
    office.dynamo.put_item = throttled  # type: ignore[method-assign]
    done = office.json(*office.campaign("--yes"))

    assert done["results"] == {"accepted": 40}
    assert len(office.mailed()) == 40


def test_a_campaign_that_is_throttled_for_good_ends_with_its_report(office: Office) -> None:
    office.sheet("to,name\n" + "".join(f"c{n}@x.sa,N\n" for n in range(200)))
    throttled = refuses(office.dynamo.put_item, "ThrottlingException", 10)
    office.dynamo.put_item = throttled  # type: ignore[method-assign]
    found, _, err = office.run(*office.campaign("--yes"))

    assert found == 1
    assert "AWS answered ThrottlingException" in err
    assert "not_begun" in (office.folder / "a.report.csv").read_text()


def test_rows_that_another_terminal_is_writing_are_written_a_moment_later(office: Office) -> None:
    ids = office.fail(3)
    codes = {
        "transact_write_items": "TransactionCanceledException",
        "update_item": "TransactionConflictException",
    }
    for name, code in codes.items():
        real = getattr(office.dynamo, name)
        setattr(office.dynamo, name, refuses(real, code, 2))
    office.json("failed", "redrive", "--yes")

    assert office.failed() == []
    assert sorted(mail["id"] for mail in office.mailed()) == sorted(ids)
