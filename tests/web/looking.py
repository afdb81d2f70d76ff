"""A browser tab that notes everything that goes wrong in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.web.serving import wait_for

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
_PATIENCE = 120.0  # seconds: a process that evaluates models starts slowly on a busy machine
_LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Tab:
    """An open page, and what was wrong on it."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> "Tab":
        """Go to a path, and wait until it is shown."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector("main[data-ready]")
        return self

    def settle(self) -> "Tab":
        """Wait until nothing is loading or being computed."""
        return self.until("!document.querySelector('[aria-busy]')")

    def until(self, holds: str) -> "Tab":
        """Wait until an expression is true; the page's policy keeps Playwright from doing so."""
        wait_for(lambda: self.page.evaluate(holds), holds, _PATIENCE)
        return self

    def text(self) -> str:
        """All that can be read."""
        return self.page.inner_text("body")

    def check(self) -> None:
        """Nothing was logged or refused, and nothing hangs over the edge."""
        refused = self.page.evaluate("window.refused")
        assert self.wrong + refused == []
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    def shot(self, folder: Path, name: str) -> None:
        """Save a picture of the whole page."""
        self.page.screenshot(path=folder / f"{name}.png", full_page=True)


@contextmanager
def tab(browser: Browser, url: str, **options: Any) -> Iterator[Tab]:
    """A tab of its own; ``options`` are of the browser's context."""
    chosen: dict[str, Any] = {"viewport": DESKTOP, "service_workers": "block", **options}
    context: BrowserContext = browser.new_context(**chosen)
    context.add_init_script(_LISTEN)
    page = context.new_page()
    opened = Tab(page, url)
    page.on("console", lambda said: opened.wrong.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: opened.wrong.append(str(error)))
    page.on(
        "request",
        lambda one: None if one.url.startswith(url) else opened.wrong.append(f"asked {one.url}"),
    )
    try:
        yield opened
    finally:
        context.close()
