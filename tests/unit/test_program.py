"""Programs: what is exported equals the original, and what is hostile is refused by name."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from learning.errors import ProgramError
from learning.program.container import Program
from learning.program.export import Exported, export_program
from learning.program.operators import ATEN, aten

CPU = torch.device("cpu")


class Small(nn.Module):
    """Convolution, frozen batch statistics, dropout, and a buffer outside the state dict."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(64, 5)
        self.register_buffer("scale", torch.arange(5.0) + 1, persistent=False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Logits [n, 5] among other things."""
        hidden = functional.relu(self.norm(self.conv(x.view(-1, 1, 8, 8))))
        hidden = functional.max_pool2d(hidden, 2).flatten(1)
        return {"aux": hidden.mean(1), "logits": self.out(self.drop(hidden)) * self.scale}


def loss(output: Any, target: Tensor) -> Tensor:
    """Cross-entropy with weights of its own."""
    weight = torch.tensor([1.0, 2.0, 1.0, 1.0, 0.5])
    return functional.cross_entropy(output["logits"], target, weight, reduction="none")


def metrics(output: Any, target: Tensor) -> dict[str, Tensor]:
    """Accuracy."""
    return {"accuracy": (output["logits"].argmax(1) == target).float().mean()}


def batch(n: int = 6) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Random examples."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(n, 64, generator=draw)
    return {"x": x}, {"y": torch.randint(5, (n,), generator=draw)}


@pytest.fixture(scope="module")
def exported() -> Exported:
    """The small model."""
    torch.manual_seed(0)
    x, y = batch()
    return export_program(Small(), loss, x, y, trainable=lambda _: True, metrics=metrics)


def trained(made: Exported) -> list[Tensor]:
    """The trained tensors at the start."""
    sizes = [int(np.prod(one.shape)) for one in made.program.trained]
    parts = torch.from_numpy(made.start).split(sizes)
    return [part.reshape(one.shape) for part, one in zip(parts, made.program.trained, strict=True)]


def test_export_agrees_with_the_original(exported: Exported) -> None:
    torch.manual_seed(0)
    original = Small().eval()
    program, (x, y) = Program.parse(exported.program.to_bytes()), batch(17)
    frozen = program.read_frozen(exported.frozen)
    outputs = program.forward.run([*trained(exported), *frozen, x["x"]], CPU)
    with torch.no_grad():
        wanted = original(x["x"])
    assert program.outputs == ((5,),)  # what the loss does not use is left out
    torch.testing.assert_close(outputs[0], wanted["logits"], atol=1e-5, rtol=1e-5)
    after = [*frozen, *outputs, y["y"]]
    torch.testing.assert_close(
        program.loss.run(after, CPU)[0], loss(wanted, y["y"]), atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(
        program.metrics["accuracy"].run(after, CPU)[0], metrics(wanted, y["y"])["accuracy"]
    )


def test_gradients_reach_what_is_trained(exported: Exported) -> None:
    x, y = batch()
    parameters = [value.clone().requires_grad_() for value in trained(exported)]
    frozen = exported.program.read_frozen(exported.frozen)
    outputs = exported.program.forward.run([*parameters, *frozen, x["x"]], CPU)
    exported.program.loss.run([*frozen, *outputs, y["y"]], CPU)[0].mean().backward()
    assert all(value.grad is not None and value.grad.any() for value in parameters)


@pytest.mark.seconds
def test_two_processes_write_the_same_bytes(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[1]); import test_program as t;"
        "from pathlib import Path; torch.manual_seed(0); x, y = t.batch();"
        "made = t.export_program(t.Small(), t.loss, x, y, trainable=lambda _: True,"
        " metrics=t.metrics); Path(sys.argv[2]).write_bytes(made.program.to_bytes())"
    )
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, here, str(path)], check=True)
    assert path.read_bytes() == exported.program.to_bytes()


def test_cost_grows_with_the_batch(exported: Exported) -> None:
    small, large = exported.program.cost(2), exported.program.cost(200)
    assert 50 < large.flops / small.flops < 110
    # Both ways of counting: 4 kernels of 3·3 on 8·8 places, and the last layer.
    assert large.flops > 200 * 2 * (4 * 9 * 64 + 64 * 5)


def test_no_operator_writes_draws_or_chooses() -> None:
    for name in ATEN:
        operator: Any = aten(name)
        assert not operator._schema.is_mutable, name
        if name not in ("aten.scaled_dot_product_attention.default",):  # without dropout only
            assert torch.Tag.nondeterministic_seeded not in operator.tags, name
        assert torch.Tag.data_dependent_output not in operator.tags, name


def refused(exported: Exported, change: Callable[[dict[str, Any]], Any]) -> str:
    """What is said of the program after a change of its document."""
    document = json.loads(exported.program.to_bytes())
    change(document)
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(ProgramError) as caught:
        Program.parse(data)
    return str(caught.value)


def node(operator: str, *arguments: Any, **options: Any) -> Callable[[dict[str, Any]], None]:
    """A change: the model begins with this operator on its last input."""

    def change(document: dict[str, Any]) -> None:
        last = sum(len(document[name]) for name in ("trained", "frozen", "inputs")) - 1
        filled = [{"v": last} if argument == "x" else argument for argument in arguments]
        document["forward"] = {"nodes": [[operator, filled, options]], "outputs": [last + 1]}

    return change


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "code": (node("builtins.eval", "print(1)"), "no operator"),
    "another namespace": (node("torch.ops.load_library", "evil.so"), "no operator"),
    "a file": (node("aten.from_file.default", "/etc/passwd"), "no operator"),
    "in place": (node("aten.add_.Tensor", "x", "x"), "no operator"),
    "resize": (node("aten.resize_.default", "x", [1 << 40]), "no operator"),
    "strides": (node("aten.as_strided.default", "x", [9], [1 << 40]), "no operator"),
    "random": (node("aten.rand_like.default", "x"), "no operator"),
    "dropout": (
        node("aten.scaled_dot_product_attention.default", "x", "x", "x", None, 0.5), "dropout",
    ),
    "a device": (node("aten.zeros.default", [1], device="cuda:7"), "where they run"),
    "by its values": (node("aten.nonzero.default", "x"), "no operator"),
    "a mask": (node("aten.index.Tensor", "x", [{"v": 1}]), "does not take"),
    "memory": (node("aten.zeros.default", [1 << 20, 1 << 20]), "GiB"),
    "a huge size": (node("aten.zeros.default", [1 << 62, 1 << 62]), "does not take"),
    "expanded": (node("aten.expand.default", "x", [1 << 30, 5, 64]), "GiB"),
    "repeated": (node("aten.repeat.default", "x", [1 << 20, 1 << 20]), "GiB"),
    "an outer product": (node("aten.einsum.default", "ab,cd->abcd", ["x", "x"]), "argument"),
    "another shape": (node("aten.relu.default", "x"), "come out as"),
    "whole numbers": (node("aten.argmax.default", "x", 1), "come out as"),
    "its own result": (node("aten.relu.default", {"v": 10**6}), "no argument"),
    "a negative value": (node("aten.relu.default", {"v": -1}), "no argument"),
    "a large number": (node("aten.add.Scalar", "x", 1 << 80), "no argument"),
    "zero division": (node("int.floordiv", 1, 0), "does not take"),
    "a number as result": (node("aten.sym_size.int", "x", 0), "no tensor"),
    "deep lists": (node("aten.cat.default", [[[[[["x"]]]]]]), "no argument"),
    "an unknown dtype": (node("aten.to.dtype", "x", {"dtype": "object"}), "no argument"),
    "a long text": (node("aten.gelu.default", "x", approximate="t" * 9999), "no argument"),
    "many nodes": (
        lambda d: d["forward"].update(nodes=[["aten.relu.default", [{"v": 0}], {}]] * (1 << 16)),
        "at most",
    ),
    "an output from nowhere": (lambda d: d["loss"].update(outputs=[999]), "no value"),
    "more to read": (lambda d: d.update(extra=1), "ten parts"),
    "another version": (lambda d: d.update(version=2), "version"),
    "a mean loss": (
        lambda d: d["loss"].update(
            nodes=[*d["loss"]["nodes"], ["aten.mean.default", [{"v": 0}], {}]],
            outputs=[d["loss"]["outputs"][0] + 1],
        ),
        "loss come out",
    ),
    "a large model": (lambda d: d["trained"].append(["more", [1 << 31, 1 << 31]]), "no shape"),
    "no size": (lambda d: d["inputs"].__setitem__(0, ["x", "float32", [-1]]), "no shape"),
    "twice": (lambda d: d["trained"].append(d["trained"][0]), "one name"),
    "true is no number": (lambda d: d["forward"].update(outputs=[True]), "no value"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_programs_are_refused_by_name(exported: Exported, kind: str) -> None:
    change, words = HOSTILE[kind]
    assert words in refused(exported, change)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b'{"version":1}',
        b"9" * 10_000,
        b" " * (1 << 25),
    ],
)
def test_bytes_that_are_no_program(data: bytes) -> None:
    with pytest.raises(ProgramError):
        Program.parse(data)


def test_one_program_one_text(exported: Exported) -> None:
    data = exported.program.to_bytes()
    with pytest.raises(ProgramError, match="canonical"):
        Program.parse(data + b" ")
    twice = data.replace(b'"version":1', b'"version":1,"version":1')
    with pytest.raises(ProgramError, match="canonical"):
        Program.parse(twice)


def test_frozen_tensors_are_the_declared_ones(exported: Exported) -> None:
    from safetensors.torch import load, save

    tensors = load(exported.frozen)
    for changed in (
        {},
        {**tensors, "more": torch.zeros(1)},
        {**tensors, "scale": tensors["scale"].double()},
        {**tensors, "scale": torch.zeros(6)},
    ):
        with pytest.raises(ProgramError):
            exported.program.read_frozen(save(changed))
    with pytest.raises(ProgramError):
        exported.program.read_frozen(b"\x80\x04.")


class Branches(nn.Module):
    """Looks at values."""

    def __init__(self) -> None:
        super().__init__()
        self.o = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Different for different data."""
        return {"logits": self.o(x if x.sum() > 0 else -x)}


class Fixed(Branches):
    """Knows one number of examples only."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """For three."""
        return {"logits": self.o(x.reshape(3, 64))}


class Noisy(Branches):
    """Draws random numbers."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Noise."""
        return {"logits": self.o(x + torch.randn_like(x))}


@pytest.mark.parametrize(
    ("model", "words"),
    [(Branches, "branches"), (Fixed, "any number"), (Noisy, "randn_like")],
)
def test_what_cannot_be_exported_is_named(model: type[nn.Module], words: str) -> None:
    x, y = batch()
    with pytest.raises(ProgramError, match=words):
        export_program(model(), loss, x, y, trainable=lambda _: True)


def test_a_mean_loss_and_nothing_to_train_are_named() -> None:
    x, y = batch()
    with pytest.raises(ProgramError, match="reduction"):
        export_program(Small(), lambda o, t: loss(o, t).mean(), x, y, trainable=lambda _: True)
    with pytest.raises(ProgramError, match="nothing is trained"):
        export_program(Small(), loss, x, y, trainable=lambda _: False)
