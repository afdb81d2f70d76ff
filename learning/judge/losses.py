"""Losses as functions of a model's outputs: value, slope and curvature, per row, in float64.

A *row* is one prediction: an example, or one position of a sequence. ``z`` float64 [rows, outputs].
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class OutputLoss(Protocol):
    """A loss of outputs, convex in them."""

    def value(self, z: np.ndarray, y: np.ndarray) -> float:
        """Mean over the rows."""

    def slope(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its derivative by the outputs, float64 [rows, outputs], each row's own (not divided)."""

    def curvature(self, z: np.ndarray, y: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Mean over the rows of Mᵀ·∂²loss·M, float64 [d, d], for moves M [rows, outputs, d]."""


class CrossEntropy:
    """−log softmax(z)[y]; y int64 [rows]."""

    def value(self, z: np.ndarray, y: np.ndarray) -> float:
        """Mean over the rows."""
        return -float(_log_softmax(z)[np.arange(len(y)), y].mean())

    def slope(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Softmax minus one-hot."""
        slope: np.ndarray = np.exp(_log_softmax(z))
        slope[np.arange(len(y)), y] -= 1
        return slope

    def curvature(self, z: np.ndarray, y: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Σ p·m·mᵀ − (Σ p·m)(Σ p·m)ᵀ per row."""
        p = np.exp(_log_softmax(z))
        weighted = moves * p[:, :, None]
        mean = weighted.sum(axis=1)
        flat = moves.reshape(z.size, moves.shape[2])
        product = flat.T @ weighted.reshape(flat.shape) - mean.T @ mean
        return np.asarray(product / len(y))


def _log_softmax(z: np.ndarray) -> np.ndarray:
    """By rows. SciPy's takes twice the time."""
    shifted = z - z.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.asarray(shifted)


class Differentiated:
    """Any convex loss of torch, by automatic differentiation; slower than a formula of its own.

    ``each``: (outputs [rows, outputs], y [rows, …]) → [rows].
    """

    def __init__(self, each: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._each = each

    def value(self, z: np.ndarray, y: np.ndarray) -> float:
        """Mean over the rows."""
        return float(self._each(torch.from_numpy(z), torch.from_numpy(y)).mean())

    def slope(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Reverse mode."""
        at = torch.from_numpy(z).requires_grad_()
        (slope,) = torch.autograd.grad(self._each(at, torch.from_numpy(y)).sum(), at)
        return np.asarray(slope.numpy())

    def curvature(self, z: np.ndarray, y: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """A Hessian per row; rows do not depend on one another."""
        at = torch.from_numpy(z).requires_grad_()
        total = self._each(at, torch.from_numpy(y)).sum()
        (slope,) = torch.autograd.grad(total, at, create_graph=True)
        each = [torch.autograd.grad(c.sum(), at, retain_graph=True)[0] for c in slope.T]
        bent = torch.stack(each, dim=1).numpy()
        return np.asarray(np.einsum("rad,rab,rbe->de", moves, bent, moves) / len(y))
