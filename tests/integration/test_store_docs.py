"""``docs/store.md`` says what the code does."""

import re
from pathlib import Path

from chain.store import errors, exchange, unixfs, walk
from karat.cli.store import store

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text()


def test_every_verb_is_described() -> None:
    verbs = {command.callback.__name__ for command in store.registered_commands if command.callback}
    assert set(re.findall(r"^\| `karat store (\w+)", PAGE, re.MULTILINE)) == verbs


def test_the_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    # The example ends by dropping the pin; the bytes are there until they are collected.
    here = example.replace("/tmp/example-store", str(tmp_path / "store"))  # noqa: S108
    assert here != example
    names: dict[str, object] = {}
    exec(here, names)  # noqa: S102 - our own page
    shown = re.findall(r"^(store\.get.*?)\s+# (b'.*')$", here, re.MULTILINE)
    assert [(eval(code, names), text) for code, text in shown] == [(b"hello", "b'hello'")]  # noqa: S307


def test_the_limits_are_the_codes() -> None:
    assert f"at most {unixfs.MAX_BLOCK >> 20} MiB" in PAGE
    assert f"| links of a node | {unixfs.MAX_LINKS} |" in PAGE
    assert f"| {walk.MAX_DEPTH} levels above the leaves |" in PAGE
    assert f"{walk.PATIENCE:.0f} s, and a second per {walk.SLOWEST >> 10} KiB received" in PAGE
    assert exchange.SILENCE_SECONDS <= walk.PATIENCE


def test_the_tree_of_errors_is_complete() -> None:
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__))
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    assert drawn == {each.__name__ for each in classes if issubclass(each, errors.StoreError)}
