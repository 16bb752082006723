"""Measure 11: what a million mails cost, from counted calls and log bytes and measured time.

Both mixes go through the same arithmetic: warm, batches of 10, Taqnyat at 200 ms, each AWS call at
5 ms, functions of 512 MB on arm64, AWS's list prices (prices.py). A Lambda's time is what it waited
plus its CPU time over the memory's share of a core.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import prices
from benchmarks.inside.bill import BEGIN
from benchmarks.processes import SECONDS, FarSideProcess, environment
from benchmarks.results import Results, Row
from benchmarks.runtime import HandlerError
from benchmarks.sites import ROOT, Function, Sites

TAQNYAT_MS: Final = 200
AWS_MS: Final = 5
MEMORY_MB: Final = 512
MEMORIES_MB: Final = (128, 192, 256, 384, 512, 768, 1024)
_WHOLE_CORE_MB: Final = 1769
_MILLION: Final = 1_000_000
_GB: Final = 1e9

# What Lambda and API Gateway write themselves.
_ID: Final = "00000000-0000-0000-0000-000000000001"
PLATFORM_BYTES: Final = len(
    f"START RequestId: {_ID} Version: $LATEST\n"
    f"END RequestId: {_ID}\n"
    f"REPORT RequestId: {_ID}\tDuration: 212.34 ms\tBilled Duration: 213 ms\t"
    "Memory Size: 512 MB\tMax Memory Used: 82 MB\t\n"
)
# The template's access log; the usual mix has none.
ACCESS_BYTES: Final = len(
    f'{{"requestId":"{_ID}","time":"23/Nov/2026:08:00:00 +0000","ip":"203.0.113.70",'
    '"client":"shop","method":"POST","resource":"/emails","status":"200","responseType":"-","bytes":"46",'
    '"milliseconds":"25","functionMilliseconds":"22"}\n'
)


@dataclass(frozen=True, slots=True)
class Way:
    """What some mails needed; `calls` as the far side counts, `spent` in seconds."""

    mails: int
    calls: dict[str, float]
    spent: dict[str, dict[str, float]]
    log_bytes: int
    access_log: bool

    def bill(self, memory_mb: int = MEMORY_MB) -> dict[str, float]:
        """Return the dollars of a million mails, by service."""
        count = self.calls.get
        api, worker = self.spent["api"], self.spent["worker"]
        invocations = api["invocations"] + worker["invocations"]
        # Lambda receives and deletes a batch in one request each.
        sqs = count("sqs:billed", 0) + 2 * worker["invocations"]
        writes = count("dynamodb:write_units", 0) + count("dynamodb:index_write_units", 0)
        logged = self.log_bytes + invocations * PLATFORM_BYTES
        logged += api["invocations"] * ACCESS_BYTES if self.access_log else 0
        seconds = sum(billed_seconds(part, memory_mb) for part in (api, worker))
        total = {
            "API Gateway": api["invocations"] * prices.REST_API_CALL,
            "Lambda": invocations * prices.LAMBDA_CALL
            + seconds * memory_mb / 1024 * prices.LAMBDA_GB_SECOND,
            "DynamoDB": writes * prices.DYNAMODB_WRITE_UNIT
            + count("dynamodb:read_units", 0) * prices.DYNAMODB_READ_UNIT,
            "SQS": sqs * prices.SQS_REQUEST,
            "logs": logged / _GB * prices.LOG_GB,
            "PutMetricData": count("cloudwatch:requests", 0) * prices.PUT_METRIC_DATA,
            "Secrets Manager": count("secretsmanager:requests", 0) * prices.SECRETS_CALL,
        }
        return {name: cost / self.mails * _MILLION for name, cost in total.items()}

    def keeping(self, days: int) -> float:
        """Return the dollars of keeping a million records for `days`."""
        overhead = 100  # bytes that DynamoDB adds to an item
        size = self.calls["item_bytes"] / self.calls["items"] + overhead
        return size * _MILLION / _GB * days / 30 * prices.DYNAMODB_GB_MONTH


def billed_seconds(spent: dict[str, float], memory_mb: int) -> float:
    """Return the seconds of all invocations of a function with this memory."""
    share = min(1.0, memory_mb / _WHOLE_CORE_MB)
    waited = max(0.0, spent["wall"] - spent["cpu"])
    return waited + spent["cpu"] / share


def measure(
    python: str,
    sites: Sites,
    far: FarSideProcess,
    results: Results,
    mails: int,
    taqnyat_ms: int = TAQNYAT_MS,
) -> None:
    """Send `mails` (a multiple of 100) each way, and add the rows."""
    ours, naive = sites.functions["worker"], sites.functions["usual mix, worker"]
    both = Function(ours.handler, (sites.functions["api"].path[0], *ours.path))
    ways = {
        "usual mix, single": _travel(
            python, naive, far, taqnyat_ms, ("naive", "single", str(mails))
        ),
        "gateway, single": _travel(python, both, far, taqnyat_ms, ("ours", "single", str(mails))),
        "gateway, batches of 100": _travel(
            python, both, far, taqnyat_ms, ("ours", "hundreds", str(mails))
        ),
    }
    bills = {name: way.bill() for name, way in ways.items()}
    results.details["bill of a million mails, dollars"] = {
        name: {part: round(cost, 3) for part, cost in bill.items()} for name, bill in bills.items()
    }
    results.details["calls, bytes and seconds of the bill, for each mail"] = {
        name: _each(way) for name, way in ways.items()
    }
    results.details["memory curve"] = {
        str(memory): _at(ways["gateway, single"], memory) for memory in MEMORIES_MB
    }
    results.details["keeping the records for 90 days, dollars"] = round(
        ways["gateway, single"].keeping(90), 3
    )
    usual = sum(bills["usual mix, single"].values())
    for name, goal in (("gateway, single", 0.30), ("gateway, batches of 100", 0.12)):
        cost = sum(bills[name].values())
        results.rows.append(
            Row(
                number="11",
                what=f"variable cost of a million mails: {name.partition(', ')[2]}",
                reference="the usual mix, the same arithmetic",
                goal=goal,
                value=round(cost / usual, 3),
                note=f"${cost:.2f} of ${usual:.2f}",
            )
        )


def _travel(
    python: str,
    function: Function,
    far: FarSideProcess,
    taqnyat_ms: int,
    command: tuple[str, str, str],
) -> Way:
    beside = Function(function.handler, (*function.path, ROOT))
    variables = environment(beside, far.url, taqnyat_ms, AWS_MS) | {"FAR_URL": far.url}
    done = subprocess.run(
        [python, "-m", "benchmarks.inside.bill", *command],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        raise HandlerError(done.stderr[-2000:])
    logs, result = done.stdout.partition(f"{BEGIN}\n")[2].rstrip("\n").rsplit("\n", 1)
    spent: dict[str, Any] = json.loads(result)
    logged = len(logs.encode()) + 1
    return Way(int(command[2]), far.counts(), spent, logged, access_log=command[0] == "ours")


def _each(way: Way) -> dict[str, float]:
    calls = {name: count for name, count in way.calls.items() if "bytes" not in name}
    found = {name: count / way.mails for name, count in calls.items() if ":" in name}
    for name, spent in way.spent.items():
        for part, value in spent.items():
            found[f"{name} {part}"] = value / way.mails
    return {name: round(value, 5) for name, value in found.items()} | {
        "log bytes of the functions": round(way.log_bytes / way.mails, 1)
    }


def _at(way: Way, memory_mb: int) -> dict[str, float]:
    milliseconds = {
        name: round(billed_seconds(spent, memory_mb) / spent["invocations"] * 1000, 1)
        for name, spent in way.spent.items()
    }
    return {
        "API call, ms": milliseconds["api"],
        "batch of 10, ms": milliseconds["worker"],
        "Lambda, dollars a million mails": round(way.bill(memory_mb)["Lambda"], 3),
    }
