"""Tasks that somebody wrote: six families of models, four kinds of data, one round each."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import karat
from karat.errors import ConfigError
from karat.participants.sponsor.authoring import author
from learning.codec import Codec
from learning.errors import ProgramError
from learning.judge.valuation import value_updates
from learning.receipts import Step, receipts
from learning.tasks.data import divided, partition
from learning.tasks.spec import TrainingSpec
from learning.training import initial_model, layout_of, measure, train

STEPS = TrainingSpec(steps=12, batch=32, lr=0.01, optimiser="adamw")
RNG = np.random.default_rng(3)


class Pictures(karat.Task):
    """A convolutional network with group norm on pictures."""

    training: ClassVar[TrainingSpec] = STEPS

    def examples(self) -> tuple[Any, Any]:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return (x.reshape(-1, 1, 8, 8) - 5) / 6, y

    def model(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.1), nn.Linear(128, 10),
        )  # fmt: skip

    def loss(self, output: Any, target: Any) -> Tensor:
        return functional.cross_entropy(output, target, reduction="none")

    def metrics(self, output: Any, target: Any) -> dict[str, Tensor]:
        return {"accuracy": (output.argmax(1) == target).float().mean()}


class Regression(karat.Task):
    """A perceptron with a squared loss on columns of numbers."""

    training: ClassVar[TrainingSpec] = STEPS

    def examples(self) -> tuple[Any, Any]:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((600, 6))
        return x, x @ rng.standard_normal(6) + 0.1 * rng.standard_normal(600)

    def model(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss(self, output: Any, target: Any) -> Tensor:
        return (output[:, 0] - target) ** 2


class TwoInputs(nn.Module):
    """Numbers and categories; two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 8)
        self.body = nn.Linear(12, 16)
        self.tags = nn.Linear(16, 3)
        self.level = nn.Linear(16, 1)

    def forward(self, numbers: Tensor, kind: Tensor) -> dict[str, Tensor]:
        """Tags [n, 3] and level [n]."""
        hidden = functional.relu(self.body(torch.cat([numbers, self.table(kind)], 1)))
        return {"tags": self.tags(hidden), "level": self.level(hidden)[:, 0]}


class ManyLabels(karat.Task):
    """Several inputs, several outputs, several targets."""

    training: ClassVar[TrainingSpec] = STEPS

    def examples(self) -> tuple[Any, Any]:
        rng = np.random.default_rng(1)
        numbers, kind = rng.standard_normal((600, 4)), rng.integers(7, size=600)
        tags = np.stack([numbers[:, 0] > 0, kind > 3, numbers[:, 1] > kind / 7], axis=1)
        return {"numbers": numbers, "kind": kind}, {
            "tags": tags.astype(float), "level": numbers[:, 2] + kind,
        }  # fmt: skip

    def model(self) -> nn.Module:
        return TwoInputs()

    def loss(self, output: Any, target: Any) -> Tensor:
        tags = functional.binary_cross_entropy_with_logits(
            output["tags"], target["tags"], reduction="none"
        )
        level = functional.smooth_l1_loss(output["level"], target["level"], reduction="none")
        return tags.mean(1) + 0.1 * level


class NextToken(karat.Task):
    """Text: a transformer of Hugging Face's, its output object as it is."""

    training: ClassVar[TrainingSpec] = STEPS

    def examples(self) -> tuple[Any, Any]:
        text = np.frombuffer(b"the quick brown fox jumps over the lazy dog. " * 120, dtype=np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(text % 64, 17)[::13]
        return windows[:, :-1], windows[:, 1:]

    def loss(self, output: Any, target: Any) -> Tensor:
        return functional.cross_entropy(output.logits.transpose(1, 2), target, reduction="none")


class Gpt2(NextToken):
    """Tied weights."""

    def model(self) -> nn.Module:
        from transformers import GPT2Config, GPT2LMHeadModel

        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=64, n_positions=16, n_embd=32, n_layer=1, n_head=2, use_cache=False,
                bos_token_id=0, eos_token_id=0,
            )
        )  # fmt: skip


class Llama(NextToken):
    """Buffers outside the state dict."""

    def model(self) -> nn.Module:
        from transformers import LlamaConfig, LlamaForCausalLM

        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                num_attention_heads=2, max_position_embeddings=16, use_cache=False,
            )
        )  # fmt: skip


class Lora(Gpt2):
    """A frozen base with adapters."""

    def model(self) -> nn.Module:
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=4, target_modules=["c_attn"], fan_in_fan_out=True)
        return get_peft_model(super().model(), config)


