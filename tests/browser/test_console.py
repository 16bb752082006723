"""What a person does at the console, against the whole local stack."""

import re
import uuid
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Self

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from local.loopback import LoopbackServer
from local.stack import LocalStack

CONNECTION = "a connection"
SETTLE_MS = 1000  # what must not happen gives nothing to wait for
EVIL = """<!DOCTYPE html><html><head><title>Evil</title>
  <link rel="stylesheet" href="http://beacon/style.css">
  <link rel="preconnect" href="http://beacon"><link rel="prefetch" href="http://beacon/prefetch">
  <meta http-equiv="refresh" content="0;url=http://beacon/refresh">
  <base href="http://beacon/"></head><body background="http://beacon/background">
  <p>The text</p><script>parent.pwned = top.pwned = window.pwned = 1; alert(1)</script>
  <script src="http://beacon/script.js"></script>
  <img src="http://beacon/pixel.png" onerror="parent.pwned = 1; alert(2)">
  <img src=x onerror="top.location = 'http://beacon/top'">
  <iframe src="http://beacon/frame"></iframe><object data="http://beacon/object"></object>
  <ifr<iframe>ame src="http://beacon/joined"></iframe>
  <video src="http://beacon/video" autoplay></video><svg onload="alert(3)"></svg>
  <style>@import url(http://beacon/import.css); p { background: url(http://beacon/css.png) }</style>
  <form action="http://beacon/form"><button id="b">Go</button></form>
  <a id="a" href="http://beacon/link">A link</a><a href="javascript:alert(4)">js</a>
  </body></html>"""


def write(page: Page, to: str, subject: str, body: str, kind: str = "html") -> None:
    """Fill the form and send it."""
    page.get_by_role("button", name="Send a mail").click()
    form = page.get_by_role("dialog")
    form.get_by_label("To", exact=True).fill(to)
    form.get_by_label("Subject").fill(subject)
    form.get_by_label("Body", exact=True).select_option(kind)
    form.get_by_label("Body's text").fill(body)
    form.get_by_role("button", name="Send", exact=True).click()


def switch(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).check()
    expect(page.get_by_role("radio", name=name)).to_be_checked()


def address() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def test_a_mail_sent_by_the_form_arrives_and_its_way_is_told(page: Page) -> None:
    to = address()

    write(page, to, "أهلاً وسهلاً", "<p>شكراً لتسجيلك</p>")

    # The form leads to the journey, which goes on by itself.
    steps = page.locator(".timeline li")
    expect(steps.last).to_contain_text("Taqnyat accepted the mail")
    expect(steps.get_by_role("heading")).to_have_text(
        ["Accepted", "Queued", "Claimed", "Attempt 1: sent", "Sent"]
    )
    page.get_by_role("link", name="See it in the inbox").click()
    expect(page.get_by_role("article").get_by_role("heading", level=2)).to_have_text("أهلاً وسهلاً")
    expect(page.get_by_role("article")).to_contain_text(to)
    preview = page.frame_locator("iframe")
    expect(preview.get_by_text("شكراً لتسجيلك")).to_be_visible()
    assert preview.locator("html").evaluate("html => getComputedStyle(html).direction") == "rtl"


def test_the_inbox_grows_without_a_reload(page: Page, stack: LocalStack) -> None:
    assert stack.simulator is not None
    count = page.locator("#inbox-count")
    before = int(count.inner_text())

    write(page, address(), "First", "text", kind="text")

    expect(count).to_have_text(str(before + 1))
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_an_empty_balance_pauses_and_a_top_up_resumes(page: Page) -> None:
    switch(page, "Balance empty")

    write(page, address(), "Waits", "<p>for money</p>")

    pause = page.get_by_role("status").filter(has_text="Sending is paused")
    expect(pause).to_contain_text("Taqnyat's balance is empty")
    expect(page.locator("#pause-probe")).to_have_text(re.compile("probe|Probing"))
    expect(page.locator(".timeline li").last).to_contain_text("Waiting")
    expect(page.locator("[data-stage=worker]")).to_contain_text("stopped")

    page.get_by_role("button", name="Top up 100").click()

    expect(page.locator(".timeline li").last).to_contain_text("Taqnyat accepted the mail")
    expect(page.locator("[data-stage=worker]")).to_contain_text("reading the queue")
    expect(page.locator("#balance-amount")).to_have_text("99")
    expect(pause).to_be_hidden()


