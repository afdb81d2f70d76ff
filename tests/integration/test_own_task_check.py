"""What a class of one's own would become, before anything is published; and trainers' files."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from karat.errors import ConfigError
from karat.participants.trainer.data import load_examples
from karat.sdk import own_tasks
from karat.sdk.comparing import compare, sample_of
from learning import tasks
from learning.errors import PluginError
from learning.tasks.data import Examples, divided
from tests.cli.schemas import checked

CLASS = """
import numpy as np
import karat
from learning.tasks.spec import TrainingSpec
from torch import nn

class Price(karat.Task):
    training = TrainingSpec(steps=12, batch=32, lr=0.02, optimiser="adamw")

    def examples(self):
        x = np.random.default_rng(0).standard_normal((400, 4))
        return x, x @ [1.0, -2.0, 0.5, 0.0]

    def model(self):
        return nn.Linear(4, 1)

    def loss(self, output, target):
        return (output[:, 0] - target) ** 2

class Fails(Price):
    def model(self):
        return nn.Linear(4, 1 // 0)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "price.py"
    path.write_text(CLASS)
    return path


def test_a_class_is_checked_before_it_costs_anything(written: Path) -> None:
    told = checked(own_tasks.check_task(f"{written}:Price").to_json())
    assert (told["parameters"], told["trainable"]) == (5, 5)
    assert told["parity"] <= 1e-5
    assert told["operators"]["aten.linear.default"] == 1
    assert told["metrics_after"]["loss"] < told["metrics_before"]["loss"]
    assert told["seconds_per_round"].keys() == {"trainer", "verifier"}
    assert all(told["gas_per_round"][party] > 0 for party in ("trainer", "verifier"))
    assert [one["attack"] for one in told["attacks"]] == list(own_tasks.ATTACKS)
    for one in told["attacks"]:
        assert one["reward_share"] is None or one["reward_share"] < one["trainer_share"] / 4


def test_a_class_that_fails_is_named_with_its_line(written: Path) -> None:
    with pytest.raises(PluginError, match=r"price.py, line \d+: ZeroDivisionError"):
        own_tasks.check_task(f"{written}:Fails")
    with pytest.raises(ConfigError, match="write FILE"):
        own_tasks.check_task("mlp-digits")


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


GOOD = np.arange(12, dtype=np.float64).reshape(3, 4), np.array([1, 2, 3])


def test_trainers_files_of_every_kind_give_the_same_examples(written: Path, tmp_path: Path) -> None:
    spec = tasks.load(f"{written}:Price")
    x, y = GOOD
    rows = [",".join(map(str, [*a, b])) for a, b in zip(x, y, strict=True)]
    np.savez(tmp_path / "a.npz", x=x, y=y)
    save_file({"x": x.astype(np.float32), "y": y.astype(np.float32)}, tmp_path / "b.safetensors")
    (tmp_path / "c.csv").write_text("﻿" + table("one,two,three,four,y", *rows), encoding="utf-8")
    for file in sorted(tmp_path.iterdir()):
        read = load_examples(spec, file)
        assert read.x.dtype == read.y.dtype == np.float32
        assert np.array_equal(read.x, x)
        assert np.array_equal(read.y, y)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "d.csv").write_text("nothing")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._c.csv").write_bytes(b"\0\5")
    (tmp_path / "notes.txt").write_text("mine")
    assert len(load_examples(spec, tmp_path)) == 9
    assert len(load_examples(spec, Path(f"{written}:Price"))) == 400


BAD: dict[str, tuple[str, bytes | str, str]] = {
    "pointer": ("a.csv", "version https://git-lfs.github.com/spec/v1\noid x", "git lfs pull"),
    "columns": ("a.csv", table("a,b,y", "1,2,3"), "needs 4 columns for 'x'"),
    "target": ("a.csv", table("a,b,c,d,z", "1,2,3,4,5"), "columns for 'y'"),
    "text": ("a.csv", table("a,b,c,d,y", "1,2,x,4,5"), "line 2, column 'c': 'x' is no number"),
    "short": ("a.csv", table("a,b,c,d,y", "1,2"), "line 2 has 2 values"),
    "twice": ("a.csv", table("a,a,c,d,y", "1,2,3,4,5"), "one name"),
    "empty": ("a.csv", "", "columns for 'y'|no rows"),
    "encoding": ("a.csv", "é,b,c,d,y\n".encode("utf-16"), "cannot be read"),
    "nan": ("a.csv", table("a,b,c,d,y", "1,2,nan,4,5"), "NaN or infinity"),
    "no archive": ("a.npz", b"PK\3\4 and nothing", "cannot be read"),
    "no tensors": ("a.safetensors", b"\xff" * 20, "cannot be read"),
    "nothing": ("a.txt", "1,2", "no examples to read"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_named(written: Path, tmp_path: Path, case: str) -> None:
    name, content, words = BAD[case]
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError, match=words) as raised:
        load_examples(tasks.load(f"{written}:Price"), file)
    assert str(file) in str(raised.value)


def test_archives_are_bounded_and_never_unpickled(written: Path, tmp_path: Path) -> None:
    spec = tasks.load(f"{written}:Price")
    objects: Any = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "a.npz", x=objects, y=objects)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_examples(spec, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for place in range(5):
            with archive.open(f"{place}.npy", "w", force_zip64=True) as member:
                for _ in range(16):
                    member.write(bytes(1 << 20))
    sized = (tmp_path / "b.npz").read_bytes()
    large = (1 << 31).to_bytes(4, "little")
    (tmp_path / "b.npz").write_bytes(sized.replace((1 << 24).to_bytes(4, "little"), large))
    with pytest.raises(ConfigError, match=r"cannot be read|unpacks to"):
        load_examples(spec, tmp_path / "b.npz")


def test_data_on_another_scale_or_of_other_classes_are_warned_of() -> None:
    spec = tasks.get("mlp-digits")
    sample = sample_of(spec)
    assert compare(divided(spec).test, sample).warnings == []
    assert compare(sample.take(np.arange(40)), sample).warnings == []
    raw = Examples(sample.x * 6 + 4.9, sample.y, sample.group)
    assert "scaled alike" in compare(raw, sample).warnings[0]
    unit = Examples((sample.x * 6 + 4.9) / 16, sample.y, sample.group)
    assert "scaled alike" in compare(unit, sample).warnings[0]
    more = Examples(sample.x, sample.y + 1, sample.group)
    assert "numbered alike" in compare(more, sample).warnings[0]
