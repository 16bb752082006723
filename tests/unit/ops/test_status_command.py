"""`status`, typed on a whole stack: the one screen, to the letter, and the same for programs."""

import json
from typing import Any

import pytest
from outbox.webhooks.endpoint import Endpoint
from outbox.webhooks.endpoints import Endpoints

from tests.unit.ops.cloud import AT, BULK, FAILED, HOOKS, MAIL, NOW, WAKES, Cloud, lines

AGE = "ApproximateAgeOfOldestMessage"
NONE = {"waiting": 0, "in_flight": 0, "delayed": 0}


def queued(cloud: Cloud, url: str, *delays: int) -> None:
    """Put messages into a queue, each visible after so many seconds."""
    for delay in delays:
        cloud.sqs.send_message(QueueUrl=url, MessageBody="{}", DelaySeconds=delay)


def measured(cloud: Cloud) -> None:
    """Have what CloudWatch measured: ages of queues and retried mails, counts of the functions."""
    cloud.watch.points = {
        ("AWS/SQS", AGE, "QueueName=mail", "Maximum"): [(NOW - 120, 90.0), (NOW - 60, 40.0)],
        ("TaqnyatMail", "RetriedMailAge", "lane=normal", "Maximum"): [(NOW - 60, 7500.0)],
        ("AWS/SQS", AGE, "QueueName=bulk", "Maximum"): [(NOW - 60, 30.0)],
        ("TaqnyatMail", "RetriedMailAge", "lane=bulk", "Maximum"): [(NOW - 60, 20.0)],
        ("AWS/SQS", AGE, "QueueName=webhooks", "Maximum"): [(NOW - 60, 65.0)],
        ("TaqnyatMail", "MailAccepted", "", "Sum"): [(NOW - 60, 5.0), (NOW, 2.0)],
        ("TaqnyatMail", "MailSent", "", "Sum"): [(NOW, 4.0)],
        ("TaqnyatMail", "MailRetried", "", "Sum"): [(NOW, 0.0)],
        ("TaqnyatMail", "MailFailed", "", "Sum"): [(NOW, 1.0)],
        ("TaqnyatMail", "MailUnknown", "", "Sum"): [(NOW, 3.0)],
    }


def hooked(cloud: Cloud, *paused_at: str) -> None:
    """Have endpoints, paused since then or not."""
    cloud.webhooks()
    for number, at in enumerate(paused_at, 1):
        endpoint = Endpoint(
            id=f"h{number}",
            client="shop",
            url="https://a.sa/",
            events=(),
            secrets=(),
            created=AT,
            paused_at=at,
        )
        Endpoints(cloud.hooks, HOOKS).create(endpoint)


def busy(cloud: Cloud) -> None:
    """Have a stack where everything is to be told."""
    queued(cloud, MAIL, 0, 0, 60)
    cloud.sqs.take(cloud.sqs.queues[MAIL], 1, 300)
    queued(cloud, BULK, 0)
    queued(cloud, FAILED, 0, 60)
    queued(cloud, WAKES, 0, 0)
    measured(cloud)
    hooked(cloud, "", AT)
    cloud.functions.mappings[1].switch(enabled=False)
    cloud.watch.alarms = [
        {"AlarmName": f"taqnyat-mail-{name}-1A", "AlarmActions": ["arn:topic"]}
        for name in ("OldestMailAlarm", "FailedAlarm")
    ]
    cloud.watch.alarms.append({"AlarmName": "taqnyat-mail-b-XAlarm-1A", "AlarmActions": ["arn:b"]})


