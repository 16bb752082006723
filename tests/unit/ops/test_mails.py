"""Mails in general: lists with pages, and canceling, by id or for a caller whose key leaked."""

import json
from typing import Any

import pytest
from outbox.storage.expressions import pack_item

from tests.unit.ops.office import Office


@pytest.fixture
def busy(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Have 240 mails of one caller and 3 of another, a minute apart."""
    for n in range(243):
        values: dict[str, Any] = {
            "pk": f"m{n:03}",
            "state": ("sent", "queued", "scheduled")[n % 3],
            "client": "shop" if n < 240 else "news",
            "created": f"2026-11-25T{n // 60:02}:{n % 60:02}:00.000Z",
            "updated": "t",
            "ttl": 2_000_000_000,
            "sender": "shop@acme.sa",
            "scheduled_at": 2_000_000_000 if n % 3 == 2 else None,
        }
        office.dynamo.items[values["pk"]] = pack_item(values)

    class Pages:
        def paginate(self, **_: Any) -> Any:
            return [{"Items": list(office.dynamo.items.values())}]

    class Scheduler:
        def delete_schedule(self, **_: Any) -> None:
            pass

    office.clients["scheduler"] = Scheduler()
    monkeypatch.setattr(office.dynamo, "get_paginator", lambda _: Pages(), raising=False)
    return office


@pytest.mark.parametrize("client", [(), ("--client", "shop")])
def test_lists_are_newest_first_and_have_pages(busy: Office, client: tuple[str, ...]) -> None:
    seen: list[str] = []
    after: tuple[str, ...] = ()
    while True:
        page = busy.json("mail", "list", "--limit", "100", *client, *after)
        seen += [row["id"] for row in page]
        if len(page) < 100:
            break
        after = ("--after", page[-1]["id"])

    count = 240 if client else 243
    assert seen == [f"m{n:03}" for n in reversed(range(count))]


def test_lists_are_chosen_by_state_and_time(busy: Office) -> None:
    found = busy.json(
        "mail", "list", "--client", "shop", "--state", "queued", "--since", "2026-11-25T03:50Z"
    )
    out = busy.run("mail", "list", "--limit", "2")[1]

    assert [row["id"] for row in found] == ["m238", "m235", "m232"]
    assert "There are more: --after m241" in out
    assert busy.run("mail", "list", "--after", "nothing")[0] == 1


def test_all_that_waits_of_a_caller_is_canceled(busy: Office) -> None:
    dry = busy.json("mail", "cancel", "--client", "shop", "--dry-run")
    late = busy.json("mail", "cancel", "--client", "shop", "--since", "2026-11-25T03:00Z", "--yes")
    done = busy.json("mail", "cancel", "--client", "shop", "--yes", "--as", "Nora")

    assert len(dry["waiting"]) == 160
    assert len(late["canceled"]) == 40
    assert (len(done["canceled"]), done["left"]) == (120, 0)
    states = [busy.row(f"m{n:03}")["state"] for n in range(243)]
    assert states[:240].count("canceled") == 160
    assert "canceled" not in states[240:]
    assert busy.row("m001")["actions"][-1]["did"] == "cancel"
    assert busy.row("m001")["actions"][-1]["by"] == "Nora"


def test_mails_are_canceled_by_id(busy: Office) -> None:
    code, out, _ = busy.run("mail", "cancel", "m001", "m000", "--yes", "--json")
    piped = busy.run("mail", "cancel", "-", "--yes", "--json", typed="m002\nm004\n")
    nothing = busy.run("mail", "cancel", "m000", "--yes")

    assert (code, json.loads(out)["canceled"]) == (0, ["m001"])
    assert sorted(json.loads(piped[1])["canceled"]) == ["m002", "m004"]
    assert nothing[0] == 1
    assert busy.row("m000")["state"] == "sent"
    assert busy.run("mail", "cancel")[0] == 2


def test_one_that_may_have_been_sent_is_too_late(busy: Office) -> None:
    busy.dynamo.items["m001"]["maybe"] = {"N": "1"}

    done = busy.json("mail", "cancel", "m001", "--yes", code=1)

    assert (done["canceled"], done["too_late"]) == ([], ["m001"])
