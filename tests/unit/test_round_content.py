"""One verifier's reading of a round: every update and every model is fetched and decoded once."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from chain.store import CID, open_store
from karat.participants.verifier.balloting import Balloting
from karat.participants.verifier.calls import Verifier
from karat.protocol.content import publish
from karat.protocol.mixture import Mixture
from karat.protocol.state import Outcome, Revealed, Round
from karat.protocol.task import Task
from learning import tasks
from learning.codec import Codec, SparseUpdate
from learning.tasks.data import partition
from learning.training import initial_model, layout_of, train

SPEC = tasks.get("mlp-digits")
OWNER = "0x" + "11" * 20


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A task of three rounds of two updates; ``fetched`` and ``decoded`` count."""
    base, codec = initial_model(SPEC), Codec(SPEC.codec, layout_of(SPEC))
    store = open_store(f"local:{tmp_path / 'store'}")
    spec = publish(store, SPEC.to_bytes(), owner=OWNER)
    model = publish(store, base.to_bytes(), owner=OWNER)
    rounds = {}
    for number in (1, 2, 3):
        current = Round(number, model.digest, model.size, seed=bytes([number]) * 32)
        for index, shard in enumerate(partition(SPEC, 2, number)):
            update = codec.encode(train(SPEC, base, shard, 10 * number + index, "cpu"))
            content = publish(store, update, owner=OWNER)
            current.updates.append(
                Revealed(index, f"t{index}", content.digest, content.size, index)
            )
        rounds[number] = current
    params = SimpleNamespace(
        spec_digest=spec.digest, model_digest=model.digest, model_size=model.size
    )
    history: Any = SimpleNamespace(
        task_id=1, params=params, rounds=rounds, round=rounds.__getitem__
    )
    made: Any = Task(history, store)
    fetched: Counter[str] = Counter()
    decoded: Counter[bytes] = Counter()
    get, decode = store.get, Codec.decode

    def counted_get(cid: CID, **limits: Any) -> bytes:
        fetched[str(cid)] += 1
        return get(cid, **limits)

    def counted_decode(self: Codec, payload: bytes) -> SparseUpdate:
        decoded[payload] += 1
        return decode(self, payload)

    monkeypatch.setattr(store, "get", counted_get)
    monkeypatch.setattr(Codec, "decode", counted_decode)
    made.fetched, made.decoded = fetched, decoded
    return made


def score(task: Any, number: int) -> None:
    """What one verifier's daemon does with a round, up to the model that follows."""
    web3 = SimpleNamespace(eth=SimpleNamespace(chain_id=1))
    ledger: Any = SimpleNamespace(web3=web3, address=OWNER)
    verifier = Verifier(ledger, task, Account.from_key(b"\x01" * 32), "cpu")
    balloting: Any = object.__new__(Balloting)
    balloting.outbox = SimpleNamespace(log=SimpleNamespace(info=lambda *_, **__: None))
    current = task.history.rounds[number]
    assert not balloting._should_wait(task, current, True)
    scores = verifier.score(current)
    ballot, _ = verifier.draft(scores)
    current.committee, current.voices = (verifier.address,), (1,)
    current.mixtures = {verifier.address: Mixture.from_bytes(ballot.mixture, len(current.updates))}
    current.medians = [int(code) for code in scores.codes]
    current.outcome = Outcome.SETTLED
    task.next_model(current)


def test_everything_is_fetched_and_decoded_once(task: Any) -> None:
    for number in (1, 2, 3):
        score(task, number)
    assert set(task.fetched.values()) == {1}
    assert len(task.fetched) == 2 + 6  # specification, model, updates
    assert set(task.decoded.values()) == {1}
    assert len(task.decoded) == 6


def test_what_the_store_lacks_is_asked_for_again(
    task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = task.history.rounds[1]
    assert all(update.payload for update in task.submissions(current))
    lost = Round(4, current.base_digest, current.base_size, seed=b"\x04" * 32)
    lost.updates.append(Revealed(0, "t0", b"\x07" * 32, 9, 0))
    for _ in range(2):
        assert task.submissions(lost)[0].payload is None
    assert max(task.fetched.values()) == 2


def test_older_rounds_are_forgotten(task: Any) -> None:
    for number in (1, 2, 3):
        task.submissions(task.history.rounds[number])
    assert set(task._contents._rounds) == {2, 3}
