"""What a stranger's specification may not ask for, refused by name before memory is taken."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from learning.errors import TaskError, UnknownNameError
from learning.tasks import TaskSpec, get
from learning.training import layout_of

GPT = {"vocabulary": 64, "time": 8, "width": 8, "layers": 1, "heads": 1}


def asked(name: str, path: str, value: Any) -> TaskSpec:
    """A task with one field changed."""
    document: dict[str, Any] = json.loads(get(name).to_bytes())
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value
    return TaskSpec.from_bytes(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.steps", 10**9),
        ("training.batch", 10**9),
        ("scoring.batch", 10**9),
        ("data.root", 10**12),
        ("data.test", 10**12),
        ("codec.max_bytes", 10**15),
        ("model.sizes", {"inputs": 64, "hidden": 10**9, "classes": 10}),
        ("model.sizes", {"inputs": 64, "hidden": -5, "classes": 10}),
        ("model.sizes", {"inputs": 64, "hidden": 0, "classes": 10}),
        ("model.sizes", {**GPT, "layers": 10**6}),
        ("model.sizes", {**GPT, "heads": 0}),
        ("model.sizes", {**GPT, "time": 0}),
        ("model.sizes", {f"size{i}": 1 for i in range(33)}),
        ("model.init_seed", -1),
        ("model.init_seed", 2**70),
        ("model.kind", "m" * 100),
    ],
)
def test_a_greedy_specification_is_refused_by_name(path: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        asked("mlp-digits", path, value)
    named = [".".join(map(str, error["loc"])) for error in refused.value.errors()]
    assert all(name.startswith(path) for name in named)


def test_a_model_that_is_too_large_as_a_whole_is_refused_before_it_is_built() -> None:
    sizes = {"inputs": 1 << 20, "hidden": 1 << 20, "classes": 10}
    with pytest.raises(TaskError, match=r"parameters; this software takes"):
        layout_of(asked("mlp-digits", "model.sizes", sizes))


@pytest.mark.parametrize("name", ["mlp-digits", "cnn-digits", "gpt-text"])
def test_the_tasks_that_there_are_stay_within_the_bounds(name: str) -> None:
    assert layout_of(TaskSpec.from_bytes(get(name).to_bytes())).total > 0


def test_a_name_that_a_task_carries_is_never_run(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("raise SystemExit('it was run')")
    with pytest.raises(UnknownNameError):
        get(f"{file}:Task")


def test_bundle_model_and_data_go_together() -> None:
    part = {"digest": "00" * 32, "size": 1}
    bundle = dict.fromkeys(("program", "frozen", "holdout", "sample"), part) | {"test": "00" * 32}
    with pytest.raises(ValidationError, match="go together"):
        asked("mlp-digits", "bundle", bundle)
    with pytest.raises(ValidationError, match="go together"):
        asked("mlp-digits", "model.kind", "program")
    with pytest.raises(ValidationError, match="less than or equal"):
        asked("mlp-digits", "bundle", bundle | {"program": part | {"size": 1 << 40}})
