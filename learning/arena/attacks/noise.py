"""Gaussian noise relative to an update's norm."""

import numpy as np


def with_noise(updates: np.ndarray, relative: float, rng: np.random.Generator) -> np.ndarray:
    """``updates`` [n, d] plus noise whose norm is about ``relative`` times each update's."""
    norms = np.linalg.norm(updates, axis=1, keepdims=True)
    noise = rng.standard_normal(updates.shape) * (relative * norms / np.sqrt(updates.shape[1]))
    noisy: np.ndarray = (updates + noise).astype(np.float32)
    return noisy
