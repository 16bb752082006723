"""Measures 1 to 4 and 12: the whole cold start, its instructions, and the layer's zip.

A start goes from the spawn of a process to the first answer at the Runtime API, through Lambda's
own runtime client. The worker's first event is a mail (secret, pause, claim, POST, settle), the
API's a POST /emails (row and message); the reference of both makes one client and does nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import FarSideProcess, cold_start
from benchmarks.results import Results, Row
from benchmarks.rounds import interleaved
from benchmarks.runtime import RuntimeApi
from benchmarks.sites import ROOT, Sites

_ONE_CLIENT = "a function with one boto3 sqs client"
_USUAL = "the usual mix"
_COUNTED = re.compile(r"Collected : (\d+)")
_VALGRIND_SECONDS = 600.0
_MILLION = 1e6


def measure(
    python: str, sites: Sites, far: FarSideProcess, results: Results, rounds: int, *, counts: bool
) -> None:
    """Add the rows; `counts` also counts instructions."""
    with RuntimeApi() as api:
        _times(python, sites, far, results, rounds, api)
        if not counts:
            results.skipped.append("instruction counts: left out of a quick run")
        elif shutil.which("valgrind") is None:
            results.skipped.append("instruction counts: valgrind is not on this machine")
        else:
            _instructions(python, sites, far, results, api)
    results.rows.append(
        Row(
            number="12",
            what="layer zip",
            reference="the usual mix's layer, full pinned SDK",
            goal=0.18,
            value=round(sites.zip_bytes / sites.naive_zip_bytes, 3),
            note=f"{sites.zip_bytes / _MILLION:.2f} MB of {sites.naive_zip_bytes / _MILLION:.2f}",
        )
    )


def _times(
    python: str,
    sites: Sites,
    far: FarSideProcess,
    results: Results,
    rounds: int,
    api: RuntimeApi,
) -> None:
    wall = interleaved(
        {
            name: lambda name=name: cold_start(  # type: ignore[misc]
                python, sites.functions[name], api, events()[name], far.url
            )[0]
            for name in events()
        },
        rounds,
    )
    results.keep("cold start, seconds", wall)
    one, usual = wall["one client"], wall["usual mix, worker"]
    start = "whole cold start, first mail sent"
    results.compare("1", f"worker: {start}", _ONE_CLIENT, 0.95, wall["worker"], one)
    start = "whole cold start, first mail accepted"
    results.compare("2", f"API function: {start}", _ONE_CLIENT, 1.0, wall["api"], one)
    results.compare("3", "worker, likewise", _USUAL, 0.45, wall["worker"], usual)
    usual = wall["usual mix, api"]
    results.compare("3", "API function, likewise", _USUAL, 0.45, wall["api"], usual)
    compiled = wall["worker, compiled in place"]
    results.compare(
        "4",
        "worker from the unpacked zip",
        "the same, compiled in place",
        1.05,
        wall["worker"],
        compiled,
    )


def _instructions(
    python: str, sites: Sites, far: FarSideProcess, results: Results, api: RuntimeApi
) -> None:
    counted = {}
    for name, event in events().items():
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            tool = (
                "valgrind",
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                f"--log-file={log}",
            )
            cold_start(python, sites.functions[name], api, event, far.url, tool, _VALGRIND_SECONDS)
            found = _COUNTED.search(log.read_text("utf-8"))
        if found is None:
            results.skipped.append(f"instruction count of {name}: valgrind gave none")
            return
        counted[name] = int(found[1])
    results.details["cold start, instructions"] = counted
    goals = {
        "worker": ("1", "one client", 0.95),
        "api": ("2", "one client", 1.0),
    }
    for name, (number, reference, goal) in goals.items():
        results.rows.append(
            Row(
                number=number,
                what=f"{name}: the same start in instructions",
                reference=_ONE_CLIENT,
                goal=goal,
                value=round(counted[name] / counted[reference], 3),
                note=f"{counted[name] / _MILLION:.0f} M of {counted[reference] / _MILLION:.0f} M",
            )
        )


def events() -> dict[str, dict[str, Any]]:
    """Return the first event of each function that is started."""
    mail = _event("sqs-mail")
    usual = json.loads(mail["Records"][0]["body"])
    usual["sender"] = usual.pop("from")
    usual_mail = {"Records": [{**mail["Records"][0], "body": json.dumps(usual)}]}
    post = _event("api-post-email")
    return {
        "one client": {},
        "worker": mail,
        "worker, compiled in place": mail,
        "api": post,
        "usual mix, worker": usual_mail,
        "usual mix, api": post,
    }


def _event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / f"events/{name}.json").read_text("utf-8"))
    return found
