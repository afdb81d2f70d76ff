"""Karat's whole pipeline as a defence, with one verifier, whose scores are the medians."""

import hashlib
from collections.abc import Sequence

import numpy as np

from learning.aggregation import next_model
from learning.arena.base import Defence, Entry, Outcome
from learning.arena.seeds import hash_seed
from learning.judge.verifier import PastRound, SubmittedUpdate, past_round, score_round
from learning.model_state import ModelState
from learning.score_codes import LOWEST_SCORE, ZERO_SCORE
from learning.tasks.spec import TaskSpec


class KaratDefence(Defence):
    """Pays median − ``ZERO_SCORE`` where that is positive, as the ledger does; flags verdicts."""

    def __init__(self, spec: TaskSpec, seed: int, device: str = "cpu") -> None:
        super().__init__(spec, seed, device)
        self.history: list[PastRound] = []

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
        seed = hash_seed(self.seed, number, 4711)
        scores = score_round(self.spec, base, updates, seed, self.history, self.device)
        codes = scores.codes.astype(np.int64)
        self.history.append(past_round(self.spec, number, updates, codes.tolist()))
        del self.history[: -self.spec.scoring.history_rounds]
        model = next_model(self.spec, base, [entry.payload for entry in entries], codes)
        return Outcome(model, np.maximum(codes - ZERO_SCORE, 0.0), codes < LOWEST_SCORE)