def test_an_ambiguous_answer_is_shown_as_unknown_and_the_mail_is_found(page: Page) -> None:
    switch(page, "Server error")

    write(page, address(), "Ambiguous", "<p>maybe</p>")

    expect(page.locator(".timeline li").last).to_contain_text("not sent again on a guess")
    expect(page.locator("[data-stage=failed-queue] b")).not_to_have_text("0")


def test_a_script_in_a_mail_does_not_run_and_nothing_is_loaded(page: Page) -> None:
    with Beacon() as beacon:
        evil = EVIL.replace("//beacon", beacon.base_url.removeprefix("http:"))
        write(page, address(), "Evil <script>alert(5)</script>", evil)
        expect(page.locator(".timeline li").last).to_contain_text("Taqnyat accepted the mail")
        page.get_by_role("link", name="See it in the inbox").click()
        preview = page.frame_locator("iframe")
        expect(preview.get_by_text("The text")).to_be_visible()
        page.wait_for_timeout(SETTLE_MS)
        assert beacon.seen == []

        # A reader's own click may open a connection; nothing is asked on it.
        preview.locator("#b").click()
        preview.locator("#a").click()
        page.wait_for_timeout(SETTLE_MS)
        assert beacon.requested() == []

        assert page.evaluate("window.pwned") is None
        assert page.title() == "Taqnyat mail gateway, local"
        assert page.url.startswith("http://127.0.0.1:")
        expect(page.get_by_role("article").get_by_role("heading", level=2)).to_have_text(
            "Evil <script>alert(5)</script>"
        )
    page.get_by_role("tab", name="Source").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("<script>parent.pwned")


def test_the_fields_are_shown_as_sent_and_the_token_is_not(page: Page, stack: LocalStack) -> None:
    assert stack.simulator is not None
    to = address()
    write(page, to, "Fields", "<p>x</p>")
    page.get_by_role("link", name="See it in the inbox").click()

    page.get_by_role("tab", name="As sent").click()

    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("application/x-www-form-urlencoded")
    expect(panel).to_contain_text("campaignName")
    expect(panel).to_contain_text(to)
    expect(panel).to_contain_text("Bearer ••••••••")
    assert stack.simulator.token not in page.content()
    assert stack.api_key not in page.content()


def test_search_finds_by_word_and_by_arabic_without_its_marks(page: Page) -> None:
    name = uuid.uuid4().hex[:10]
    write(page, f"{name}@example.com", "تأكيدُ الطلب", f"<p>طلب {name}</p>")
    page.get_by_role("link", name="See it in the inbox").click()
    search = page.get_by_role("searchbox", name="Search the mails")
    rows = page.get_by_role("list", name="Inbox").get_by_role("listitem")

    search.fill(f"تاكيد {name}")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(name)
    search.fill(f"{name} nowhere")
    expect(rows).to_have_count(0)
    expect(page.get_by_text("Nothing has all of these words.")).to_be_visible()