def test_a_quiet_stack_is_told_whole(cloud: Cloud) -> None:
    assert cloud.json("status") == {
        "stack": "taqnyat-mail",
        "at": AT,
        "sending": dict.fromkeys(("reason", "detail", "by", "since", "next_probe", "probes"), None)
        | {"paused": False},
        "provider": {"up": True, "milliseconds": 5, "checked_at": "2026-11-18T11:06:30.000Z"},
        "balance": {
            "balance": 240.5,
            "currency": "SAR",
            "read_at": "2026-11-18T11:05:40.000Z",
            "trouble": None,
            "proof": "agrees",
            "fell": 1.2,
            "spent": 1.1,
            "mails": 21,
            "minutes": 61,
            "hours_left": 10.1,
            "expires": "2027-11-25",
            "text": "240.5 SAR, read 2026-11-18 11:05:40Z; 10.1 hours left at the present rate",
        },
        "mail_queue": NONE | {"oldest_seconds": None},
        "bulk_queue": NONE | {"oldest_seconds": None},
        "failed_queue": NONE,
        "mapping": ["Enabled", "Enabled"],
        "alarms": [],
        "last_minutes": 60,
        "counts": {},
        "webhooks": None,
    }


def test_a_busy_stack_is_told_whole(cloud: Cloud) -> None:
    busy(cloud)
    cloud.pause(
        reason="ip_refused", detail="1.2.3.4", by="system", next_probe=int(NOW) + 120, probes=3
    )

    found = cloud.json("status", "--minutes", "30")

    assert found["sending"] == {
        "paused": True,
        "reason": "ip_refused",
        "detail": "1.2.3.4",
        "by": "system",
        "since": "2026-11-18T11:05:40.000Z",
        "next_probe": "2026-11-18T11:08:40.000Z",
        "probes": 3,
    }
    assert found["mail_queue"] == {
        "waiting": 1,
        "in_flight": 2,
        "delayed": 0,
        "oldest_seconds": 7500.0,
    }
    assert found["bulk_queue"] == NONE | {"waiting": 1, "oldest_seconds": 30.0}
    assert found["failed_queue"] == NONE | {"waiting": 1, "in_flight": 1}
    assert found["mapping"] == ["Enabled", "Disabling"]
    assert found["alarms"] == ["FailedAlarm", "OldestMailAlarm"]
    assert found["counts"] == {
        "MailAccepted": 7,
        "MailSent": 4,
        "MailRetried": 0,
        "MailFailed": 1,
        "MailUnknown": 3,
    }
    assert found["webhooks"] == {
        "endpoints": 2,
        "paused": [{"client": "shop", "id": "h2", "paused_at": AT}],
        "queue": NONE | {"waiting": 2, "oldest_seconds": 65.0},
    }
    # The counts over the whole time at once, the ages by the minute, since SQS measures late.
    asked = {(one["metric"], one["seconds"], one["period"]) for one in cloud.watch.asked}
    assert ("MailSent", 1800, 1800) in asked
    assert {(AGE, 600, 60), ("RetriedMailAge", 600, 60)} <= asked


def test_the_screen_of_a_quiet_stack(cloud: Cloud) -> None:
    code, out, err = cloud.run("status")

    assert (code, err) == (0, "")
    assert lines(out) == [
        f"taqnyat-mail  {AT}",
        "sending  active",
        "mail queue  0 waiting, 0 in flight, 0 delayed",
        "bulk lane  0 waiting, 0 in flight, 0 delayed",
        "failed queue  0",
        "webhooks  -",
        "Taqnyat  up, 5 ms, asked 2026-11-18T11:06:30.000Z",
        "balance  240.5 SAR, read 2026-11-18 11:05:40Z; 10.1 hours left at the present rate",
        "mapping  Enabled, Enabled",
        "alarms  none",
        "last 60 min  -",
    ]


