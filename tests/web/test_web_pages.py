"""The pages of a played demo in a real Chromium: content, looks, keyboard, accessibility."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from karat.protocol.content import Content
from learning.model_state import Layout, ModelState
from learning.training import layout_of
from learning.weights import to_safetensors
from tests.web.chromium import Installed
from tests.web.looking import DESKTOP, PHONE, Tab, tab
from tests.web.networks import Show
from tests.web.serving import api

LOOKS = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
}
PAGES = (
    "tasks", "task", "round", "void-round", "participants", "participant", "reputation", "standing",
    "accounts", "account", "compare", "api",
)  # fmt: skip


@pytest.fixture(scope="session")
def copied(page_url: str) -> dict[str, Any]:
    """An update of round 1 or 2 that was found to be a duplicate, with its round."""
    return next(
        {"round": number, **update}
        for number in (1, 2)
        for update in api(page_url, f"/tasks/1/rounds/{number}/updates")["items"]
        if update["verdict"] == "duplicate"
    )


@pytest.fixture(scope="session")
def paths(copied: dict[str, Any]) -> dict[str, str]:
    return {
        "tasks": "/",
        "task": "/tasks/1",
        "round": "/tasks/1/rounds/2",
        "void-round": "/tasks/1/rounds/3",
        "participants": "/tasks/1/participants",
        "participant": f"/tasks/1/participants/{copied['trainer']}",
        "reputation": "/tasks/1/reputation",
        "standing": "/reputation",
        "accounts": "/accounts",
        "account": f"/accounts/{copied['trainer']}",
        "compare": "/compare",
        "api": "/api",
    }


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_looks(
    name: str,
    look: str,
    browser: Browser,
    chromium: Installed,
    page_url: str,
    paths: dict[str, str],
    copied: dict[str, Any],
    shots: Path,
) -> None:
    """No page logs an error, asks elsewhere, breaks its policy, overflows or fails axe-core."""
    with tab(browser, page_url, **LOOKS[look]) as one:
        one.open(paths[name]).settle()
        if name == "round":
            if look == "phone":
                one.shot(shots, "round-phone-folded")
                unfold_third(one)
            one.page.get_by_role("button", name="Why update 3").click()
            one.page.wait_for_selector(".report")
        if name in {"reputation", "standing"}:
            one.page.get_by_role("button", name=f"Explain the score of {copied['name']}").click()
            one.page.wait_for_selector(".why table")
        one.shot(shots, f"{name}-{look}")
        one.check()
        if chromium.axe is not None and look != "phone":
            one.page.evaluate(chromium.axe.read_text("utf-8"))
            found = one.page.evaluate("axe.run()")
            broken = [(rule["id"], [n["html"][:200] for n in rule["nodes"][:3]])
                      for rule in found["violations"]]  # fmt: skip
            assert broken == []


def unfold_third(one: Tab) -> None:
    """Show all of update 3, of which a phone shows a line."""
    row = one.page.locator(".folds tbody tr").nth(3)
    row.get_by_role("button", name="All of this row").click()


def test_a_phone_shows_a_line_for_each_update(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url, **LOOKS["phone"]) as one:
        one.open("/tasks/1/rounds/2").settle()
        rows = one.page.locator(".folds").first.locator("tbody tr")
        heights = [box["height"] for row in rows.all() if (box := row.bounding_box())]
        assert len(heights) == len(api(page_url, "/tasks/1/rounds/2/updates")["items"])
        assert max(heights) < 60
        assert not one.page.get_by_role("button", name="Why update 3").is_visible()
        unfold_third(one)
        assert one.page.get_by_role("button", name="Why update 3").is_visible()
        one.until("document.querySelector('.unfold[aria-expanded=true]') !== null")
        one.check()


def test_every_table_can_be_saved(browser: Browser, page_url: str) -> None:
    updates = api(page_url, "/tasks/1/rounds/2/updates")["items"]
    with tab(browser, page_url) as one:
        one.open("/tasks/1/rounds/2").settle()
        with one.page.expect_download() as saved:
            one.page.get_by_role("button", name="Save updates of round 2").click()
        rows = list(csv.DictReader(StringIO(saved.value.path().read_text("utf-8"))))
        assert saved.value.suggested_filename == "karat-updates-of-round-2-of-task-1.csv"
        assert [row["Trainer"] for row in rows] == [one["trainer"] for one in updates]
        assert [row["Content"] for row in rows] == [one["cid"] or "" for one in updates]
        placed = updates[0]["revealed"]
        assert rows[0]["revealed"] == f"{placed['block']} {placed['transaction']}"
        assert "Why" not in rows[0]
        one.check()


def test_a_model_is_downloaded(browser: Browser, page_url: str, played: Show) -> None:
    with tab(browser, page_url) as one:
        one.open("/tasks/1").settle()
        assert "Use this task" in one.text()
        with one.page.expect_download() as saved:
            one.page.get_by_role("link", name="After round 2").click()
        model = ModelState.from_bytes(*attested(played, 2))
        assert saved.value.suggested_filename == "karat-task-1-round-2.safetensors"
        assert saved.value.path().read_bytes() == to_safetensors(model)
    missing = httpx.get(f"{page_url}/tasks/1/model-3.safetensors")
    assert (missing.status_code, "no model after round 3" in missing.text) == (404, True)


def attested(show: Show, number: int) -> tuple[Layout, bytes]:
    """The layout of the demo's model, and the bytes that verifiers attested after a round."""
    task = show.network.task(1)
    content = Content(*task.history.round(number).next_model)  # type: ignore[misc]
    return layout_of(task.content.spec), show.network.store.get(content.cid, max_bytes=1 << 20)


