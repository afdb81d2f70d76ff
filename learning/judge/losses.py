"""Losses as functions of a model's outputs: value, slope and curvature, per row, in float64.

A *row* is one prediction: an example, or one position of a sequence. ``z`` float64 [rows, outputs].
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from learning.tasks.arrays import tensors
from learning.tasks.bundle import ProgramLoss
from learning.tasks.spec import TaskSpec


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
    """Any loss of torch, by automatic differentiation; slower than a formula of its own.

    ``each``: (outputs [rows, outputs], parts of y [rows, …]) → [rows]. Where it is not convex, the
    directions in which it bends down count as straight.
    """

    def __init__(self, each: Callable[[Tensor, list[Tensor]], Tensor]) -> None:
        self._each = each

    def value(self, z: np.ndarray, y: np.ndarray) -> float:
        """Mean over the rows; infinite if it is no number."""
        value = float(self._at(torch.from_numpy(z), y).mean())
        return value if np.isfinite(value) else float("inf")

    def slope(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Reverse mode."""
        at = torch.from_numpy(z).requires_grad_()
        (slope,) = torch.autograd.grad(self._at(at, y).sum(), at)
        return np.asarray(slope.nan_to_num(0.0, 0.0, 0.0).numpy())

    def curvature(self, z: np.ndarray, y: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """A product with the Hessian for each move; rows do not depend on one another."""
        d = moves.shape[2]
        bent = np.zeros((d, d))
        at = torch.from_numpy(z).requires_grad_()
        (slope,) = torch.autograd.grad(self._at(at, y).sum(), at, create_graph=True)
        if not slope.requires_grad:  # linear in the outputs
            return bent
        for j in range(d):
            move = torch.from_numpy(np.ascontiguousarray(moves[:, :, j]))
            (product,) = torch.autograd.grad(slope, at, move, retain_graph=True)
            bent[j] = moves.reshape(z.size, d).T @ product.numpy().reshape(-1) / len(z)
        values, vectors = np.linalg.eigh((np.nan_to_num(bent) + np.nan_to_num(bent).T) / 2)
        return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)

    def _at(self, z: Tensor, y: np.ndarray) -> Tensor:
        return self._each(z, tensors(y, z.device))


def loss_of(spec: TaskSpec) -> OutputLoss:
    """The loss of a task's rows."""
    if spec.bundle is None:
        return CrossEntropy()
    loss = ProgramLoss.of(spec)
    if loss.of_positions:  # each row is a sequence of one position
        return Differentiated(
            lambda z, y: loss.each(z[:, None], [target[:, None] for target in y]).reshape(-1)
        )
    return Differentiated(loss.each)