def test_the_screen_of_a_busy_stack(cloud: Cloud) -> None:
    busy(cloud)
    cloud.pause(reason="ip_refused", detail="1.2.3.4", by="system", next_probe=int(NOW) + 120)
    cloud.set("#provider", up=False)

    code, out, _ = cloud.run("status", "--minutes", "30")

    assert code == 0
    assert lines(out)[1:] == [
        (
            "sending  PAUSED: ip_refused (1.2.3.4), by system since 2026-11-18T11:05:40.000Z, "
            "next try 2026-11-18T11:08:40.000Z"
        ),
        "mail queue  1 waiting, 2 in flight, 0 delayed, the oldest for 2 h",
        "bulk lane  1 waiting, 0 in flight, 0 delayed, the oldest for 30 s",
        "failed queue  2",
        (
            "webhooks  2 endpoint(s), 1 PAUSED; 2 waiting, 0 in flight, 0 delayed, "
            "the oldest for 1 min"
        ),
        "Taqnyat  DOWN, 5 ms, asked 2026-11-18T11:06:30.000Z",
        "balance  240.5 SAR, read 2026-11-18 11:05:40Z; 10.1 hours left at the present rate",
        "mapping  Enabled, Disabling",
        "alarms  FailedAlarm, OldestMailAlarm",
        "last 30 min  7 accepted, 4 sent, 0 retried, 1 failed, 3 unknown",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"by": "operator", "reason": "x"},
            "PAUSED: x, by operator since 2026-11-18T11:05:40.000Z",
        ),
        ({"paused": False}, "active"),
    ],
)
def test_a_pause_by_hand_names_no_next_try(cloud: Cloud, values: Any, said: str) -> None:
    cloud.pause(**values)

    assert lines(cloud.run("status")[1])[1] == f"sending  {said}"


def test_a_stack_of_one_lane_that_was_never_checked(cloud: Cloud) -> None:
    del cloud.outputs["BulkQueueUrl"]
    for name in ("#provider", "#money"):
        del cloud.dynamo.items[name]
    hooked(cloud, "")

    found = lines(cloud.run("status")[1])
    told = cloud.json("status")

    assert "bulk lane  -" in found
    assert "Taqnyat  not asked yet" in found
    assert "balance  not asked for yet" in found
    assert "webhooks  1 endpoint(s); 0 waiting, 0 in flight, 0 delayed" in found
    assert told["bulk_queue"] is None
    assert told["provider"] == {"up": None, "milliseconds": None, "checked_at": None}
    assert told["balance"]["hours_left"] is None
    assert (told["balance"]["balance"], told["balance"]["read_at"]) == (None, None)
    assert (told["balance"]["currency"], told["balance"]["expires"]) == (None, None)


BOLD_RED, GREEN, RED, YELLOW = "\x1b[1;31m", "\x1b[1;32m", "\x1b[1;31m", "\x1b[33m"


def test_what_is_wrong_is_red(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-16color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    well = cloud.run("status")[1]
    busy(cloud)
    cloud.pause(reason="x", by="system", next_probe=int(NOW) + 120)
    cloud.set("#provider", up=False)
    ill = cloud.run("status")[1]

    assert f"\x1b[1mtaqnyat-mail  {AT}\x1b[0m" in well
    assert "\x1b[2msending " in well
    assert f"{GREEN}active" in well
    assert RED not in well
    assert YELLOW not in well
    assert f"{BOLD_RED}PAUSED: x\x1b[0m\x1b[31m, by system since 2026-11-18T11:05:40.000Z" in ill
    assert f"{BOLD_RED}, 1 PAUSED" in ill
    assert f"{BOLD_RED}DOWN, 5 ms" in ill
    assert f"{BOLD_RED}FailedAlarm" in ill
    assert f"{YELLOW}2" in ill


@pytest.mark.parametrize("words", [("--json",), ()])
def test_watching_looks_again_until_ctrl_c(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("ops.commands.status.time.sleep", sleep)
    code, out, _ = cloud.run("status", "--watch", "--every", "0.5", *words)

    assert (code, slept) == (0, [0.5] * 3)
    if words:
        looks = [json.loads(line) for line in out.splitlines()]
        assert [one["stack"] for one in looks] == ["taqnyat-mail"] * 3
        assert {one["last_minutes"] for one in looks} == {60}
    else:
        assert "0 waiting, 0 in flight, 0 delayed" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--every", "0.1"), "--every"),
        (("--every", "nan"), "nan is not a number"),
        (("--minutes", "0"), "--minutes"),
        (("--minutes", "1441"), "--minutes"),
    ],
)
def test_what_cannot_be_watched_is_named(cloud: Cloud, words: tuple[str, ...], said: str) -> None:
    code, _, err = cloud.run("status", *words)

    assert code == 2
    assert said in err
