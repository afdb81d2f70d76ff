"""The first example in docs/chain.md runs as it stands."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "chain.md"


def test_the_private_chain_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"## A private chain\n\n```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    exec(compile(example[1], str(DOCS), "exec"), {})  # noqa: S102
    printed = capsys.readouterr().out
    assert "'deploy Ledger'" in printed
    assert "'mint': {'count': 1" in printed


def test_every_module_it_names_exists() -> None:
    named = set(re.findall(r"^\| `(chain\.[a-z_.]+)`", DOCS.read_text(), re.MULTILINE))
    assert len(named) > 8
    root = DOCS.parents[1]
    for name in named:
        path = root / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
