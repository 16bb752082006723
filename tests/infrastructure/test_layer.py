"""The layer as `sam build` made it: complete, pure Python, small, its versions the tested ones."""

import gzip
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import botocore
import pytest

from tests.infrastructure.expansion import ROOT

BUILD = ROOT / ".aws-sam/build"
SITE = BUILD / "TaqnyatLayer/python"
FUNCTIONS = [
    "ApiFunction",
    "WorkerFunction",
    "AuthorizerFunction",
    "StatusCheckFunction",
    "EventsFunction",
]
MAX_ZIP_BYTES = 3_700_000  # 0.18 of the usual layer, see docs/performance.md

# Alone with the layer and one function, as in Lambda: no site-packages, nothing of the checkout.
IMPORT_ALL = """
import importlib, pathlib, sys
sys.path[:0] = sys.argv[1:3]
for name in ("taqnyat", "outbox", sys.argv[3]):
    for path in pathlib.Path(importlib.import_module(name).__file__).parent.glob("*.py"):
        importlib.import_module(f"{name}.{path.stem}" if path.stem != "__init__" else name)
"""
MAKE_CLIENTS = """
import sys
sys.path.insert(0, sys.argv[1])
import botocore.session
session = botocore.session.get_session()
for name in sys.argv[2:]:
    session.create_client(name, "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
"""
# Where each service is called in each region, as the SDK beside it on the path has it.
RESOLVE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import botocore.session
session = botocore.session.get_session()
found = {}
for name in sys.argv[3:]:
    for region in json.loads(sys.argv[2]):
        client = session.create_client(name, region, aws_access_key_id="x",
                                       aws_secret_access_key="x")
        meta = client.meta
        found[f"{name} {region}"] = [meta.endpoint_url, meta.partition, meta.region_name,
                                     client._request_signer.signing_name,
                                     client._request_signer.region_name]
print(json.dumps(found))
"""


def alone(code: str, *arguments: object) -> str:
    """Run code without the checkout and without installed packages; return what it prints."""
    command = [sys.executable, "-I", "-S", "-B", "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout


def pins(path: Path) -> dict[str, str]:
    """Return name and version of each pinned requirement."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_layer_holds_all_that_a_function_imports(function: str) -> None:
    (package,) = [path.name for path in (BUILD / function).iterdir() if path.is_dir()]

    alone(IMPORT_ALL, SITE, BUILD / function, package)


def test_botocore_is_trimmed_to_the_services_that_are_called() -> None:
    code = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in code)
    called = set(re.findall(r'aws\.(?:client|LazyClient)\("([a-z]+)"\)', text))
    kept = {path.name for path in (SITE / "botocore/data").iterdir() if path.is_dir()}

    assert called == kept
    alone(MAKE_CLIENTS, SITE, *sorted(kept))


def test_every_region_is_found_as_by_the_whole_sdk() -> None:
    """Commercial, China, GovCloud and the others, and one that AWS has yet to open."""
    whole = Path(botocore.__file__).parent
    partitions = json.loads((whole / "data/endpoints.json").read_text("utf-8"))["partitions"]
    regions = [region for partition in partitions for region in partition["regions"]]
    services = sorted(path.name for path in (SITE / "botocore/data").iterdir() if path.is_dir())

    trimmed = json.loads(alone(RESOLVE, SITE, json.dumps([*regions, "me-west-9"]), *services))

    assert len(trimmed) > 7 * 40
    assert trimmed == json.loads(
        alone(RESOLVE, whole.parent, json.dumps([*regions, "me-west-9"]), *services)
    )


def test_the_models_lack_only_prose() -> None:
    whole = Path(botocore.__file__).parent / "data"
    for trimmed in (SITE / "botocore/data").glob("*/*/service-2.json"):
        packed = whole / trimmed.relative_to(SITE / "botocore/data").with_suffix(".json.gz")
        model = json.loads(trimmed.read_text("utf-8"))
        full = json.loads(gzip.decompress(packed.read_bytes()))

        assert model["metadata"] == full["metadata"]
        assert set(model["operations"]) == set(full["operations"])
        assert set(model["shapes"]) == set(full["shapes"])
        for name, shape in full["shapes"].items():
            assert set(model["shapes"][name].get("members", ())) == set(shape.get("members", ()))


def test_the_layer_is_pure_python() -> None:
    compiled = [path for path in SITE.rglob("*") if path.suffix in {".so", ".pyd", ".dylib"}]

    assert not compiled


def test_the_layer_is_small() -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in SITE.rglob("*"):
            archive.write(path, path.relative_to(SITE.parent))

    assert len(zipped.getvalue()) < MAX_ZIP_BYTES


def test_the_bundle_holds_the_sources_as_they_are() -> None:
    for folder, built in [
        (ROOT / "layers/taqnyat/taqnyat", SITE / "taqnyat"),
        (ROOT / "layers/taqnyat/outbox", SITE / "outbox"),
        (ROOT / "functions/send/mail_send", BUILD / "ApiFunction/mail_send"),
        (ROOT / "functions/send/mail_send", BUILD / "WorkerFunction/mail_send"),
        (ROOT / "functions/authorize/mail_authorize", BUILD / "AuthorizerFunction/mail_authorize"),
        (ROOT / "functions/status_check/mail_status", BUILD / "StatusCheckFunction/mail_status"),
        (ROOT / "functions/events/mail_events", BUILD / "EventsFunction/mail_events"),
        (ROOT / "functions/webhooks/mail_webhooks", BUILD / "WebhooksFunction/mail_webhooks"),
    ]:
        sources = {path.name: path.read_bytes() for path in folder.glob("*.py")}
        assert {path.name: path.read_bytes() for path in built.glob("*.py")} == sources


def test_byte_code_is_never_checked_against_its_source() -> None:
    """A zip keeps no exact time stamp: byte-code that is checked would be compiled anew."""
    byte_code = list(BUILD.rglob("*.pyc"))

    assert {path.name.split(".")[-2] for path in byte_code} <= {"cpython-313"}
    for path in byte_code:
        assert path.read_bytes()[4:8] == b"\x01\x00\x00\x00"


def test_what_is_deployed_is_what_is_tested() -> None:
    tested = pins(ROOT / "requirements/dev.txt")
    deployed = pins(ROOT / "layers/taqnyat/requirements.txt")

    assert len(deployed) > 5
    assert deployed.items() <= tested.items()
    assert pins(ROOT / "requirements/local.txt").items() <= tested.items()


@pytest.mark.parametrize(
    "path",
    [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers/taqnyat/requirements.txt"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_each_requirement_is_pinned_by_hash_and_no_index_is_named(path: Path) -> None:
    requirements = re.sub(r"\\\n", "", path.read_text("utf-8"))
    lines = [
        line for line in requirements.splitlines() if line and not line.lstrip().startswith("#")
    ]

    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==[^ ]+( ; [^-]+)? +--hash=sha256:", line), line
        assert "://" not in line
