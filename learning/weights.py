"""Models as PyTorch knows them: float32 safetensors, out of and into the exact integers of a task.

What comes in may be anybody's: it is bounded, checked name by name, and never unpickled.
"""

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from learning.errors import ModelStateError
from learning.model_state import Layout, ModelState

_HEADER = 1 << 20  # bytes that names and shapes may take
_WIDEST = 8  # bytes of a float64
_SHOWN = 5  # names in a message


def state_dict(model: ModelState) -> dict[str, Tensor]:
    """The model's parameters as float32 tensors, for ``load_state_dict``."""
    views = model.layout.views(model.to_float())
    return {name: torch.from_numpy(view.copy()) for name, view in views.items()}


def to_safetensors(model: ModelState) -> bytes:
    """The same as a file that PyTorch, JAX and Hugging Face read."""
    return bytes(save(state_dict(model), metadata={"format": "pt"}))


def most_bytes(layout: Layout) -> int:
    """The longest file that `from_safetensors` looks at."""
    return _WIDEST * layout.total + _HEADER


def from_safetensors(layout: Layout, data: bytes) -> np.ndarray:
    """float32 [total]: the parameters in a safetensors file of any float type.

    Raises:
        ModelStateError: it is none, or its names, shapes or types are not the model's, or it
            holds NaN or an infinity; the message names the tensor.
    """
    if len(data) > most_bytes(layout):
        raise ModelStateError(
            f"{len(data)} bytes; weights of this task have at most {most_bytes(layout)}"
        )
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelStateError(f"not a safetensors file: {error}") from error
    _same_names(set(layout.names), set(tensors))
    flat = np.empty(layout.total, dtype=np.float32)
    for name, view in layout.views(flat).items():
        view[...] = _checked(name, tensors[name], view.shape)
    return flat


def _same_names(wanted: set[str], given: set[str]) -> None:
    missing, foreign = sorted(wanted - given), sorted(given - wanted)
    if missing:
        raise ModelStateError(f"the weights lack {_list(missing)}; are they of another model?")
    if foreign:
        raise ModelStateError(f"the task's model has no {_list(foreign)}; save its weights only")


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def _checked(name: str, tensor: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    if tuple(tensor.shape) != shape:
        raise ModelStateError(f"{name!r} has shape {list(tensor.shape)}, not {list(shape)}")
    if not tensor.is_floating_point():
        raise ModelStateError(
            f"{name!r} is {str(tensor.dtype).removeprefix('torch.')}; weights are floats"
        )
    values: np.ndarray = tensor.to(torch.float32).numpy()
    if not np.isfinite(values).all():
        raise ModelStateError(f"{name!r} holds NaN or an infinity")
    return values
