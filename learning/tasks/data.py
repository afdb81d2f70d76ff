"""The data sets of the built-in tasks, none of which needs a download.

Every set is divided, deterministically from its seeds, into the verifiers' hold-out (*root*),
the sponsor's private *test* set, and the rest for the trainers (*train*). Class labels exist for
text too (the kind of source file an example is from), so that any set can be split non-IID.

To add one (torchvision's, say): a function from the `TaskSpec` to an `Examples`, in `_SOURCES`.
"""

import hashlib
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from learning.errors import TaskError, UnknownNameError
from learning.tasks.spec import DATA_KIND, TaskSpec


@dataclass(frozen=True, eq=False)
class Examples:
    """``x`` [n, ...] inputs, ``y`` [n, ...] targets, ``group`` int64 [n] classes.

    Several inputs or targets of a program are fields of one structured array, see
    `learning.tasks.arrays`. ``y`` of built-in tasks is int64 [n] or [n, time].
    """

    x: np.ndarray
    y: np.ndarray
    group: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def take(self, chosen: np.ndarray) -> "Examples":
        """The examples at these positions."""
        return Examples(self.x[chosen], self.y[chosen], self.group[chosen])


@dataclass(frozen=True, eq=False)
class Divided:
    """A data set in its three parts."""

    train: Examples
    root: Examples
    test: Examples


def _digits(_: TaskSpec) -> Examples:
    """scikit-learn's 1,797 hand-written digits, 8×8 pixels of 0..16, roughly standardised.

    From its file, as its ``load_digits`` reads it: importing it takes a second of CPU.
    """
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise TaskError("the digits are scikit-learn's, which is not installed")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(file, delimiter=",")
    labels = table[:, -1].astype(np.int64)
    return Examples(((table[:, :-1] - 4.9) / 6.0).astype(np.float32), labels, labels)


_TEXT_GROUPS = 10


def _stdlib_text(spec: TaskSpec) -> Examples:
    """The Python standard library's own sources, as byte windows of the model's length.

    A symbol is a byte (those beyond the vocabulary become 0). Files are grouped by the hash of
    their name, so that trainers see different modules.
    """
    time, vocabulary = spec.model.sizes["time"], spec.model.sizes["vocabulary"]
    windows, groups = [], []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text = np.frombuffer(path.read_bytes(), dtype=np.uint8).astype(np.int64)
        text = np.where(text < vocabulary, text, 0)
        count = (len(text) - 1) // time
        if count:
            cut = text[: count * time + 1]
            windows.append(np.stack([cut[:-1].reshape(count, time), cut[1:].reshape(count, time)]))
            groups.append(np.full(count, sum(path.name.encode()) % _TEXT_GROUPS, dtype=np.int64))
    both = np.concatenate(windows, axis=1)
    return Examples(both[0], both[1], np.concatenate(groups))


_SOURCES: Final[Mapping[str, Callable[[TaskSpec], Examples]]] = {
    "digits": _digits,
    "stdlib-text": _stdlib_text,
}


@lru_cache(maxsize=4)
def divided(spec: TaskSpec) -> Divided:
    """Load a task's data and divide it by ``spec.data.split_seed``; kept in memory.

    Raises `UnknownNameError` for an unknown kind and `TaskError` if there is too little of it.
    """
    data = spec.data
    if data.kind == DATA_KIND:
        return _of_bundle(spec)
    if data.kind not in _SOURCES:
        raise UnknownNameError(
            f"no data set is called {data.kind!r}; there are {', '.join(_SOURCES)}"
        )
    examples = _SOURCES[data.kind](spec)
    if data.root + data.test >= len(examples):
        raise TaskError(
            f"{data.root} root and {data.test} test examples leave nothing of {len(examples)}"
        )
    order = np.random.default_rng(data.split_seed).permutation(len(examples))
    held_out = data.root + data.test
    return Divided(
        train=examples.take(order[held_out:]),
        root=examples.take(order[: data.root]),
        test=examples.take(order[data.root : held_out]),
    )


def of_program(x: np.ndarray, y: np.ndarray) -> Examples:
    """Examples of a program; their groups are their labels, where they have any."""
    labelled = y.dtype.kind in "iu" and y.ndim == 1 and len(y) > 0 and 0 <= y.min() <= y.max() < 1e4
    group = y.astype(np.int64) if labelled else np.zeros(len(x), dtype=np.int64)
    return Examples(x, y, group)


def _of_bundle(spec: TaskSpec) -> Divided:
    """The hold-out of a bundle; test and training parts exist on its author's machine only.

    Elsewhere the hold-out takes the place of the test part, and there is nothing to train on.
    """
    from learning.tasks import bundle  # noqa: PLC0415 - loads torch

    root = of_program(*bundle.holdout(spec))
    test = bundle.own(bundle.bundle_of(spec).test)
    train = bundle.own_training(spec)
    return Divided(
        train=root.take(np.arange(0)) if train is None else of_program(*train),
        root=root,
        test=root if test is None else of_program(*test),
    )


def partition(
    spec: TaskSpec, trainers: int, seed: int, alpha: float | None = None
) -> list[Examples]:
    """Divide the training part among trainers, non-IID.

    Each trainer draws its own mix of classes from Dirichlet(``alpha``, the task's by default)
    and gets the same number of examples, taken from the classes by that mix as long as they last
    (Hsu, Qi, Brown 2019), so that no one is left with nothing.
    """
    train = divided(spec).train
    if spec.bundle is not None and not len(train):
        raise TaskError("the task has no data for trainers; bring your own (--data)")
    if not 0 < trainers <= len(train):
        raise TaskError(f"{len(train)} examples cannot be divided among {trainers} trainers")
    rng = np.random.default_rng(seed)
    classes = np.unique(train.group)
    pools = [rng.permutation(np.flatnonzero(train.group == c)).tolist() for c in classes]
    mixes = rng.dirichlet(np.full(len(classes), alpha or spec.data.alpha), size=trainers)
    share = len(train) // trainers
    return [train.take(np.array(_draw(pools, mix, share, rng))) for mix in mixes]


def assigned(spec: TaskSpec, base: bytes, trainer: str) -> Examples:
    """The examples a trainer is given for the round that starts from the model of digest ``base``.

    Drawn by the task, that digest and the trainer's name, so that anyone can repeat it and nobody
    can tell before the last round is settled. Raises `TaskError` if the task assigns none, or
    more than there are.
    """
    train = divided(spec).train
    if spec.data.assigned is None or spec.data.assigned > len(train):
        raise TaskError(
            f"the task assigns {spec.data.assigned} of {len(train)} examples to each trainer"
        )
    drawn = hashlib.sha256(spec.digest + base + trainer.lower().encode()).digest()
    rng = np.random.default_rng(int.from_bytes(drawn, "big"))
    return train.take(rng.choice(len(train), spec.data.assigned, replace=False))


def _draw(
    pools: list[list[int]], mix: np.ndarray, count: int, rng: np.random.Generator
) -> list[int]:
    """Take ``count`` positions out of the pools, class by class with probabilities ``mix``."""
    taken: list[int] = []
    mix = mix + 1e-9
    while len(taken) < count:
        left = np.array([bool(pool) for pool in pools]) * mix
        wanted = rng.multinomial(count - len(taken), left / left.sum())
        for pool, number in zip(pools, wanted, strict=True):
            taken += [pool.pop() for _ in range(min(int(number), len(pool)))]
    return taken
