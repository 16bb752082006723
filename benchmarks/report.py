"""Writes benchmarks/results.json, docs/performance.md and its pictures."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

from benchmarks import charts
from benchmarks.charts import Bar
from benchmarks.sites import ROOT

RESULTS = ROOT / "benchmarks/results.json"
PAGE = ROOT / "docs/performance.md"
PICTURES = ROOT / "docs/pictures"
_TEXT = Path(__file__).parent / "performance.md"

Found = dict[str, Any]


def write(found: Found) -> None:
    """Write all of it from what a whole run found."""
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PICTURES.mkdir(exist_ok=True)
    for name, picture in pictures(found).items():
        (PICTURES / f"{name}.svg").write_text(picture, "utf-8")
    values = {"table": table(found["rows"]), **_figures(found)}
    PAGE.write_text(Template(_TEXT.read_text("utf-8")).substitute(values), "utf-8")


def table(rows: list[Found]) -> str:
    """Return the measures as a table of Markdown."""
    lines = [
        "| # | measure | reference in the same run | goal | measured | quartiles |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = "" if row["low"] is None else f"{row['low']:g} to {row['high']:g}"
        note = f" ({row['note']})" if row["note"] else ""
        mark = "" if row["met"] else ", **missed**"
        goal, measured = _value(row, row["goal"]), _value(row, row["value"])
        lines.append(
            f"| {row['number']} | {row['what']} | {row['reference']} "
            f"| at most {goal} | {measured}{note}{mark} | {spread} |"
        )
    return "\n".join(lines)


def pictures(found: Found) -> dict[str, str]:
    """Return the pictures by file name."""
    details = found["details"]
    starts = details["cold start, seconds"]
    names = ("worker", "api", "one client", "usual mix, worker", "usual mix, api")
    labels = ("worker", "API function", "one boto3 client", "usual mix: worker", "usual mix: API")
    cold = [
        Bar(
            label,
            starts[name]["median"],
            f"{starts[name]['median'] * 1000:.0f} ms",
            starts[name]["low"],
            starts[name]["high"],
            ours=name in {"worker", "api"},
        )
        for name, label in zip(names, labels, strict=True)
    ]
    whole = details["batch of 10 at 200 ms, seconds"]
    usual = _per_batch(found, "usual mix, single")
    batch = [
        Bar("one answer of Taqnyat", whole["answer"]["median"], _ms(whole["answer"]["median"])),
        Bar(
            "gateway, 10 mails", whole["batch"]["median"], _ms(whole["batch"]["median"]), ours=True
        ),
        Bar("usual mix, 10 mails", usual, _ms(usual)),
    ]
    return {
        "cold-start": charts.bars("Cold start: process to first answer, a mail included", cold),
        "batch": charts.bars("A batch of 10 mails, Taqnyat answering after 200 ms", batch),
        "bill": charts.stacked(
            "A million mails: variable cost at list price",
            details["bill of a million mails, dollars"],
            "$",
        ),
    }


def _per_batch(found: Found, way: str) -> float:
    each = found["details"]["calls, bytes and seconds of the bill, for each mail"][way]
    return float(each["worker wall"] / each["worker invocations"])


def _figures(found: Found) -> dict[str, str]:
    """Return the figures that the page's prose uses, by placeholder."""
    details = found["details"]
    curve = details["memory curve"]
    batch = details["batch of 10 at 200 ms, seconds"]["batch"]["median"]
    counts = details.get("cold start, instructions", {})
    billed = curve["512"]["batch of 10, ms"] / 1000
    return {
        "date": found["measured_at"],
        "machine": found["machine"],
        "python": found["python"],
        "load": found["load"],
        "layer_mb": f"{found['layer_zip_bytes'] / 1e6:.2f}",
        "instructions": _table(
            ("function", "instructions to its first answer"),
            [(name, f"{count / 1e6:,.0f} M") for name, count in counts.items()],
        )
        if counts
        else "Not counted in this run: valgrind is missing.",
        "memory": _table(
            ("memory, MB", *next(iter(curve.values()))),
            [(memory, *(f"{value:g}" for value in row.values())) for memory, row in curve.items()],
        ),
        "bill": _table(
            ("part", *details["bill of a million mails, dollars"]),
            [
                (part, *(f"{bill[part]:.2f}" for bill in _bills(details)))
                for part in _bills(details)[0]
            ],
        ),
        "keeping": f"{details['keeping the records for 90 days, dollars']:.2f}",
        "million": f"{million(details):.0f}",
        "batch_ms": f"{batch * 1000:.0f}",
        "billed_ms": f"{billed * 1000:.0f}",
        "rate_of_one": f"{10 / billed:.0f}",
        "rate_of_two": f"{20 / billed:.0f}",
        "rate_of_hundred": f"{1000 / billed:,.0f}",
        "rate_of_thousand": f"{10000 / billed:,.0f}",
        "stack": _table(
            ("door", "gateway", "silent handler", "printing handler"),
            [
                (
                    name.rpartition(", ")[2],
                    *(f"{rates[key]['median']:.0f}" for key in ("gateway", "silent", "printing")),
                )
                for name, rates in details.items()
                if name.startswith("mails a second")
            ],
        ),
        "skipped": "".join(f"\n- {reason}" for reason in found["skipped"]) or " nothing",
    }


def million(details: Found) -> float:
    """Return the dollars of a million mails that are posted one by one, records included."""
    kept: float = details["keeping the records for 90 days, dollars"]
    single: dict[str, float] = details["bill of a million mails, dollars"]["gateway, single"]
    return sum(single.values()) + kept


def _bills(details: Found) -> list[dict[str, float]]:
    return list(details["bill of a million mails, dollars"].values())


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _value(row: Found, value: float) -> str:
    if row["unit"] == "x":
        return f"{value:.2f} x"
    return f"{value:,.0f} {row['unit']}" if row["unit"] != "MB" else f"{value:.2f} MB"
