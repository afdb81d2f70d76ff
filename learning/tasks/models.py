"""The networks: small, written to be read at a sitting. Kinds by name, sizes from the spec.

To add one: write an ``nn.Module`` whose ``forward(x)`` returns logits, give it a builder that
takes the spec's sizes, and register it in `_BUILDERS`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from learning.errors import TaskError, UnknownNameError


class Mlp(nn.Module):
    """Two layers with ReLU. x: float32 [n, inputs] → logits [n, classes]."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, classes]."""
        logits: Tensor = self.out(functional.relu(self.hidden(x)))
        return logits


class Cnn(nn.Module):
    """Two 3×3 convolutions, pooling, one linear layer. x: float32 [n, side·side] → logits."""

    def __init__(self, side: int, channels: int, classes: int) -> None:
        super().__init__()
        self.side = side
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.out = nn.Linear(2 * channels * (side // 2) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, classes]."""
        x = x.view(-1, 1, self.side, self.side)
        x = functional.relu(self.second(functional.relu(self.first(x))))
        logits: Tensor = self.out(functional.max_pool2d(x, 2).flatten(1))
        return logits


class Block(nn.Module):
    """A pre-norm transformer block with causal attention (Vaswani 2017, Radford 2019)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: [n, time, width] → the same shape."""
        n, time, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(n, time, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(n, time, width))
        return x + self.down(functional.gelu(self.up(self.norm_mlp(x))))  # type: ignore[no-any-return]


class Gpt(nn.Module):
    """A character transformer of nanoGPT's form; 12 layers of width 768 and 50k symbols: 124M.

    x: int64 [n, time] → logits [n, time, vocabulary]. Input and output share the embedding.
    """

    def __init__(self, vocabulary: int, time: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise TaskError(f"a width of {width} cannot be divided by {heads} heads")
        self.symbols = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(time, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.symbols.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, time, vocabulary]."""
        hidden = self.symbols(x) + self.places.weight[: x.shape[1]]
        for block in self.blocks:
            hidden = block(hidden)
        return functional.linear(self.norm(hidden), self.symbols.weight)


_BUILDERS: Final[Mapping[str, Callable[..., nn.Module]]] = {"mlp": Mlp, "cnn": Cnn, "gpt": Gpt}


def build(kind: str, sizes: Mapping[str, int]) -> nn.Module:
    """The network of a kind, with torch's usual initial values (seed torch before).

    Raises `UnknownNameError` for a kind that is not there, `TaskError` for sizes it lacks.
    """
    if kind not in _BUILDERS:
        raise UnknownNameError(f"no model is called {kind!r}; there are {', '.join(_BUILDERS)}")
    try:
        return _BUILDERS[kind](**sizes)
    except TypeError as error:
        raise TaskError(f"the sizes {dict(sizes)} do not fit a model of kind {kind}") from error


def loss(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy. logits [..., classes], y int64 [...]."""
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