def test_the_network_at_a_glance(browser: Browser, page_url: str, copied: dict[str, Any]) -> None:
    with tab(browser, page_url) as one:
        text = one.open("/").settle().text()
        assert "2 rounds settled" in text
        assert "What happened last" in text
        assert "Reputations were anchored" in text
        one.page.get_by_role("link", name="Accounts").first.click()
        one.page.wait_for_url("**/accounts")
        one.page.get_by_label("Search").fill(copied["name"])
        one.until("document.body.innerText.includes('1 account,')")
        one.page.get_by_role("link", name=copied["name"]).click()
        one.page.wait_for_url("**/accounts/0x*")
        one.until("document.body.innerText.includes('mlp-digits')")
        one.check()


def test_runs_are_compared(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url) as one:
        one.open("/compare").settle()
        one.until("document.querySelectorAll('.chart').length === 2")
        one.page.get_by_label("Compare task 1").uncheck()
        one.until("document.querySelectorAll('.chart').length === 0")
        assert one.page.url.endswith("?tasks=")
        one.check()


def test_tasks(browser: Browser, page_url: str, paths: dict[str, str]) -> None:
    with tab(browser, page_url) as one:
        one.open("/")
        row = one.page.get_by_role("row").nth(1).inner_text()
        assert "mlp-digits" in row
        assert "Finished" in row
        assert "3 of 3" in row
        one.page.get_by_role("link", name="mlp-digits").click()
        one.page.wait_for_url("**/tasks/1")


def test_task(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url) as one:
        text = one.open("/tasks/1").settle().text()
        assert "Accuracy after each round" in text
        for shown in ("Round 3", "void", "duplicate", "100 KDEV", "1 epoch anchored"):
            assert shown in text
        chart = one.page.get_by_role("img", name="Accuracy after each round")
        assert "round 2" in str(chart.get_attribute("aria-label"))


def test_round_shows_every_update_with_its_votes(
    browser: Browser, page_url: str, played: Show
) -> None:
    updates = api(page_url, "/tasks/1/rounds/2/updates")["items"]
    with tab(browser, page_url) as one:
        one.open("/tasks/1/rounds/2").settle()
        rows = one.page.get_by_role("table").first.get_by_role("row")
        assert rows.count() == 1 + len(updates)
        for i, update in enumerate(updates, 1):
            row = rows.nth(i).inner_text()
            assert played.names[update["trainer"]] in row
            if update["index"] is None:
                assert "not revealed" in row
                assert "honest-8" in row
            elif update["verdict"] != "ok":
                assert row.count(update["verdict"]) == 1 + len(update["votes"])


