"""The pages whose blocks play whole rounds with real processes; see also test_ten_minutes.py."""

from collections.abc import Callable

import pytest

from tests.docs.blocks import PAGES, Page, read_page


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page",
    [p for p in map(read_page, PAGES) if "slow" in p.hints and p.path.stem != "ten_minutes"],
    ids=lambda page: page.name,
)
@pytest.mark.node
def test_every_block_runs(page: Page, follow: Callable[[Page], None]) -> None:
    follow(page)