def test_the_keyboard_reaches_everything(page: Page) -> None:
    for subject in ("Keys one", "Keys two"):
        write(page, address(), subject, f"<p>{subject}</p>")
        expect(page.locator(".timeline li").last).to_contain_text("Taqnyat accepted the mail")
    page.get_by_role("navigation").get_by_role("link", name="Inbox").click()
    expect(page.get_by_role("listitem").filter(has_text="Keys two")).to_be_visible()

    # From the top: the skip link leads to the list, arrows walk in it, Enter opens.
    page.reload()
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.get_by_role("listitem").filter(has_text="Keys two")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the list of mails")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article").get_by_role("heading", level=2)).to_have_text("Keys one")
    expect(page.get_by_role("list", name="Inbox").locator("a").nth(1)).to_be_focused()

    # The tabs are one stop, with arrows inside.
    page.get_by_role("tab", name="Preview").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="As sent")).to_be_focused()
    expect(page.get_by_role("tab", name="As sent")).to_have_attribute("aria-selected", "true")

    # The form opens with the focus in it, is sent by Enter, and Escape closes it.
    page.get_by_role("button", name="Send a mail").press("Enter")
    expect(page.get_by_role("dialog").get_by_label("To", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Send a mail")).to_be_focused()


def test_a_mail_is_gone_through_by_keys_saved_and_deleted(page: Page, stack: LocalStack) -> None:
    name = uuid.uuid4().hex[:10]
    for subject in ("Older", "Newer"):
        write(page, address(), f"{subject} {name}", f"<p>{subject}</p>")
        expect(page.locator(".timeline li").last).to_contain_text("Taqnyat accepted the mail")
    page.get_by_role("navigation").get_by_role("link", name="Inbox").click()
    page.keyboard.press("/")
    page.keyboard.type(f"subject:{name} -nowhere")
    title = page.get_by_role("article").get_by_role("heading", level=2)
    rows = page.get_by_role("list", name="Inbox").get_by_role("listitem")
    expect(rows).to_have_count(2)
    page.keyboard.press("Tab")

    for key, subject in (("j", "Newer"), ("j", "Older"), ("j", "Older"), ("k", "Newer")):
        page.keyboard.press(key)
        expect(title).to_have_text(f"{subject} {name}")

    with page.expect_download() as download:
        page.get_by_role("link", name=".eml").click()
    assert f"Subject: Newer {name}" in download.value.path().read_text("utf-8")
    page.get_by_role("button", name="Delete this mail").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Delete 1").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(rows).to_have_count(0)
    assert stack.simulator is not None
    assert not [mail for mail in stack.simulator.inbox() if name in mail["fields"]["subject"]]


def test_older_mails_come_as_the_list_is_read_and_none_is_left_out(
    page: Page, stack: LocalStack
) -> None:
    campaign = uuid.uuid4().hex[:10]

    def come(numbers: range) -> None:
        assert stack.simulator is not None
        for number in numbers:
            fields = {"to": f"c{number}@example.com", "subject": f"No. {number}", "msg": "x"}
            entry = {"at": "2026-11-25T10:00:00.000Z", "msg_id": 10**6 + number, "auth": "body"}
            mail = {**entry, "fields": {**fields, "campaignName": campaign}}
            stack.simulator.provider.books.add_mail(mail)

    def read_on() -> None:
        page.locator("#scroll").evaluate("box => box.scrollTo(0, box.scrollHeight)")
        page.wait_for_timeout(50)

    come(range(230))
    page.get_by_role("searchbox").fill(f"campaign:{campaign}")
    rows = page.get_by_role("list", name="Inbox").get_by_role("listitem")
    expect(page.locator("#list-count")).to_have_text("230 matches")
    expect(rows.first).to_contain_text("No. 229")

    held: list[Route] = []
    page.route("**/api/inbox?*before=*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks at its parameters
    while not held:
        read_on()
    come(range(230, 350))  # more than a page, while an older one is on its way
    expect(page.locator("#list-count")).to_have_text("350 matches")
    for route in held:
        route.continue_()
    page.unroute("**/api/inbox?*before=*")
    while not page.get_by_role("listitem").filter(has_text="No. 0").count():
        read_on()
    expect(rows).to_have_count(350)


def test_what_the_api_refuses_is_said_at_the_form(page: Page) -> None:
    write(page, "nowhere", "Wrong", "<p>x</p>")

    form = page.get_by_role("dialog")
    expect(form.get_by_role("alert")).to_contain_text("`to")
    expect(form).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(browser: Browser, console: str, scheme: str) -> None:
    """Hold the palette to WCAG AA: 4.5 to 1 for each text colour on each surface it is used on."""
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    opened = context.new_page()
    opened.goto(console)
    colour = opened.evaluate(
        """() => {
          const canvas = document.createElement("canvas").getContext("2d");
          const probe = document.body.appendChild(document.createElement("i"));
          const names = ["page", "surface", "raised", "accent-soft", "warn-soft", "warn-ink",
            "ink", "muted", "accent", "accent-ink", "sent", "queued", "sending", "scheduled",
            "failed", "unknown", "canceled"];
          return Object.fromEntries(names.map((name) => {
            probe.style.color = `var(--${name})`;
            canvas.fillStyle = getComputedStyle(probe).color;
            canvas.fillRect(0, 0, 1, 1);
            return [name, [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)]];
          }));
        }"""
    )
    context.close()
    pairs = [(text, back) for text in ("ink", "muted") for back in ("page", "surface", "raised")]
    pairs += [("ink", "accent-soft"), ("muted", "accent-soft"), ("warn-ink", "warn-soft")]
    pairs += [("accent-ink", "accent"), ("failed", "surface"), ("unknown", "surface")]
    pairs += [
        (state, "surface") for state in ("sent", "queued", "sending", "scheduled", "canceled")
    ]

    assert {
        pair: ratio for pair in pairs if (ratio := contrast(*map(colour.get, pair))) < 4.5
    } == {}


VIEWS = {
    "inbox": lambda page: page.locator("#list a").first.click(),
    "journeys": lambda page: page.get_by_role("link", name="Journeys").click(),
    "links": lambda page: page.get_by_role("tab", name="Links").click(),
    "form": lambda page: page.get_by_role("button", name="Send a mail").click(),
    "question": lambda page: page.get_by_role("button", name="Delete this mail").click(),
}


@pytest.mark.parametrize(
    ("width", "scheme", "direction"),
    [(390, "light", "rtl"), (390, "dark", "ltr"), (1024, "light", "ltr"), (1600, "dark", "rtl")],
)
def test_axe_finds_nothing(
    browser: Browser, page: Page, console: str, width: int, scheme: str, direction: str
) -> None:
    write(
        page, address(), "تأكيد " * 60, "<p>شكراً لتسجيلك معنا <a href='https://acme.sa'>هنا</a></p>"
    )
    expect(page.locator(".timeline li").last).to_contain_text("Taqnyat accepted the mail")
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,  # axe is a script of its own
    )
    opened = context.new_page()
    opened.goto(console)
    opened.evaluate("direction => { document.documentElement.dir = direction; }", direction)
    expect(opened.locator("#list a").first).to_be_visible()
    found: dict[tuple[str, str], list[str]] = {}
    for name in ("inbox", "links", "question", "form", "journeys"):
        VIEWS[name](opened)
        if name == "inbox":
            expect(opened.get_by_role("tabpanel")).to_be_visible()
        seen = Axe().run(opened).response["violations"]
        found |= {(name, one["id"]): [node["html"] for node in one["nodes"]] for one in seen}
        opened.keyboard.press("Escape")
    wide = opened.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()

    assert found == {}
    assert wide <= 0, "the page is wider than the window"


def contrast(one: list[int], other: list[int]) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, relative luminance)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: list[int]) -> float:
    shares = [value / 255 for value in colour]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Beacon(LoopbackServer):
    """A stranger's server that notes every connection made to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Stranger)
        self.seen: list[str] = []
        self.noting = Lock()

    def process_request(self, request: object, client_address: object) -> None:
        with self.noting:
            self.seen.append(CONNECTION)
        super().process_request(request, client_address)

    def requested(self) -> list[str]:
        """Return what was asked for."""
        with self.noting:
            return [entry for entry in self.seen if entry != CONNECTION]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Stranger(BaseHTTPRequestHandler):
    server: Beacon

    def do_GET(self) -> None:
        with self.server.noting:
            self.server.seen.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
