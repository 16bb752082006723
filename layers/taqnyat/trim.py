# ruff: noqa: INP001  a script of the build, part of no package
"""Trims what pip installed to what the gateway uses; run once by the layer's Makefile.

    python3 trim.py <site-packages> <service> ...

botocore: the API models of the services named, in their newest version and without the prose that
is half of them; the endpoints of those services alone, for all partitions and regions. Parsing the
whole list is most of what a first client costs. Powertools: logging and metrics.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path

# endpoints.json knows these services by their endpoint.
ENDPOINTS = {"cloudwatch": "monitoring", "dynamodbstreams": "streams.dynamodb"}
# What its logging and metrics import.
POWERTOOLS = {
    *("__init__.py", "package_logger.py", "py.typed"),
    *("exceptions", "logging", "metrics", "shared", "tracing", "utilities", "warnings"),
}
POWERTOOLS_UTILITIES = {"__init__.py", "jmespath_utils"}


def main(site: Path, services: list[str]) -> None:
    """Trim the packages below `site`."""
    data = site / "botocore/data"
    keep(data, {*services, *(path.name for path in data.glob("*.json"))})
    for service in services:
        *older, newest = sorted(path for path in (data / service).iterdir() if path.is_dir())
        for folder in older:
            shutil.rmtree(folder)
        trim_model(newest)
    trim_endpoints(data / "endpoints.json", {ENDPOINTS.get(name, name) for name in services})
    powertools = site / "aws_lambda_powertools"
    keep(powertools, POWERTOOLS)
    keep(powertools / "utilities", POWERTOOLS_UTILITIES)


def keep(folder: Path, names: set[str]) -> None:
    """Remove what is not named."""
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def trim_model(folder: Path) -> None:
    """Take the prose out of a service's model, and its examples away."""
    packed = folder / "service-2.json.gz"
    model = json.loads(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    (folder / "service-2.json").write_text(compact(without_prose(model)), "utf-8")
    for path in folder.glob("examples-1.json*"):
        path.unlink()


def trim_endpoints(path: Path, names: set[str]) -> None:
    """Take the other services out of each partition."""
    endpoints = json.loads(path.read_text("utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in names}
    path.write_text(compact(endpoints), "utf-8")


def without_prose(value: object) -> object:
    """Copy JSON without texts named "documentation"; a shape of that name stays."""
    if isinstance(value, dict):
        return {
            key: without_prose(inside)
            for key, inside in value.items()
            if key != "documentation" or not isinstance(inside, str)
        }
    return [without_prose(item) for item in value] if isinstance(value, list) else value


def compact(value: object) -> str:
    """Write JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