FAMILIES: dict[str, tuple[type[karat.Task], int | None]] = {
    "pictures, CNN": (Pictures, None),
    "columns, regression": (Regression, 6 * 16 + 16 + 17),
    "records, several heads": (ManyLabels, None),
    "text, GPT-2": (Gpt2, None),
    "text, Llama": (Llama, None),
    "text, LoRA": (Lora, 4 * 32 + 4 * 96),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of peft about transformers
@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=pytest.mark.slow) if "text" in name else name for name in FAMILIES],
)
@pytest.mark.seconds
def test_a_round_of_each_family(family: str) -> None:
    kind, parameters = FAMILIES[family]
    if "text" in family:
        pytest.importorskip("peft")
    made = author(kind())
    spec = made.spec
    assert made.parity <= 1e-5
    assert parameters in (None, layout_of(spec).total)
    base, codec = initial_model(spec), Codec(spec.codec, layout_of(spec))
    payloads = [
        codec.encode(train(spec, base, shard, seed, "cpu"))
        for seed, shard in enumerate(partition(spec, 3, seed=0, alpha=100.0))
    ]
    updates = [codec.decode(payload) for payload in payloads]
    valued = value_updates(spec, base, updates, {}, divided(spec).root, seed=5, device="cpu")
    assert valued.next_loss < valued.loss
    assert valued.credits.sum() > 0
    assert np.isfinite(valued.weights).all()
    if family == "pictures, CNN":
        measured = measure(spec, base, divided(spec).test, "cpu")
        assert set(measured) == {"loss", "accuracy"}


@pytest.mark.seconds
def test_a_spoilt_update_earns_nothing_and_spoils_nothing() -> None:
    spec = author(Regression()).spec
    base, layout = initial_model(spec), layout_of(spec)
    codec = Codec(spec.codec, layout)
    honest = train(spec, base, partition(spec, 1, seed=0, alpha=100.0)[0], 0, "cpu")
    wild = RNG.standard_normal(layout.total).astype(np.float32) * 1.5
    updates = [codec.decode(codec.encode(one)) for one in (honest, wild)]
    valued = value_updates(spec, base, updates, {}, divided(spec).root, seed=5, device="cpu")
    assert valued.credits[0] > 0
    assert valued.credits[1] <= valued.credits[0] / 4
    assert valued.next_loss < valued.loss


@pytest.mark.seconds
def test_receipts_of_a_program_add_up() -> None:
    spec = author(Regression()).spec
    base, codec = initial_model(spec), Codec(spec.codec, layout_of(spec))
    shards = partition(spec, 2, seed=0, alpha=100.0)
    updates = tuple(
        codec.decode(codec.encode(train(spec, base, shard, seed, "cpu")))
        for seed, shard in enumerate(shards)
    )
    made = receipts(spec, base, [Step(1, ("a", "b"), updates, (6000, 5000), {})])
    parts = sum(one.direct + one.repeated for one in made.contributions)
    assert made.first_loss - made.last_loss == parts + made.rest
    assert abs(made.rest) < made.first_loss // 1000
    assert all(one.direct > 0 and one.leave_one_out > 0 for one in made.contributions)


class Explodes(Regression):
    """A loss that is not convex, and no number far away."""

    def loss(self, output: Any, target: Any) -> Tensor:
        return torch.log(4 - (output[:, 0] - target).tanh()) + (output[:, 0] - target) ** 2 / 8


@pytest.mark.seconds
def test_a_loss_that_is_not_convex_is_judged() -> None:
    spec = author(Explodes()).spec
    base = initial_model(spec)
    codec = Codec(spec.codec, layout_of(spec))
    delta = train(spec, base, partition(spec, 1, seed=0, alpha=100.0)[0], 0, "cpu")
    update = codec.decode(codec.encode(delta))
    valued = value_updates(spec, base, [update], {}, divided(spec).root, seed=5, device="cpu")
    assert valued.next_loss <= valued.loss


class TooLarge(Regression):
    """Weights that fixed point would cut."""

    def model(self) -> nn.Module:
        network = nn.Linear(6, 1)
        nn.init.constant_(network.weight, 300.0)
        return network


class Uneven(Regression):
    """Inputs and targets of different numbers."""

    def examples(self) -> tuple[Any, Any]:
        return np.zeros((100, 6)), np.zeros(99)


class Words(Regression):
    """Text where numbers belong."""

    def examples(self) -> tuple[Any, Any]:
        return np.array([["a"] * 6] * 100), np.zeros(100)


class OtherWeights(Regression):
    """Starts from another model's weights."""

    def start(self) -> Any:
        return {"0.weight": torch.zeros(3, 3)}


class TooWide(Regression):
    """More outputs than verifiers can compare."""

    def model(self) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 1), nn.Unflatten(1, (1, 1)), nn.Upsample(size=1 << 22))

    def loss(self, output: Any, target: Any) -> Tensor:
        return (output[:, 0, :].mean(1) - target) ** 2


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (TooLarge, ConfigError, "'weight' reach 300"),
        (Uneven, ConfigError, "different lengths"),
        (Words, ConfigError, "numbers are needed"),
        (OtherWeights, ConfigError, "no weights of the model"),
        (TooWide, (ConfigError, ProgramError), "outputs|upsample"),
        (karat.Task, NotImplementedError, "examples"),
    ],
)
def test_what_cannot_be_a_task_is_said(kind: type[karat.Task], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        author(kind())