def test_why(browser: Browser, page_url: str, copied: dict[str, Any]) -> None:
    """The evidence of a copy names what it is a copy of."""
    with tab(browser, page_url) as one:
        one.open(f"/tasks/1/rounds/{copied['round']}").settle()
        button = one.page.get_by_role("button", name=f"Why update {copied['index']} got")
        button.click()
        one.page.wait_for_selector(".report")
        assert button.get_attribute("aria-expanded") == "true"
        text = one.page.inner_text(".evidence").replace("\n", "")
        assert "verifier-1, verifier-2, verifier-3" in text
        assert "in an earlier round" in text
        assert "see the update" in text
        button.click()
        assert one.page.locator(".report").count() == 0
        one.check()


def test_filters(browser: Browser, page_url: str, copied: dict[str, Any]) -> None:
    with tab(browser, page_url) as one:
        one.open(f"/tasks/1/rounds/{copied['round']}").settle()
        one.page.get_by_role("button", name="Refused").click()
        one.until("!document.querySelector('main').innerText.includes('honest-1')")
        assert one.page.evaluate("document.activeElement.textContent") == "Refused"
        assert copied["name"] in one.text()


def test_void_round_says_so(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url) as one:
        text = one.open("/tasks/1/rounds/3").settle().text()
        assert "This round is void" in text
        assert "committed" in text


def test_participant(
    browser: Browser, page_url: str, paths: dict[str, str], copied: dict[str, Any]
) -> None:
    with tab(browser, page_url) as one:
        text = one.open(paths["participant"]).settle().text()
        assert copied["name"] in text
        assert "sponsor→verifier" in one.page.inner_text(".way").replace("\n", "")
        one.until("document.body.innerText.includes('The anchor contract itself has checked it')")
        assert "holds" in one.page.inner_text(".region:last-of-type")


def test_search(browser: Browser, page_url: str, played: Show) -> None:
    with tab(browser, page_url) as one:
        one.open("/tasks/1/participants").settle()
        one.page.get_by_label("Search").fill("flip")
        one.until("document.body.innerText.includes('1 member;')")
        one.page.get_by_label("Search").fill("")
        one.page.get_by_label("Order").select_option("reputation")
        one.until("document.querySelector('tbody').innerText.trim().startsWith('verifier')")


def test_graph_answers_to_clicks(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url) as one:
        one.open("/tasks/1/reputation").settle()
        one.page.wait_for_selector("#graph canvas")
        box = one.page.locator("#graph").bounding_box()
        assert box is not None
        one.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        one.until(
            "document.querySelector('#why').innerText.includes('Reputation is seen from here')"
        )
        one.check()


def test_keyboard_alone(browser: Browser, page_url: str) -> None:
    """From the address bar to an explained score, with Tab and Enter, seeing where one is."""
    with tab(browser, page_url) as one:
        one.open("/tasks/1/reputation").settle()
        one.page.keyboard.press("Tab")
        assert one.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        assert one.page.locator(".skip").bounding_box()["width"] > 100  # type: ignore[index]
        one.page.keyboard.press("Enter")
        for _ in range(40):
            one.page.keyboard.press("Tab")
            focused = one.page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
            width = one.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            assert width == "3px"
            if focused.startswith("Explain the score"):
                break
        assert focused.startswith("Explain the score")
        one.page.keyboard.press("Enter")
        one.until("document.querySelector('.why').innerText.includes('seen by')")
        assert one.page.evaluate("document.activeElement.id") == "why"


def test_reduced_motion_and_print(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url, reduced_motion="reduce") as one:
        one.open("/tasks/1/rounds/2").settle()
        moving = "getComputedStyle(document.querySelector('.button')).transitionDuration"
        assert one.page.evaluate(moving) == "0s"
        one.page.emulate_media(media="print")
        assert not one.page.get_by_role("button", name="Refused").is_visible()
        assert one.page.get_by_role("table").first.is_visible()


def test_unknown_places(browser: Browser, page_url: str) -> None:
    with tab(browser, page_url) as one:
        assert "Not found" in one.open("/nothing/here").text()
        assert "there is no task 7" in one.open("/tasks/7").text()
        assert "round 9 of task 1 has not been opened" in one.open("/tasks/1/rounds/9").text()
