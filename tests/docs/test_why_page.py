"""The page of typical answers is what real rounds answer."""

import pytest

from tests.answers.rounds import page
from tests.docs.blocks import ROOT


@pytest.mark.slow
def test_the_typical_answers_are_those_of_real_rounds() -> None:
    assert (ROOT / "docs" / "why.md").read_text("utf-8") == page()
