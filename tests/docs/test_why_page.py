"""``docs/why.md`` is what the code answers about rounds that are judged anew."""

import re
from pathlib import Path

import pytest

from tests.answers.rounds import page

PAGE = Path(__file__).parents[2] / "docs" / "why.md"
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@pytest.mark.slow
def test_the_page_is_what_the_judge_answers() -> None:
    # Another machine's arithmetic may differ by a step of the grid.
    written, made = PAGE.read_text("utf-8"), page()
    assert NUMBER.sub("N", written) == NUMBER.sub("N", made)
    numbers = [[float(n.replace(",", "")) for n in NUMBER.findall(x)] for x in (written, made)]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=3)
