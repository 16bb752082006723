"""Runs a command and ends it, with every process it started, when the caller is gone.

    python guardian.py FOLDER COMMAND...

The caller holds the other end of standard input. When that closes, because the caller closed it
or because it was killed, the command's process group is killed and FOLDER, where the command keeps
its temporary files, is removed. Runs in a session of its own, so Ctrl-C does not reach it first.
Needs nothing but the standard library and starts in milliseconds.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path


def guarded(folder: Path, command: list[str]) -> list[str]:
    """Return the command line that runs `command` under this guard."""
    return [sys.executable, "-I", __file__, str(folder), *command]


def main(folder: Path, command: list[str]) -> None:
    """Run the command until it ends or the caller goes; end with its exit code."""
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, close_fds=False
    )
    threading.Thread(target=_when_caller_goes, args=(child,), daemon=True).start()
    code = child.wait()
    _kill_group(child)
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)  # the thread may still be reading


def _when_caller_goes(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        while os.read(0, 1):
            pass
    _kill_group(child)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole group; its number is that of its first process, which leads a session."""
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses when only zombies are left
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    main(Path(sys.argv[1]), sys.argv[2:])
