"""The generators of the reference pages, as the tests use them."""

import sys
from functools import cache

from tests.docs.blocks import ROOT

sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import cli_page
import contract_pages
import generated
import settings_page

pages = cache(generated.pages)
__all__ = ["cli_page", "contract_pages", "pages", "settings_page"]
