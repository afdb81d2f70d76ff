"""Tables as files, from a hostile network's names."""

import csv
from io import StringIO
from pathlib import Path

from playwright.sync_api import Browser

from tests.web.looking import tab
from tests.web.networks import ACCOUNTS, small, specification
from tests.web.serving import served

FORMULA = '=HYPERLINK("http://evil","x"),\n"y"'


def test_a_name_is_no_formula_in_a_spreadsheet(browser: Browser, tmp_path: Path) -> None:
    store = f"local:{tmp_path / 'store'}"
    with small(tmp_path) as network:
        network.create(specification(FORMULA))
        names = {ACCOUNTS[5].address: FORMULA}
        with served(network.sdk(store), store, tmp_path, names) as url, tab(browser, url) as one:
            one.open("/").settle()
            with one.page.expect_download() as saved:
                one.page.get_by_role("button", name="Save tasks as CSV").click()
            (row,) = csv.DictReader(StringIO(saved.value.path().read_text("utf-8")))
            assert row["Task"].startswith("'=HYPERLINK")
            assert row["Task"].endswith("#1")
            one.open("/tasks/1/participants").settle()
            with one.page.expect_download() as saved:
                one.page.get_by_role("button", name="Save participants").click()
            rows = list(csv.DictReader(StringIO(saved.value.path().read_text("utf-8"))))
            assert ACCOUNTS[5].address in {row["Address"] for row in rows}
            assert not any(cell[:1] in "=@\t\r" for row in rows for cell in row.values() if cell)
            one.check()
