"""Every code block of README and docs does what its page says. Slow pages: test_slow_pages.py."""

from collections.abc import Callable

import pytest

from tests.docs.blocks import PAGES, Page, read_page

SKIPPED_AT_MOST = 14  # a limit to argue about: each one needs a reason in its page


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page",
    [p for p in map(read_page, PAGES) if p.code and "slow" not in p.hints],
    ids=lambda page: page.name,
)
@pytest.mark.node
def test_every_block_runs(page: Page, follow: Callable[[Page], None]) -> None:
    follow(page)


def test_few_blocks_are_not_run_and_each_has_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = [block for path in PAGES for block in read_page(path).code if block.skip]
    with capsys.disabled():
        print(f"\n{len(skipped)} code blocks of the documentation are not run:")
        for block in skipped:
            print(f"  {block}: {block.skip}")
    assert all(len(block.skip.split()) > 2 for block in skipped)
    assert len(skipped) <= SKIPPED_AT_MOST
