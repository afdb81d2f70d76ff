"""How fast the web page loads: ``python benchmarks/web.py``.

Plays rounds on a real Anvil until there are ``--updates`` updates of ``--participants`` members,
serves the page from its event index, and loads every page in a headless Chromium, each time with
an empty browser cache. Two moments count, from the start of the navigation: the DOM's
``DOMContentLoaded``, and when the page shows its data (``shown``, a performance mark; painted one
frame later; on the page of reputations the graph is drawn by then, too). ``--json`` prints
``karat.benchmark.web/1``.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

# The script's own folder has a `reputation.py`, which would hide the package.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.ledger_rounds import LedgerRounds  # noqa: E402
from chain.devnet import start_devnet  # noqa: E402
from karat.sdk import Network  # noqa: E402
from tests.web.chromium import browsing, find  # noqa: E402
from tests.web.looking import DESKTOP, PHONE  # noqa: E402
from tests.web.serving import api, served, wait_for  # noqa: E402

GENESIS = 1_700_000_000
VERIFIERS = 3
TARGET = 1_000.0  # milliseconds
_MOMENTS = """() => {
  const [load] = performance.getEntriesByType("navigation");
  const marks = ["shown", "drawn"].flatMap((name) => performance.getEntriesByName(name));
  const shown = Math.max(...marks.map((mark) => mark.startTime));
  const parts = [load, ...performance.getEntriesByType("resource")];
  const bytes = parts.reduce((sum, one) => sum + one.transferSize, 0);
  return [load.domContentLoadedEventEnd, shown, bytes];
}"""


@contextmanager
def network(updates: int, participants: int, folder: Path) -> Iterator[str]:
    """The URL of a page with so many updates and members, its reputations computed."""
    trainers = participants - VERIFIERS
    with start_devnet("anvil", timestamp=GENESIS, mining="manual") as devnet:
        rounds = LedgerRounds(devnet, trainers, VERIFIERS)
        number = 0
        while updates > 0:
            number += 1
            rounds.play(number, min(updates, trainers))
            updates -= trainers
        for played in range(1, number):
            rounds.claim([played], rounds.trainers)
        store = f"local:{folder / 'store'}"
        with served(Network(devnet.web3, rounds.ledger, None, store, 0), store, folder) as url:
            waiting = "/tasks/1/participants?limit=1"
            wait_for(lambda: not api(url, waiting)["computing"], "reputations", 300)
            yield url


def load(browser: Browser, url: str, viewport: Any) -> tuple[float, float, int]:
    """One load with an empty cache: milliseconds to each moment, and bytes over the wire."""
    context = browser.new_context(viewport=viewport)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("main[data-ready]")
    if url.endswith("/reputation"):
        page.wait_for_selector("#graph canvas")
        page.wait_for_timeout(500)  # the mark comes just after; it is not measured by this wait
    found: tuple[float, float, int] = tuple(page.evaluate(_MOMENTS))
    context.close()
    return found


def measure(browser: Browser, url: str, runs: int) -> dict[str, dict[str, float]]:
    """The medians of each page; a first load of each warms the server only."""
    member = api(url, "/tasks/1/participants?limit=1&role=trainer")["items"][0]["address"]
    pages = {
        "tasks": "/",
        "task": "/tasks/1",
        "round": "/tasks/1/rounds/1",
        "participants": "/tasks/1/participants",
        "participant": f"/tasks/1/participants/{member}",
        "reputation": "/tasks/1/reputation",
    }
    found = {}
    for name, path in pages.items():
        for size, viewport in (("", DESKTOP), (" (phone)", PHONE)):
            load(browser, url + path, viewport)
            loads = [load(browser, url + path, viewport) for _ in range(runs)]
            content, shown, size_ = zip(*loads, strict=True)
            found[name + size] = {
                "dom_content_loaded_ms": round(statistics.median(content), 1),
                "shown_ms": round(statistics.median(shown), 1),
                "worst_shown_ms": round(max(shown), 1),
                "kilobytes": round(statistics.median(size_) / 1000, 1),
            }
    return found


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=1_000)
    parser.add_argument("--participants", type=int, default=503)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        with (
            network(options.updates, options.participants, Path(name)) as url,
            browsing(find()) as browser,
        ):
            print(f"network ready after {time.perf_counter() - started:.0f} s", file=sys.stderr)
            pages = measure(browser, url, options.runs)
    if options.json:
        document = {"schema": "karat.benchmark.web/1", **vars(options), "pages": pages}
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    print(f"{options.updates} updates, {options.participants} participants, {options.runs} loads")
    print(f"{'page':<24}{'DOM':>9}{'shown':>9}{'worst':>9}{'kB':>8}   (ms, target {TARGET:.0f})")
    for page, row in pages.items():
        figures = (row["dom_content_loaded_ms"], row["shown_ms"], row["worst_shown_ms"])
        print(
            f"{page:<24}" + "".join(f"{one:>9.0f}" for one in figures) + f"{row['kilobytes']:>8.0f}"
        )


if __name__ == "__main__":
    main()
