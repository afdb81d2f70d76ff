"""The registry of tasks: ready-made `TaskSpec`s by name. Importing it loads no torch.

To add a task, build a `TaskSpec` from a known model kind and data set and register it::

    @tasks.register("my-task")
    def my_task() -> TaskSpec: ...

New kinds of model or data go into `learning.tasks.models` and `learning.tasks.data`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from learning.errors import PluginError, UnknownNameError
from learning.registry import PLUGIN_MISTAKES, line_at_fault, load_object
from learning.tasks.spec import (
    BundleSpec,
    CodecSpec,
    DataSpec,
    ModelSpec,
    Part,
    ScoringSpec,
    TaskSpec,
    TrainingSpec,
)

__all__ = [
    "BundleSpec",
    "CodecSpec",
    "DataSpec",
    "ModelSpec",
    "Part",
    "ScoringSpec",
    "TaskSpec",
    "TrainingSpec",
    "get",
    "gpt_text",
    "load",
    "names",
    "register",
]

_TASKS: Final[dict[str, Callable[[], TaskSpec]]] = {}


def register(name: str) -> Callable[[Callable[[], TaskSpec]], Callable[[], TaskSpec]]:
    """File a function that builds a task's spec under a name."""

    def file(build: Callable[[], TaskSpec]) -> Callable[[], TaskSpec]:
        if name in _TASKS:
            raise ValueError(f"task {name!r} is registered twice")
        _TASKS[name] = build
        return build

    return file


@lru_cache(maxsize=16)
def load(name: str) -> TaskSpec:
    """The task of that name, or what ``FILE.py:NAME`` defines: a class with a method ``spec``.

    The file is run: only ever pass what the user typed, never a name that a task carries.
    Raises `UnknownNameError`, naming those there are, and `PluginError`, which names the line.
    """
    if ":" not in name:
        return get(name)
    kind = load_object(name)
    if not callable(getattr(kind, "spec", None)):
        raise PluginError(f"{name!r} is no task: write a class that extends karat.Task")
    try:
        spec: TaskSpec = kind.spec()
    except PLUGIN_MISTAKES as error:
        where = line_at_fault(error, name) or name
        raise PluginError(f"{where}: {type(error).__name__}: {error}") from error
    return spec


def get(name: str) -> TaskSpec:
    """The registered task of that name; raises `UnknownNameError`, naming those there are."""
    if name not in _TASKS:
        raise UnknownNameError(f"no task is called {name!r}; there are {', '.join(names())}")
    return _TASKS[name]()


def names() -> tuple[str, ...]:
    """The registered tasks, sorted."""
    return tuple(sorted(_TASKS))


@register("mlp-digits")
def mlp_digits() -> TaskSpec:
    """64-64-10 perceptron on scikit-learn's digits: 4,810 parameters. What `karat demo` runs."""
    return TaskSpec(
        name="mlp-digits",
        model=ModelSpec(kind="mlp", sizes={"inputs": 64, "hidden": 64, "classes": 10}),
        data=DataSpec(kind="digits", root=384, test=360),
        training=TrainingSpec(steps=24, batch=64, lr=0.3),
        codec=CodecSpec(density=0.5, block=256, max_bytes=1 << 14),
        scoring=ScoringSpec(probes="patches"),
    )


@register("cnn-digits")
def cnn_digits() -> TaskSpec:
    """A small convolutional network on the digits: 3,818 parameters."""
    return TaskSpec(
        name="cnn-digits",
        model=ModelSpec(kind="cnn", sizes={"side": 8, "channels": 8, "classes": 10}),
        data=DataSpec(kind="digits", root=384, test=360),
        training=TrainingSpec(steps=16, batch=32, lr=0.2),
        codec=CodecSpec(density=0.25, block=256, max_bytes=1 << 14),
        scoring=ScoringSpec(probes="patches"),
    )


@register("gpt-text")
def _gpt_text_default() -> TaskSpec:
    """The smallest `gpt_text`."""
    return gpt_text()


def gpt_text(
    layers: int = 2, width: int = 64, heads: int = 4, time: int = 64, vocabulary: int = 128
) -> TaskSpec:
    """A character transformer on the Python standard library's sources.

    The defaults are small enough for a CPU (about 112,000 parameters); 12 layers of width 768
    with 12 heads, 1,024 places and a vocabulary of 50,304 is nanoGPT's 124M-parameter model.
    """
    parameters = vocabulary * width + 12 * layers * width**2
    return TaskSpec(
        name="gpt-text",
        model=ModelSpec(
            kind="gpt",
            sizes={
                "vocabulary": vocabulary,
                "time": time,
                "width": width,
                "layers": layers,
                "heads": heads,
            },
        ),
        data=DataSpec(kind="stdlib-text", root=512, test=512),
        training=TrainingSpec(steps=16, batch=16, lr=1e-3, optimiser="adamw"),
        codec=CodecSpec(density=0.05, block=256, max_bytes=4096 + parameters),
        scoring=ScoringSpec(batch=16, probes="symbols"),
    )
