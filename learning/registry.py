"""Name → object tables for aggregators, attacks and tasks, and loading a user's own from a file."""

import importlib.util
import inspect
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from learning.errors import PluginError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Objects of one ``kind`` by their command-line name.

    >>> rules: Registry[type] = Registry("rule")
    >>> @rules.register("mean")
    ... class Mean: ...
    >>> rules.names()
    ('mean',)
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._objects: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files an object under ``name``; a name is given once."""

        def file(item: T) -> T:
            if name in self._objects:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._objects[name] = item
            return item

        return file

    def get(self, name: str) -> T:
        """The object called ``name``, or whatever ``FILE.py:NAME`` defines.

        Raises :class:`UnknownNameError` and :class:`PluginError`.
        """
        if ":" in name:
            item: T = load_object(name)
            return item
        try:
            return self._objects[name]
        except KeyError:
            raise UnknownNameError(
                f"there is no {self.kind} {name!r}; known: {', '.join(self.names())}; "
                f"your own is FILE.py:NAME"
            ) from None

    def names(self) -> tuple[str, ...]:
        """Every registered name, sorted."""
        return tuple(sorted(self._objects))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._objects


# What a user's code raises when it is wrong; other errors are not its own.
PLUGIN_MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


def line_at_fault(error: BaseException, spec: str) -> str | None:
    """``FILE.py, line N`` of the innermost line of the plugin ``spec`` that ``error`` came through.

    None if it did not come through this file.
    """
    file = spec.rpartition(":")[0]
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if file and Path(frame.filename) == Path(file)
    ]
    return f"{file}, line {lines[-1]}" if lines else None


def load_object(spec: str) -> Any:
    """Run ``FILE.py`` and return what it calls ``NAME``, for ``FILE.py:NAME``.

    The file is code and runs with the user's rights: only ever pass what the user typed.
    Raises :class:`PluginError` if the file or the name is missing, or the file fails to run.
    """
    file, _, name = spec.rpartition(":")
    path = Path(file)
    if not file.endswith(".py") or not path.is_file():
        raise PluginError(f"{spec!r}: no Python file {file!r}; write FILE.py:NAME")
    module_spec = importlib.util.spec_from_file_location(f"karat_plugin_{path.stem}", path)
    if module_spec is None or module_spec.loader is None:
        raise PluginError(f"{spec!r}: {file!r} cannot be imported")
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
    except PLUGIN_MISTAKES as error:
        raise PluginError(f"{spec!r}: running {file!r} failed: {error}") from error
    if not hasattr(module, name):
        defined = [n for n, v in vars(module).items() if inspect.isclass(v) and n[0] != "_"]
        raise PluginError(f"{spec!r}: {file!r} defines no {name!r}; it has {', '.join(defined)}")
    return getattr(module, name)
