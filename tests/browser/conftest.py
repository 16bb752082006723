"""The console in a real browser: the distribution's Chromium, driven by Playwright.

Without Chromium these tests are skipped, by name. One local stack serves all of them.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.stack import LocalStack, Options
from tests.browser import chromium

PATIENCE_MS = 30_000


def _need_chromium() -> None:
    """Skip, by name, where there is no browser."""
    if chromium.PATH is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")


# Not of the session: while Playwright is open its event loop runs here, and no other can.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium."""
    _need_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        running = chromium.launch(driver)
        yield running
        running.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Give the one stack of the session; not started where there is no browser."""
    _need_chromium()
    options = Options(root=tmp_path_factory.mktemp("local"), tick=1.0, alarms=False)
    with LocalStack(options) as running:
        yield running


@pytest.fixture
def console(stack: LocalStack) -> Iterator[str]:
    """Give the console's address; afterwards Taqnyat is well-behaved again."""
    assert stack.simulator is not None
    yield str(stack.details()["inbox_url"])
    stack.simulator.clear_script()
    stack.simulator.account(balance=None, enabled=True, ip_allowed=True, senders=None)


@pytest.fixture
def page(browser: Browser, console: str) -> Iterator[Page]:
    """Give the console, open and live; no error and no broken policy may be told meanwhile."""
    troubles: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
    opened.goto(console)
    expect(opened.locator("#live")).to_have_text("Live")
    yield opened
    context.close()
    assert troubles == []
