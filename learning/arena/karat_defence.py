"""Karat's whole pipeline as a defence, with one verifier, whose codes are the medians."""

import hashlib
from collections.abc import Sequence

import numpy as np

from learning.arena.base import Defence, Entry, Outcome
from learning.arena.seeds import hash_seed
from learning.judge.apply import apply
from learning.judge.history import WINDOW, History, PastRound, past_round
from learning.judge.intake import SubmittedUpdate
from learning.judge.verifier import score_round
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE
from learning.tasks.spec import TaskSpec


class KaratDefence(Defence):
    """Pays code − ``ZERO_SCORE`` where that is positive, in every round alike; flags verdicts."""

    def __init__(self, spec: TaskSpec, seed: int, device: str = "cpu") -> None:
        super().__init__(spec, seed, device)
        self._first: ModelState | None = None
        self._rounds: tuple[PastRound, ...] = ()

    def round(self, number: int, base: ModelState, entries: Sequence[Entry]) -> Outcome:
        updates = [
            SubmittedUpdate(
                index=order,
                trainer=entry.name,
                digest=hashlib.sha256(entry.payload).digest(),
                size=len(entry.payload),
                commit_order=order,
                payload=entry.payload,
            )
            for order, entry in enumerate(entries)
        ]
        self._first = self._first or base
        history = History(self._first, self._rounds)
        seed = hash_seed(self.seed, number, 4711)
        batch = self.sealed.batch(number)
        scores = score_round(self.spec, base, updates, seed, history, self.device, batch)
        codes = scores.codes.astype(np.int64)
        settled = past_round(self.spec, number, base, updates, codes.tolist())
        self._rounds = (*self._rounds, settled)[-WINDOW:]
        decoded = [entry.update for entry in entries]
        model = apply(base, decoded, scores.weights, history.models(), scores.public)
        pay = np.maximum(codes - ZERO_SCORE, 0.0)
        return Outcome(model, pay, codes < LOWEST_SCORE, codes)
