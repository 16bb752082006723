"""The pictures of the documentation: `make pictures`, or `python -m tests.browser.pictures`.

Plays on a local stack, in Chromium and on a terminal of paper, and writes docs/pictures. Latin text
is set in Inter and Arabic in a Noto face where they are installed.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.stack import LocalStack
from tests.browser import chromium

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
MERMAID = ROOT / "build" / "mermaid" / "package" / "dist" / "mermaid.min.js"
# Labels as text of the SVG: what is HTML inside of one is not shown everywhere.
DRAWING = {
    "startOnLoad": False,
    "theme": "neutral",
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False},
    "handDrawnSeed": 1,
    "fontFamily": "system-ui, sans-serif",
}
DIGITS = re.compile(r"(\d+\.\d)\d+")  # a tenth of a pixel is fine enough
BLOCK = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
_PATIENCE_MS = 60_000
SIZE = {"width": 1360, "height": 850}
ORDER = """<html lang="ar" dir="rtl"><body style="margin:0;background:#f3f6f5">
<div style="max-width:34rem;margin:1.5rem auto;background:#fff;border-radius:12px;padding:2rem;
  font-family:'Noto Sans Arabic','Noto Naskh Arabic',sans-serif;line-height:1.9;color:#1d2433">
<p style="margin:0;color:#0f6b5c;font-weight:700">متجر النخبة</p>
<h1 style="margin:.3rem 0 1rem;font-size:1.6rem">شكراً لك يا نورة</h1>
<p>استلمنا طلبك رقم <b dir="ltr">1042</b> وسنخبرك عند شحنه.</p>
<table style="width:100%;border-collapse:collapse;margin:1.2rem 0">
<tr><td style="padding:.5rem 0;border-bottom:1px solid #e3e8e6">قهوة مختصة، ٢٥٠ غراماً</td>
<td style="text-align:left;border-bottom:1px solid #e3e8e6">٥٦٫٠٠ ر.س</td></tr>
<tr><td style="padding:.5rem 0;border-bottom:1px solid #e3e8e6">كوب خزف</td>
<td style="text-align:left;border-bottom:1px solid #e3e8e6">٣٩٫٠٠ ر.س</td></tr>
<tr><td style="padding:.5rem 0"><b>المجموع</b></td>
<td style="text-align:left"><b>٩٥٫٠٠ ر.س</b></td></tr></table>
<p style="background:#0f6b5c;color:#fff;border-radius:8px;padding:.6rem 1.2rem;display:inline-block;
  margin:0">تتبع الطلب</p></div></body></html>"""
MAILS: tuple[tuple[str, str, str, str], ...] = (
    ("sam@example.com", "Your sign-in code", "<p>Your code is <b>482 915</b>.</p>", "sign-in"),
    ("fahad@example.com", "فاتورتك لشهر نوفمبر", "<p>مرفق ملخص فاتورتك.</p>", "invoices"),
    ("lina@example.com", "Welcome to Acme", "<h1>Welcome, Lina</h1>", "welcome"),
    ("omar@example.com", "تم شحن طلبك رقم 1039", "<p>طلبك في الطريق إليك.</p>", "orders"),
    ("nora@example.com", "تم استلام طلبك رقم 1042", ORDER, "orders"),
)


def main() -> None:
    """Make every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    demo = [sys.executable, "-m", "local.demo", "--picture", str(FOLDER / "demo.svg")]
    subprocess.run(demo, cwd=ROOT, check=True)
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as driver, LocalStack() as stack:
        browser = chromium.launch(driver)
        diagrams(browser)
        console(browser, stack)
        browser.close()


def diagrams(browser: Browser) -> None:
    """Draw each Mermaid block of the README and of docs/, named by its text, for the site."""
    folder = FOLDER / "diagrams"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    page = browser.new_page()
    page.set_content('<main style="width: 60rem"></main>')
    page.add_script_tag(path=MERMAID)
    page.evaluate("settings => mermaid.initialize(settings)", DRAWING)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for text in BLOCK.findall(path.read_text(encoding="utf-8")):
            name = hashlib.sha256(text.strip().encode()).hexdigest()[:12]
            svg = page.evaluate(
                "async ([name, text]) => (await mermaid.render(`d${name}`, text)).svg", [name, text]
            )
            svg = DIGITS.sub(r"\1", svg).replace('style="', 'style="background: #fff; ', 1)
            (folder / f"{name}.svg").write_text(svg + "\n", encoding="utf-8")
    page.close()


def console(browser: Browser, stack: LocalStack) -> None:
    """Write the console: an Arabic mail, a journey, an unknown outcome, a pause."""
    url = str(stack.details()["inbox_url"])
    with opened(browser, url, "light") as light, opened(browser, url, "dark") as dark:
        for number, mail in enumerate(MAILS, 1):
            send(light, *mail)
            expect(light.locator("#inbox-count")).to_have_text(str(number))
        for page in (light, dark):
            page.get_by_role("listitem").filter(has_text="1042").click()
            expect(page.frame_locator("iframe").get_by_text("تتبع الطلب")).to_be_visible()
        shoot(light, "inbox-light")
        shoot(dark, "inbox-dark")
        dark.get_by_role("tab", name="Journey").click()
        shoot(dark, "journey-dark")
        unknown(light)
        pause(light, dark)


def unknown(page: Page) -> None:
    """Let Taqnyat take a mail and say nothing."""
    page.get_by_role("radio", name="Accept, then hang").check()
    follow(page, send(page, "huda@example.com", "إيصال", "<p>إيصالك</p>", "orders"))
    expect(page.locator(".timeline li").last).to_contain_text("not sent again")
    shoot(page, "unknown-light")


def pause(*pages: Page) -> None:
    """Let the balance run out while mails wait."""
    pages[0].get_by_role("radio", name="Balance empty").check()
    waiting = [
        send(pages[0], f"c{n}@example.com", "عروض", "<p>خصم ٣٠٪</p>", "season-end")
        for n in range(12)
    ]
    expect(pages[0].locator("#pause-title")).to_have_text("Sending is paused.")
    total = len(MAILS) + 1 + len(waiting)
    for page, scheme in zip(pages, ("light", "dark"), strict=True):
        follow(page, waiting[0])
        expect(page.locator("#mails-count")).to_have_text(str(total))
        expect(page.locator("#list-count")).to_have_text(f"{total} mails")
        expect(page.locator(".timeline li").last).to_contain_text("Waiting")
        expect(page.locator("#pause-probe")).to_have_text(re.compile("Next probe in"))
        shoot(page, f"pause-{scheme}")


def send(page: Page, to: str, subject: str, html: str, campaign: str) -> str:
    """Send through the console, as its form does; return the mail's id."""
    mail = {"from": "متجر النخبة <orders@acme.sa>", "to": to, "subject": subject, "html": html}
    url = page.url.partition("#")[0]
    answer = page.request.post(f"{url}api/emails", data={**mail, "campaign_name": campaign})
    assert answer.ok, answer.text()
    return str(answer.json()["id"])


def follow(page: Page, mail_id: str) -> None:
    """Open the journey of a mail."""
    page.goto(f"{page.url.partition('#')[0]}#/mails/{mail_id}")


def shoot(page: Page, name: str) -> None:
    """Write what the page shows."""
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


@contextmanager
def opened(browser: Browser, url: str, scheme: str) -> Iterator[Page]:
    """Open the console in a colour scheme."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(url)
    expect(page.locator("#live")).to_have_text("Live")
    yield page
    context.close()


if __name__ == "__main__":
    main()
