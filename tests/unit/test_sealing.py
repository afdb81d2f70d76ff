"""Sealed hold-outs: `learning.tasks.sealing` and how their keys are given out."""

import numpy as np
import pytest
from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from chain.evm.abi import Position
from chain.ledger.bindings import ledger_events as ledger
from karat.protocol.holdout_keys import (
    EVERYBODY,
    Recipient,
    deliveries,
    delivery,
    is_due,
    requests,
)
from karat.protocol.reducer import fold
from karat.protocol.state import TaskState
from learning.errors import TaskError
from learning.tasks.sealing import (
    SealedHoldout,
    batch_key,
    batch_of_round,
    new_key,
    seal,
)

KEY = bytes(range(32))
BATCHES = [bytes([place]) * 100 for place in range(3)]
SPONSOR, ANN, BEN = "0x" + "a" * 40, "0x" + "b" * 40, "0x" + "c" * 40
HOLDOUT = b"digest of the hold-out".ljust(32)


def sealed() -> SealedHoldout:
    return SealedHoldout.parse(seal(BATCHES, KEY), 3)


def test_a_batch_is_opened_by_its_own_key_alone() -> None:
    holdout = sealed()
    for place, content in enumerate(BATCHES):
        assert holdout.open(place, batch_key(KEY, place)) == content
        with pytest.raises(TaskError, match=f"not the key of batch {place}"):
            holdout.open(place, batch_key(KEY, place + 1))
    assert all(batch not in seal(BATCHES, KEY) for batch in BATCHES)
    assert holdout.is_opened_by(KEY)
    assert not holdout.is_opened_by(new_key())


def test_the_same_hold_out_has_the_same_bytes() -> None:
    assert seal(BATCHES, KEY) == seal(BATCHES, KEY)
    assert new_key() != new_key()


def test_a_batch_that_was_sealed_wrongly_is_said_to_be() -> None:
    tensors = load(seal(BATCHES, KEY))
    tensors["1"] = tensors["1"] ^ 1
    broken = SealedHoldout.parse(save(tensors), 3)
    assert broken.open(0, batch_key(KEY, 0)) == BATCHES[0]
    with pytest.raises(TaskError, match="batch 1 of the hold-out cannot be read with its own key"):
        broken.open(1, batch_key(KEY, 1))


def test_one_file_cannot_be_opened_in_two_ways() -> None:
    """AES-GCM alone would accept a second key that its author prepared: the file names the one."""
    other = bytes(32)
    content, tag = AES.new(other, AES.MODE_GCM, nonce=bytes(12)).encrypt_and_digest(bytes(100))
    tensors = load(seal(BATCHES, KEY))
    tensors["0"] = np.frombuffer(content + tag, dtype=np.uint8)
    with pytest.raises(TaskError, match="not the key"):
        SealedHoldout.parse(save(tensors), 3).open(0, other)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("keys"),
        lambda t: t.pop("2"),
        lambda t: t.update({"3": t["2"]}),
        lambda t: t.update({"keys": t["keys"][:-1]}),
        lambda t: t.update({"1": t["1"][:-1]}),
        lambda t: t.update({"1": t["1"].astype(np.int16)}),
        lambda t: t.update({"1": t["1"][None]}),
        lambda t: t.update({str(place): t["0"][:5] for place in range(3)}),
    ],
)
def test_what_is_no_sealed_hold_out_is_refused(change: object) -> None:
    tensors = load(seal(BATCHES, KEY))
    change(tensors)
    with pytest.raises(TaskError, match="sealed hold-out"):
        SealedHoldout.parse(save(tensors), 3)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_file_are_refused(data: bytes) -> None:
    with pytest.raises(TaskError, match="sealed hold-out"):
        SealedHoldout.parse(data, 3)


def test_a_round_gets_a_fresh_batch_while_there_are_any() -> None:
    assert [batch_of_round(number, 2**200 + 5, 3) for number in (1, 2, 3)] == [0, 1, 2]
    assert {batch_of_round(9, seed, 3) for seed in range(3)} == {0, 1, 2}


def test_a_delivery_is_read_by_its_recipient_and_for_its_hold_out_alone() -> None:
    ann, ben = Recipient(b"\1" * 32), Recipient(b"\2" * 32)
    message = delivery(KEY, ann.public, HOLDOUT)
    assert message is not None
    assert ann.opened(message, HOLDOUT) == KEY
    assert Recipient(b"\1" * 32).opened(message, HOLDOUT) == KEY
    assert ben.opened(message, HOLDOUT) is None
    assert ann.opened(message, bytes(32)) is None
    assert KEY not in message


@given(st.binary(max_size=256))
def test_a_delivery_of_anything_is_no_key(message: bytes) -> None:
    assert Recipient(b"\1" * 32).opened(message, HOLDOUT) is None
    assert Recipient(b"\1" * 32).opened(b"\2" + message[:80].ljust(80, b"\0"), HOLDOUT) is None


@pytest.mark.parametrize("public", [bytes(32), b"\1" + bytes(31), b"\xff" * 32])
def test_a_public_key_without_a_secret_gets_none(public: bytes) -> None:
    message = delivery(KEY, public, HOLDOUT)
    assert message is None or public == b"\xff" * 32


def task_of(*posted: tuple[str, str, bytes]) -> TaskState:
    task = TaskState(1, sponsor=SPONSOR, verifiers=[ANN, BEN])
    at = Position(1, 0, bytes(32), bytes(32), "")
    for from_, to, message in posted:
        fold(task, ledger.MessagePosted(at=at, task_id=1, from_=from_, to=to, message=message))
    return task


def test_who_answers_a_request() -> None:
    asks = Recipient(b"\1" * 32).request()
    once = task_of((ANN, EVERYBODY, asks))
    [request] = requests(once)
    assert (request.verifier, request.count) == (ANN, 1)
    assert [is_due(once, request, who) for who in (SPONSOR, BEN, ANN)] == [True, True, False]
    by_ben = task_of((ANN, EVERYBODY, asks), (BEN, ANN, b"junk"))
    assert [is_due(by_ben, request, who) for who in (SPONSOR, BEN)] == [True, False]
    assert list(deliveries(by_ben, ANN)) == [b"junk"]
    again = task_of((ANN, EVERYBODY, asks), (BEN, ANN, b"junk"), (ANN, EVERYBODY, asks))
    [request] = requests(again)
    assert [is_due(again, request, who) for who in (SPONSOR, BEN)] == [True, True]


def test_requests_of_others_than_verifiers_and_of_those_who_left_are_none() -> None:
    asks = Recipient(b"\1" * 32).request()
    assert requests(task_of((SPONSOR, EVERYBODY, asks))) == []
    assert requests(task_of((ANN, EVERYBODY, asks[:-1]), (BEN, ANN, asks))) == []
    task = task_of((ANN, EVERYBODY, asks))
    at = Position(2, 0, bytes(32), bytes(32), "")
    fold(task, ledger.Left(at=at, task_id=1, account=ANN, amount=0))
    assert requests(task) == []
