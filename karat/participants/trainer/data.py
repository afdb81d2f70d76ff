"""A trainer's own data: a shard of the task's data set, an .npz file, or a folder."""

import re
from pathlib import Path

import numpy as np

from karat.errors import ConfigError
from karat.participants.trainer.files import check_size, read_examples
from learning.tasks import TaskSpec
from learning.tasks.data import Examples, partition

SHARD_SEED = 0
_SHARD = re.compile(r"(\d{1,5})/(\d{1,5})")


def shard_of(spec: TaskSpec, text: str) -> Examples:
    """Part ``i/n`` (from 1) of the task's own data set, divided as the task says.

    Raises:
        ConfigError: it is not of that form.
        TaskError: the data set has not so many parts.
    """
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(f"{text!r} is no shard: write i/n, for instance 1/3")
    return partition(spec, int(match[2]), SHARD_SEED)[int(match[1]) - 1]


def load_examples(spec: TaskSpec, path: Path) -> Examples:
    """Read examples for a task.

    Args:
        spec: the task; its model says what an example looks like.
        path: an ``.npz`` file with ``x`` [n, inputs] and ``y`` [n]; a folder of such files; or,
            for a text model, a text file or a folder of them; for a task that its sponsor wrote,
            see :mod:`karat.participants.trainer.files`.

    Raises:
        ConfigError: there is nothing to read, or it does not fit the model; the message says why.
    """
    if spec.bundle is not None:
        return read_examples(spec, path)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    if spec.model.kind == "gpt":
        return _text(spec, path, files)
    wanted = [file for file in files if file.suffix == ".npz"]
    if not wanted:
        raise ConfigError(f"{path} holds no .npz file with arrays x and y")
    parts = [_arrays(spec, file) for file in wanted]
    x, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Examples(x, y, y)


def _arrays(spec: TaskSpec, file: Path) -> tuple[np.ndarray, np.ndarray]:
    check_size(file)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            x, y = np.asarray(arrays["x"]), np.asarray(arrays["y"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{file}: no arrays x and y can be read from it: {error}") from error
    sizes = spec.model.sizes
    width = sizes.get("inputs", sizes.get("side", 0) ** 2)
    if x.ndim < 2 or len(x) == 0 or x.size != len(x) * width:
        raise ConfigError(f"{file}: x must be [n, {width}], not {list(x.shape)}")
    if y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise ConfigError(
            f"{file}: y must be {len(x)} whole numbers, not {y.dtype} {list(y.shape)}"
        )
    classes = sizes["classes"]
    if y.min() < 0 or y.max() >= classes:
        raise ConfigError(f"{file}: y must lie between 0 and {classes - 1}")
    flat = x.reshape(len(x), width).astype(np.float32)
    if not np.isfinite(flat).all():
        raise ConfigError(f"{file}: x holds NaN or infinity")
    return flat, y.astype(np.int64)


def _text(spec: TaskSpec, path: Path, files: list[Path]) -> Examples:
    """Byte windows of the model's length, as the built-in text sets have them."""
    time, vocabulary = spec.model.sizes["time"], spec.model.sizes["vocabulary"]
    windows = []
    for file in files:
        check_size(file)
        try:
            text = np.frombuffer(file.read_bytes(), dtype=np.uint8).astype(np.int64)
        except OSError as error:
            raise ConfigError(f"cannot read {file}: {error.strerror}") from error
        text = np.where(text < vocabulary, text, 0)
        count = (len(text) - 1) // time
        if count > 0:
            cut = text[: count * time + 1]
            windows.append(np.stack([cut[:-1].reshape(count, time), cut[1:].reshape(count, time)]))
    if not windows:
        raise ConfigError(f"{path} holds no text of at least {time + 1} bytes")
    both = np.concatenate(windows, axis=1)
    return Examples(both[0], both[1], np.zeros(both.shape[1], dtype=np.int64))
