"""The arena and the chain make the same model of a round: one from codes, one from votes."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chain.store import Store, open_store
from karat.participants.verifier.calls import Verifier
from karat.protocol.content import Content, publish
from karat.protocol.mixture import Mixture
from karat.protocol.rules import settled_mixture
from karat.protocol.state import Outcome, Revealed, Round
from karat.protocol.task import Task
from learning import tasks
from learning.arena.base import Entry
from learning.arena.karat_defence import KaratDefence
from learning.arena.sealed import SealedBatches
from learning.arena.seeds import hash_seed
from learning.codec import Codec
from learning.errors import AggregationError
from learning.judge.verifier import RoundScores, score_round
from learning.model_state import ModelState
from learning.tasks.data import divided, partition
from learning.training import initial_model, layout_of, train

SPEC = tasks.get("mlp-digits")
CODEC = Codec(SPEC.codec, layout_of(SPEC))
SEED, ROUNDS, HONEST = 7, 6, 5
OWNER = "0x" + "11" * 20
COMMITTEE = ("one", "two", "three")


class OnChain:
    """A task with a history of its own, whose three verifiers vote what the judge says.

    One of them is a grid step off, as another machine may be, and lies about the rest of the time.
    """

    def __init__(self, store: Store) -> None:
        self.store, self.rounds = store, dict[int, Round]()
        spec = publish(store, SPEC.to_bytes(), owner=OWNER)
        model = initial_model(SPEC).to_bytes()
        self.base = publish(store, model, owner=OWNER)
        params = SimpleNamespace(
            spec_digest=spec.digest, model_digest=self.base.digest, model_size=self.base.size
        )
        history: Any = SimpleNamespace(
            task_id=1, params=params, rounds=self.rounds, round=self.rounds.__getitem__
        )
        self.task = Task(history, store)

    def round(self, number: int, entries: Sequence[Entry], seed: int, batch: Any) -> ModelState:
        """Open, vote on and settle a round; the model after it becomes the next one's base."""
        current = self.rounds[number] = Round(number, self.base.digest, self.base.size)
        for index, entry in enumerate(entries):
            content = publish(self.store, entry.payload, owner=OWNER)
            current.updates.append(Revealed(index, entry.name, content.digest, content.size, index))
        task, past = self.task, self.task.past(number)
        updates = task.submissions(current)
        scores = score_round(SPEC, task.base(current), updates, seed, past, "cpu", batch)
        self._vote(current, scores)
        model = task.next_model(current)
        self.base = publish(self.store, model.to_bytes(), owner=OWNER)
        return model

    def _vote(self, current: Round, scores: RoundScores) -> None:
        count = len(current.updates)
        honest = Mixture.from_bytes(Verifier.draft(scores)[0].mixture, count)
        lie = Mixture(tuple(2 * weight for weight in honest.weights), (32_000, -32_000, 9, 9))
        current.committee, current.voices = COMMITTEE, (3, 2, 3)
        current.mixtures = dict(zip(COMMITTEE, (honest, lie, honest), strict=True))
        current.medians = [int(code) for code in scores.codes]
        current.outcome = Outcome.SETTLED


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> OnChain:
    folder: Path = tmp_path_factory.mktemp("models")
    chain = OnChain(open_store(f"local:{folder / 'store'}"))
    sealed = SealedBatches(divided(SPEC).root, SPEC.scoring.batch, ROUNDS)
    arena = KaratDefence(SPEC, SEED)
    arena.sealed = sealed
    shards, model = partition(SPEC, HONEST, SEED), initial_model(SPEC)
    copied = b""
    for number in range(ROUNDS):
        payloads = [
            CODEC.encode(train(SPEC, model, shard, 10 * number + i, "cpu"))
            for i, shard in enumerate(shards)
        ]
        names = [f"trainer {i}" for i in range(HONEST)]
        if copied:  # a copy from an earlier round is a duplicate, and takes no part
            payloads, names = [*payloads, copied], [*names, "copycat"]
        copied = payloads[0]
        entries = [_entry(name, payload) for name, payload in zip(names, payloads, strict=True)]
        outcome = arena.round(number, model, entries)
        seed, batch = hash_seed(SEED, number, 4711), sealed.batch(number)
        ours = chain.round(number + 1, entries, seed, batch)
        assert ours.digest == outcome.model.digest, f"after round {number}"
        assert chain.rounds[number + 1].medians == outcome.public_codes().tolist()
        model = outcome.model
    return chain


def _entry(name: str, payload: bytes) -> Entry:
    update = CODEC.decode(payload)
    return Entry(name, True, payload, update, update.dense(CODEC.layout.total))


def test_every_round_moved_the_model_by_unequal_weights(played: OnChain) -> None:
    mixtures = [settled_mixture(current) for current in played.rounds.values()]
    assert all(len(set(mixture.weights)) > 2 for mixture in mixtures)
    assert all(mixture.weights[-1] == 0 for mixture in mixtures[1:])  # the copy


def test_the_models_own_movement_counts(played: OnChain) -> None:
    assert any(settled_mixture(current).public for current in played.rounds.values())


def test_a_replay_needs_no_attested_model(played: OnChain) -> None:
    replayed = Task(played.task.history, played.store).replay()
    bases = [current.base_digest for current in played.rounds.values()][1:]
    made = [Content.of(model.to_bytes()).digest for model in replayed.values()]
    assert made == [*bases, played.base.digest]


def test_the_model_needs_the_bytes_of_what_it_takes_and_of_nothing_else(played: OnChain) -> None:
    last = played.rounds[ROUNDS]
    lost = Revealed(ROUNDS - 1, "copycat", b"\x07" * 32, 9, ROUNDS - 1)
    without = Round(**{**vars(last), "updates": [*last.updates[:-1], lost]})
    assert played.task.next_model(without).digest == played.task.next_model(last).digest
    first = Revealed(0, "trainer 0", b"\x07" * 32, 9, 0)
    taken = np.flatnonzero(settled_mixture(last).weights)
    assert taken[0] == 0
    with pytest.raises(AggregationError, match="update 0"):
        played.task.next_model(Round(**{**vars(last), "updates": [first, *last.updates[1:]]}))
