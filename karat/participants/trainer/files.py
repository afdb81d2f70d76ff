"""Examples for a task of somebody's own, from a trainer's files: bounded, checked, and named.

Reads ``.npz`` and ``.safetensors`` files with an array for each of the task's inputs and targets,
and ``.csv`` files with a column for each number; a folder of these; or, on one's own machine,
``FILE.py:CLASS``, whose ``examples()`` gives them as the class of a sponsor does.
"""

import csv
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from karat.errors import ConfigError
from karat.participants.sponsor.authoring import Task, named_examples
from learning.errors import PluginError, TaskError
from learning.program.container import Declared, Program
from learning.registry import load_object
from learning.tasks import TaskSpec, arrays, bundle
from learning.tasks.data import Examples, of_program

MOST_FILE_BYTES: Final = 1 << 32
_MOST_FIELD: Final = 1 << 10
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_FOREIGN: Final = {"__MACOSX", "Thumbs.db", "desktop.ini"}

Named = Mapping[str, np.ndarray]


def read_examples(spec: TaskSpec, path: Path) -> Examples:
    """What a file, a folder or ``FILE.py:CLASS`` holds for a task with a program.

    Raises:
        ConfigError: there is nothing to read, or it does not fit the task; the message names the
            file and what is wrong with it.
        PluginError: the class cannot be used.
    """
    program = bundle.program_of(spec)
    if ":" in path.name and not path.exists():
        return _joined(program, [(str(path), _of_class(str(path)))])
    files = [path] if path.is_file() else sorted(_visible(path))
    chosen = [file for file in files if file.suffix.lower() in _READERS]
    if not chosen:
        raise ConfigError(
            f"{path}: no examples to read; they come in {', '.join(_READERS)}, or from a class: "
            "FILE.py:CLASS"
        )
    return _joined(program, [(str(file), _read(program, file)) for file in chosen])


def _joined(program: Program, parts: Sequence[tuple[str, Named]]) -> Examples:
    sides = []
    for declared in (program.inputs, program.targets):
        columns = {one.name: [_fitting(one, *part) for part in parts] for one in declared}
        sides.append({name: np.concatenate(many) for name, many in columns.items()})
    lengths = {len(array) for side in sides for array in side.values()}
    if len(lengths) != 1:
        raise ConfigError(f"{parts[0][0]}: its arrays have different lengths: {sorted(lengths)}")
    return of_program(arrays.joined(sides[0]), arrays.joined(sides[1]))


def _fitting(one: Declared, where: str, named: Named) -> np.ndarray:
    """An array of the dtype and shape that the task declares; whole numbers may come as floats."""
    if one.name not in named:
        raise ConfigError(
            f"{where} has no {one.name!r} but {', '.join(sorted(named)[:8]) or 'nothing'}"
        )
    given = named[one.name]
    if given.dtype.kind not in "fiub":
        raise ConfigError(f"{where}: {one.name!r} is {given.dtype}; numbers are needed")
    wanted = np.dtype(one.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        array = np.ascontiguousarray(given, dtype=wanted)
    if wanted.kind != "f" and not np.array_equal(array, given):
        raise ConfigError(f"{where}: {one.name!r} holds numbers that are no {one.dtype}")
    try:
        arrays.check(array, one, len(array) if array.ndim else 0, f"{where}: {one.name!r}")
    except TaskError as error:
        raise ConfigError(str(error)) from error
    return array


def _visible(folder: Path) -> Iterator[Path]:
    """A folder's own files: none that are hidden or that systems leave behind."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such file or folder")
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") or part in _FOREIGN for part in parts) and path.is_file():
            yield path


def check_size(file: Path) -> None:
    """Raise ConfigError if a file is too large to be read, or cannot be looked at."""
    try:
        size = file.stat().st_size
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    if size > MOST_FILE_BYTES:
        raise ConfigError(f"{file} has {size} bytes; split it into files of at most 4 GiB")


def _read(program: Program, file: Path) -> Named:
    check_size(file)
    try:
        with file.open("rb") as opened:
            pointer = opened.read(len(_POINTER)) == _POINTER
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    if pointer:
        raise ConfigError(f"{file} is a pointer of Git LFS and not the file; run `git lfs pull`")
    try:
        return _READERS[file.suffix.lower()](program, file)
    except (OSError, EOFError, ValueError, SafetensorError, *_BROKEN) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error


_BROKEN = (zipfile.BadZipFile, zlib.error, csv.Error, MemoryError, OverflowError)


def _npz(_: Program, file: Path) -> Named:
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > MOST_FILE_BYTES:
        raise ValueError(f"it unpacks to {unpacked} bytes; at most 4 GiB are read")
    with np.load(file, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _safetensors(_: Program, file: Path) -> Named:
    return dict(load(file.read_bytes()))


def _csv(program: Program, file: Path) -> Named:
    """Columns by name: ``NAME`` of a single number, ``NAME.0``, ``NAME.1``, … of several.

    A task with one input takes every column that is no target, in the file's order.
    """
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.reader(opened, strict=True)
        header = [name.strip() for name in next(rows, [])]
        if len(set(header)) != len(header):
            raise ValueError("two of its columns have one name")
        table = np.array([_numbers(header, row, rows.line_num) for row in rows], dtype=np.float64)
    if not len(table):
        raise ValueError("it has a header and no rows")
    place = {name: number for number, name in enumerate(header)}
    named: dict[str, np.ndarray] = {}
    for one in (*program.targets, *program.inputs):
        count = int(np.prod(one.shape))
        wanted = [f"{one.name}.{i}" for i in range(count)] if one.shape else [one.name]
        if one in program.inputs and len(program.inputs) == 1 and not set(wanted) <= place.keys():
            targets = {target.name for target in program.targets}
            wanted = [name for name in header if name.split(".")[0] not in targets]
        missing = [name for name in wanted if name not in place]
        if missing or len(wanted) != count:
            raise ValueError(
                f"it needs {count} columns for {one.name!r} ({', '.join(wanted[:4])}…) and has "
                f"{', '.join(header[:8])}; name them so in the first line"
            )
        named[one.name] = table[:, [place[name] for name in wanted]].reshape(-1, *one.shape)
    return named


def _numbers(header: Sequence[str], row: Sequence[str], line: int) -> list[float]:
    if len(row) != len(header):
        raise ValueError(f"line {line} has {len(row)} values, and the first line {len(header)}")
    numbers = []
    for name, text in zip(header, row, strict=True):
        try:
            numbers.append(float(text[:_MOST_FIELD]))
        except ValueError:
            raise ValueError(f"line {line}, column {name!r}: {text[:40]!r} is no number") from None
    return numbers


def _of_class(name: str) -> Named:
    kind = load_object(name)
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise PluginError(f"{name!r} is no karat.Task")
    x, y = named_examples(kind())
    return {**x, **y}


_READERS: Final[Mapping[str, Callable[[Program, Path], Named]]] = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".csv": _csv,
}
