"""What mixtures of updates would do to the outputs: stacking (Wolpert 1992, Breiman 1996).

Every column (an update, or a movement that is public) is evaluated once, whole. Between, outputs
are taken to be linear in the weights x: z(x) = z(w) − Σⱼ xⱼ·Aⱼ with Aⱼ = z(w) − z(w − column j).
Then the loss is convex in x, and nothing below touches the network again.
"""

from dataclasses import dataclass

import numpy as np

from learning.judge.losses import OutputLoss


@dataclass(frozen=True, eq=False)
class Stack:
    """Outputs on some rows: ``base`` float64 [rows, outputs], ``moves`` [rows, outputs, d]."""

    base: np.ndarray
    moves: np.ndarray
    targets: np.ndarray
    loss: OutputLoss

    @property
    def columns(self) -> int:
        """d, the number of columns."""
        return int(self.moves.shape[2])

    def part(self, rows: np.ndarray) -> "Stack":
        """The stack on some of its rows."""
        return Stack(self.base[rows], self.moves[rows], self.targets[rows], self.loss)

    def only(self, columns: np.ndarray) -> "Stack":
        """The stack of some of its columns."""
        moves = np.ascontiguousarray(self.moves[:, :, columns])
        return Stack(self.base, moves, self.targets, self.loss)

    def outputs(self, weights: np.ndarray) -> np.ndarray:
        """z(x), float64 [rows, outputs]."""
        flat = self.moves.reshape(self.base.size, -1)  # one product; [rows, outputs, d] is many
        return np.asarray(self.base - (flat @ weights).reshape(self.base.shape))

    def value(self, weights: np.ndarray) -> float:
        """The loss at weights x [d]."""
        return self.loss.value(self.outputs(weights), self.targets)

    def slope(self, weights: np.ndarray) -> np.ndarray:
        """Its gradient by x, float64 [d]."""
        rows = self.loss.slope(self.outputs(weights), self.targets)
        flat = self.moves.reshape(self.base.size, -1)
        return np.asarray(-(rows.reshape(-1) @ flat) / len(self.base))

    def curvature(self, weights: np.ndarray) -> np.ndarray:
        """Its Hessian by x, float64 [d, d]."""
        return self.loss.curvature(self.outputs(weights), self.targets, self.moves)
