"""The operators' command line, run on a local stack."""

import shlex
import subprocess

from local.deployment import ROOT
from local.stack import LocalStack

_PATIENCE_SECONDS = 900.0


def operate(stack: LocalStack, words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run `taqnyat-mail` with these words and this input; all that it says is in `stdout`."""
    at = ["--stack-json", str(stack.folder.stack_json)]
    return subprocess.run(
        [str(ROOT / "taqnyat-mail"), *shlex.split(words), *at],
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
