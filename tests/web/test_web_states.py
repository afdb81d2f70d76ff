"""The page where things are empty, hostile, broken or moving, in a real Chromium."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from karat.web.names import read_names
from tests.web.looking import PHONE, tab
from tests.web.networks import ACCOUNTS, Small, evidence, small, specification
from tests.web.serving import api, served

SCRIPT = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
TURNED = "\u202egnorw\u202c \u0000 \u2066"
LONG = "x" * 10_000
ENTRY = {"gain": 0.1, "weight": 3000, "norm": 1.0}


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as built:
        yield built


def store_of(folder: Path) -> str:
    return f"local:{folder / 'store'}"


def test_empty_network(browser: Browser, network: Small, tmp_path: Path, shots: Path) -> None:
    with (
        served(network.sdk(store_of(tmp_path)), store_of(tmp_path), tmp_path) as url,
        tab(browser, url) as one,
    ):
        assert "karat task create" in one.open("/").settle().text()
        one.shot(shots, "empty-light")
        one.check()


def hostile(network: Small, file: Path) -> dict[str, str]:
    """Hostile specification, evidence and names."""
    codec = {
        SCRIPT: TURNED,
        "deep": {LONG: SCRIPT, TURNED: {}},
        "many": dict.fromkeys(range(99), 1),
    }
    network.create(specification(SCRIPT + TURNED + LONG, codec=codec, training=[SCRIPT]))
    network.submit(1)
    first = [
        {
            "index": i, "code": 1, "trainer": LONG, "digest": SCRIPT, "verdict": SCRIPT,
            "findings": [{"verdict": SCRIPT, "reason": SCRIPT + TURNED + LONG, "related": LONG,
                          "signals": {SCRIPT + LONG: {"value": 1e300, "threshold": -1e-300}}}],
            **ENTRY,
        }
        for i in range(4)
    ]  # fmt: skip
    documents = [evidence(first), b"[" * 100_000, b'{"schema": "karat.evidence/1", "updates": NaN}']
    network.score(1, [1, 2, 20_000, 16_384], [network.keep(one) for one in documents])
    names = {ACCOUNTS[5].address: TURNED + SCRIPT, ACCOUNTS[6].address: "\u202ekarat" + LONG}
    file.write_text("".join(f'"{one}" = {json.dumps(name)}\n' for one, name in names.items()))
    return read_names(file)


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])
def test_hostile_content(
    viewport: dict[str, int] | None, browser: Browser, network: Small, tmp_path: Path, shots: Path
) -> None:
    """What strangers wrote is shown as text, cut, and acts on nothing."""
    names = hostile(network, tmp_path / "names.toml")
    options = {} if viewport is None else {"viewport": viewport}
    with (
        served(network.sdk(store_of(tmp_path)), store_of(tmp_path), tmp_path, names) as url,
        tab(browser, url, **options) as one,
    ):
        member = f"/tasks/1/participants/{ACCOUNTS[5].address}"
        for path in (
            "/",
            "/tasks/1",
            "/tasks/1/participants",
            member,
            "/tasks/1/reputation",
            "/reputation",
        ):
            one.open(path).settle()
            one.check()
        text = one.open("/tasks/1/rounds/1").settle().text()
        assert "<img src=x" in text
        if viewport is not None:
            one.page.get_by_role("button", name="All of this row").first.click()
        one.page.get_by_role("button", name="Why update 0").click()
        one.page.wait_for_selector(".report:nth-of-type(3)")
        text = one.text()
        assert "It is not what it should be" in text
        assert "\\u202e" in text
        assert not {"\u202e", "\u2066", "\u0000"} & set(text)
        assert max(map(len, text.split())) < 500
        one.shot(shots, f"hostile-{'phone' if viewport else 'light'}")
        one.check()
        assert one.page.evaluate("window.hacked") is None


def test_contradiction_between_vote_and_evidence(
    browser: Browser, network: Small, tmp_path: Path
) -> None:
    network.create(specification("honest"))
    network.submit(1)
    entries = [{"index": i, "code": 20_000, "findings": [], **ENTRY} for i in range(4)]
    digest = network.keep(evidence(entries))
    network.score(1, [1, 20_000, 20_000, 20_000], [digest] * 3)
    with (
        served(network.sdk(store_of(tmp_path)), store_of(tmp_path), tmp_path) as url,
        tab(browser, url) as one,
    ):
        one.open("/tasks/1/rounds/1").settle()
        one.page.get_by_role("button", name="Why update 0").click()
        one.page.wait_for_selector(".report")
        assert "says something else than the vote" in one.text()
        one.page.get_by_role("button", name="Why update 1").click()
        one.until("document.querySelectorAll('.report').length === 2")
        assert one.text().count("says something else than the vote") == 1


def test_store_is_gone(browser: Browser, network: Small, tmp_path: Path, shots: Path) -> None:
    """Without its store the page shows what the chain has, and says what is missing."""
    network.create(specification("kept"))
    network.submit(1)
    network.score(1, [20_000] * 4, [network.keep(evidence([]))] * 3)
    shutil.rmtree(tmp_path / "store")
    (tmp_path / "store").write_text("no folder")
    sdk = network.sdk(store_of(tmp_path))
    with served(sdk, store_of(tmp_path), tmp_path) as url, tab(browser, url) as one:
        text = one.open("/tasks/1").settle().text()
        assert "The content store cannot be read" in text
        assert "unnamed" in text
        one.open("/tasks/1/rounds/1").settle()
        one.page.get_by_role("button", name="Why update 0").click()
        one.page.wait_for_selector(".report .note")
        assert "The content store cannot be read" in one.page.inner_text(".report")
        one.shot(shots, "store-gone-light")
        one.check()


def test_follows_the_chain(browser: Browser, network: Small, tmp_path: Path, shots: Path) -> None:
    """What happens is shown without loading again, and what was open stays open."""
    sdk = network.sdk(store_of(tmp_path))
    with served(sdk, store_of(tmp_path), tmp_path) as url, tab(browser, url) as one:
        one.open("/")
        network.create(specification("moving"))
        one.until("document.body.innerText.includes('moving')")
        one.open("/tasks/1/rounds/1")
        one.page.evaluate("window.same = true")
        assert "No update yet" in one.text()
        network.submit(1)
        one.until("document.querySelectorAll('.region table')[0]?.rows.length === 5")
        one.shot(shots, "open-round-light")
        codes = [20_000, 18_000, 4, 1]
        entries = [{"index": i, "code": codes[i], "findings": [], **ENTRY} for i in range(4)]
        network.score(1, codes, [network.keep(evidence(entries))] * 3)
        one.until("document.body.innerText.includes('harmful')")
        one.page.get_by_role("button", name="Why update 3").click()
        one.page.wait_for_selector(".report")
        trainer = network.trainers[0]
        network.everyone((trainer, network.ledger.claim(1, trainer.address, [1])))
        one.until("document.querySelectorAll('.due').length === 1")
        assert one.page.locator(".report").count() == 1
        assert one.page.evaluate("window.same") is True
        one.check()


def test_node_goes_down(browser: Browser, tmp_path: Path, shots: Path) -> None:
    """The page stays, says so, and what it knows can still be looked at."""
    with small(tmp_path) as network:
        network.create(specification("kept"))
        sdk = network.sdk(store_of(tmp_path))
        page = served(sdk, store_of(tmp_path), tmp_path)
        url = page.__enter__()
        assert api(url, "/tasks/1")["phase"] == "commit"
    try:
        with tab(browser, url) as one:
            one.open("/tasks/1").settle()
            one.until("!document.querySelector('#trouble').hidden")
            text = one.text()
            assert "What you see may be out of date: the node does not answer" in text
            assert "kept" in text
            one.shot(shots, "node-down-light")
            one.check()
            page.__exit__(None, None, None)
            one.until("document.body.innerText.includes('The server of this page does not answer')")
            assert "kept" in one.text()
    finally:
        page.__exit__(None, None, None)
