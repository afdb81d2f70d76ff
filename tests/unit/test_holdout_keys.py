"""Who asks for the key of a sealed hold-out, who gives it, and what is believed."""

from pathlib import Path

import pytest
from eth_abi.abi import decode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from chain.evm.abi import Position
from chain.folders import data_dir
from chain.ledger.bindings import ledger_events
from chain.ledger.client import Ledger
from karat.participants.holdout_keys import HoldoutKeys, keep_key, kept_key
from karat.protocol.holdout_keys import EVERYBODY, Recipient, delivery
from karat.protocol.reducer import fold
from karat.protocol.state import TaskState
from learning.tasks.sealing import SealedHoldout, seal

KEY = bytes(range(32))
DIGEST = b"\7" * 32
HOLDOUT = SealedHoldout.parse(seal([b"one", b"two"], KEY), 2)
LEDGER = Ledger(Web3(), "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
SPONSOR, ANN, BEN = (Account.from_key(bytes([i]) * 32) for i in (1, 2, 3))


class Chain:
    """The task's messages, as calls post them."""

    def __init__(self) -> None:
        self.task = TaskState(1, sponsor=SPONSOR.address, verifiers=[ANN.address, BEN.address])
        self._block = 0

    def post(self, who: LocalAccount, to: str, message: bytes) -> None:
        self._block += 1
        at = Position(self._block, 0, bytes(32), bytes(32), "")
        posted = ledger_events.MessagePosted(
            at=at, task_id=1, from_=who.address, to=to, message=message
        )
        fold(self.task, posted)

    def step(self, who: LocalAccount, keys: HoldoutKeys) -> int:
        """Post what is due; how many messages that were."""
        calls = keys.due(self.task)
        for call in calls:
            to, message = _posted(call.data)
            self.post(who, to, message)
        return len(calls)


def _posted(data: bytes) -> tuple[str, bytes]:
    _, to, message = decode(["uint256", "address", "bytes"], data[4:])
    return Web3.to_checksum_address(to), message


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / "a"))


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Go on at another machine."""
    monkeypatch.setenv("KARAT_DATA_DIR", str(tmp_path / name))


def keys_of(account: LocalAccount) -> HoldoutKeys:
    return HoldoutKeys(LEDGER, account, DIGEST, HOLDOUT)


def test_a_verifier_asks_once_is_given_the_key_and_gives_it_to_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain = Chain()
    keep_key(DIGEST, KEY)
    sponsor = keys_of(SPONSOR)
    assert chain.step(SPONSOR, sponsor) == 0
    elsewhere(monkeypatch, tmp_path, "ann")
    ann = keys_of(ANN)
    assert ann.key(chain.task) is None
    assert [chain.step(ANN, ann) for _ in range(2)] == [1, 0]
    assert [chain.step(SPONSOR, sponsor) for _ in range(2)] == [1, 0]
    assert ann.key(chain.task) == KEY
    assert keys_of(ANN).key(Chain().task) == KEY  # it is on her machine now
    elsewhere(monkeypatch, tmp_path, "ben")
    ben = keys_of(BEN)
    assert chain.step(BEN, ben) == 1
    assert [chain.step(ANN, ann) for _ in range(2)] == [1, 0]
    assert ben.key(chain.task) == KEY


def test_junk_is_not_believed_and_asked_past(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain = Chain()
    elsewhere(monkeypatch, tmp_path, "ann")
    ann = keys_of(ANN)
    chain.step(ANN, ann)
    wrong = delivery(bytes(32), Recipient(bytes(ANN.key)).public, DIGEST)
    assert wrong is not None
    chain.post(BEN, ANN.address, wrong)
    assert ann.key(chain.task) is None
    assert [chain.step(ANN, ann) for _ in range(2)] == [1, 0]  # it asks again, once
    elsewhere(monkeypatch, tmp_path, "a")
    keep_key(DIGEST, KEY)
    honest = keys_of(SPONSOR)
    assert chain.step(SPONSOR, honest) == 1
    chain.post(BEN, ANN.address, wrong)
    elsewhere(monkeypatch, tmp_path, "ann")
    assert ann.key(chain.task) == KEY  # whatever else was posted


def test_somebody_who_answers_junk_for_ever_is_not_asked_for_ever() -> None:
    chain, ann = Chain(), keys_of(ANN)
    asked = 0
    for _ in range(10):
        asked += chain.step(ANN, ann)
        chain.post(BEN, ANN.address, b"junk")
    assert asked == 3


def test_a_message_of_ones_own_that_is_no_request_does_not_count() -> None:
    chain = Chain()
    chain.post(ANN, EVERYBODY, b"hello")
    assert len(keys_of(ANN).due(chain.task)) == 1


@pytest.mark.parametrize("content", [b"", b"zz", b"00" * 31, (b"01" * 32), b"\xff"])
def test_a_damaged_key_file_is_no_key(content: bytes) -> None:
    path = data_dir() / "holdout-keys" / f"{DIGEST.hex()}.key"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert kept_key(DIGEST, HOLDOUT) is None
    keep_key(DIGEST, KEY)
    assert kept_key(DIGEST, HOLDOUT) == KEY
    assert path.stat().st_mode & 0o777 == 0o600
