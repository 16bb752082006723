"""The distribution's Chromium, without a window."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
PATH = next((path for name in _NAMES if (path := shutil.which(name))), None)
# No sandbox for root only, as in a container; the rest keeps Chromium from calling home.
_FLAGS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    *("--disable-gpu", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
    # Names of strangers, which lead to this machine: what a rebound name does.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
]


def launch(driver: Playwright) -> Browser:
    """Start it."""
    return driver.chromium.launch(executable_path=PATH, args=_FLAGS)
