"""Measures 5 to 8 and 10: inside one warm container of the built functions."""

from __future__ import annotations

from benchmarks.processes import SECONDS, FarSideProcess, inside, measured
from benchmarks.results import Results, Row
from benchmarks.sites import Sites

_MAILS = 1000
_POOL = 10  # connections to DynamoDB, and as many to Taqnyat: one for each mail of a batch
_MEGABYTE = 1e6


def measure_batch(
    python: str, sites: Sites, far: FarSideProcess, results: Results, rounds: int
) -> None:
    """5: ten mails side by side, beside one answer of the provider."""
    for delay, goal in ((200, 1.10), (50, 1.40)):
        found = measured(
            python,
            sites.functions["worker"],
            far.url,
            *("worker", "batch", str(rounds)),
            delay_ms=delay,
        )
        results.keep(f"batch of 10 at {delay} ms, seconds", found)
        results.compare(
            "5",
            f"batch of 10 with its ledger, provider at {delay} ms",
            "one answer",
            goal,
            found["batch"],
            found["answer"],
            # Other work on the machine only adds time: the fastest rounds show a free machine.
            note=f"{min(found['batch']) / min(found['answer']):.2f} x in the fastest rounds",
        )


def measure_cpu(
    python: str, sites: Sites, far: FarSideProcess, results: Results, rounds: int
) -> None:
    """6: CPU of a mail, beside its POST and its two writes alone."""
    found = measured(python, sites.functions["worker"], far.url, "worker", "cpu", str(rounds))
    results.keep("CPU of a mail, seconds", found)
    reference = "urllib3 POST + two botocore UpdateItem"
    what = "CPU a mail, whole worker path"
    results.compare("6", what, reference, 1.35, found["mail"], found["least"])


def measure_calls(python: str, sites: Sites, far: FarSideProcess, results: Results) -> None:
    """7: requests and connections of 1,000 mails, as the far side counts them."""
    worker = sites.functions["worker"]
    far.counts()
    with inside(python, worker, far.url, "worker", "thousand", "0") as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError
        for line in process.stdout:
            if line == "warm\n":
                break
        warm = far.counts()
        process.communicate("\n", timeout=SECONDS)
    found = far.counts()
    results.details["calls of 1,000 mails"] = {
        key: value for key, value in found.items() if ":" in key
    }
    requests = sum(value for key, value in found.items() if key.endswith(":requests"))
    pauses = found.get("dynamodb:GetItem", 0)
    results.rows.append(
        Row(
            number="7",
            what="requests of 1,000 mails, but for one look at the pause a batch",
            reference="two ledger writes and one POST a mail",
            goal=3 * _MAILS,
            value=requests - pauses,
            unit="requests",
            note=f"the pause is read once a batch, as it must be: {pauses:.0f} more",
        )
    )
    services = ("dynamodb", "taqnyat")
    opened = [
        sum(counts.get(f"{name}:connections", 0) for counts in (warm, found)) for name in services
    ]
    results.rows.append(
        Row(
            number="7",
            what="connections since the container's start, to DynamoDB and to Taqnyat",
            reference=f"the pools: {_POOL} each",
            goal=_POOL,
            value=max(opened),
            unit="connections",
            note=" and ".join(f"{count:.0f}" for count in opened),
        )
    )


def measure_memory(
    python: str, sites: Sites, far: FarSideProcess, results: Results, hundreds: int
) -> None:
    """8: resident memory over many mails."""
    found = measured(python, sites.functions["worker"], far.url, "worker", "memory", str(hundreds))
    sizes = found["resident"]
    results.details["resident memory, bytes after each 100 mails"] = sizes
    results.rows.append(
        Row(
            number="8",
            what=f"{hundreds * 100:,} mails through one container: growth of memory",
            reference="after the first 100",
            goal=3.0,
            value=round((max(sizes) - sizes[0]) / _MEGABYTE, 2),
            unit="MB",
        )
    )


def measure_post(
    python: str, sites: Sites, far: FarSideProcess, results: Results, rounds: int
) -> None:
    """10: a warm POST /emails, beside its two calls alone."""
    found = measured(python, sites.functions["api"], far.url, "api", str(rounds))
    results.keep("warm POST /emails, seconds", found)
    reference = "a handler that only calls SendMessage and PutItem"
    results.compare(
        "10", "warm POST /emails in process", reference, 1.25, found["post"], found["least"]
    )
