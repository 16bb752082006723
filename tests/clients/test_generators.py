"""Code generators on docs/openapi.yaml: what they write imports, compiles and sends."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.matrix import PAYLOADS, Matrix, check_payloads
from tests.e2e.world import World

ROOT = Path(__file__).parents[2]
DESCRIPTION = ROOT / "docs/openapi.yaml"
# `make clients` installs the generators here.
BIN = ROOT / ".venv-clients/bin"
NODE = ROOT / "build/clients/node_modules"

pytestmark = [
    pytest.mark.skipif(not BIN.exists(), reason="the generators are not installed"),
    pytest.mark.timeout(300),
]
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")

OPENAPI_PYTHON_CLIENT = """
import json, sys
from taqnyat_mail_gateway_client import AuthenticatedClient
from taqnyat_mail_gateway_client.api.mails import list_mails, send_batch, send_mail, show_mail
from taqnyat_mail_gateway_client.models import Error, Mail
url, key, payloads = json.loads(sys.stdin.read())
client = AuthenticatedClient(base_url=url, token=key)
ids = [send_mail.sync(client=client, body=Mail.from_dict(one)).id for one in payloads]
mail = Mail.from_dict(payloads[0])
assert len(send_batch.sync(client=client, body=[mail, mail]).data) == 2
shown = show_mail.sync(ids[0], client=client)
assert shown.id == ids[0] and shown.taqnyat.state and shown.subject == ""
assert list_mails.sync(client=client, limit=2).data[0].object_
refused = send_mail.sync(client=client, body=Mail.from_dict(payloads[0] | {"cc": ["b@acme.sa"]}))
assert isinstance(refused, Error) and refused.name == "validation_error", refused
print(json.dumps(ids))
"""
OPENAPI_GENERATOR = """
import json, sys
import generated
from generated.exceptions import ApiException
url, key, payloads = json.loads(sys.stdin.read())
client = generated.ApiClient(generated.Configuration(host=url, access_token=key))
mails = generated.MailsApi(client)
read = generated.Mail.from_dict
ids = [mails.send_mail(read(one)).id for one in payloads]
assert len(mails.send_batch([read(payloads[0])] * 2).data) == 2
shown = mails.show_mail(ids[0])
assert shown.id == ids[0] and shown.taqnyat.state and shown.subject == ""
assert mails.list_mails(limit=2).data[0].object == "email"
try:
    mails.send_mail(read(payloads[0] | {"cc": ["b@acme.sa"]}))
except ApiException as error:
    assert (error.status, error.data.name) == (422, "validation_error"), error
else:
    raise AssertionError("cc was taken")
print(json.dumps(ids))
"""


def generate(*command: str | Path) -> None:
    """Run a generator."""
    path = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}  # it formats what it wrote by ruff
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | path
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Warning" not in done.stderr


def ids_sent(world: World, folder: Path, program: str) -> list[str]:
    """Run a program with a generated client; return the ids that it prints."""
    mail = {"from": "Acme <orders@acme.sa>", "to": [world.address()]}
    payloads = [
        mail | {name: text for name, text in payload.items() if text} for payload in PAYLOADS
    ]
    done = subprocess.run(
        [BIN / "python", "-c", program],
        cwd=folder,
        input=json.dumps([world.stack.api_url, world.stack.api_key, payloads]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ids: list[str] = json.loads(done.stdout)
    return ids


def test_openapi_python_client(world: World, matrix: Matrix, tmp_path: Path) -> None:
    folder = tmp_path / "client"
    generate(
        BIN / "openapi-python-client",
        *("generate", "--path", DESCRIPTION, "--output-path", folder, "--meta", "none"),
        "--fail-on-warning",
    )
    package = tmp_path / "taqnyat_mail_gateway_client"
    folder.rename(package)

    check_payloads(world, ids_sent(world, tmp_path, OPENAPI_PYTHON_CLIENT))
    matrix.note(
        "openapi-python-client", "imports", "six payloads", "batch", "get", "list", "errors"
    )


@needs_java
def test_openapi_generator_for_python(world: World, matrix: Matrix, tmp_path: Path) -> None:
    generate(*_generator("python", tmp_path), "--package-name", "generated")

    check_payloads(world, ids_sent(world, tmp_path, OPENAPI_GENERATOR))
    matrix.note("OpenAPI Generator, python", "imports", "six payloads", "batch", "get", "errors")


@needs_java
@pytest.mark.skipif(not NODE.exists(), reason="npm is not installed")
def test_openapi_generator_for_typescript(matrix: Matrix, tmp_path: Path) -> None:
    generate(*_generator("typescript-fetch", tmp_path))

    generate(
        NODE / ".bin/tsc",
        *("--strict", "--noEmit", "--skipLibCheck", "--target", "es2022", "--module", "esnext"),
        *("--moduleResolution", "bundler", tmp_path / "index.ts"),
    )
    matrix.note("OpenAPI Generator, typescript-fetch", "compiles strictly")


@needs_java
def test_openapi_generator_for_php(matrix: Matrix, tmp_path: Path) -> None:
    generate(*_generator("php", tmp_path))

    sources = list((tmp_path / "lib").rglob("*.php"))
    assert len(sources) > 20
    held = "generates"
    if php := shutil.which("php"):
        for source in sources:
            generate(php, "-l", source)
        held = "compiles"
    matrix.note("OpenAPI Generator, php", held)


def _generator(language: str, folder: Path) -> list[str | Path]:
    return [
        BIN / "openapi-generator-cli",
        *("generate", "-i", DESCRIPTION, "-g", language, "-o", folder),
    ]
