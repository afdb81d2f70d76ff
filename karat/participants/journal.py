"""What a participant must not lose in a crash: one file for each round, written atomically.

A trainer's update and a verifier's ballot are on the disk before anything is committed on the
chain, and are never changed afterwards. What is revealed is what was committed: it is looked for
among all files of its round, by the commitment on the chain, because a reorganisation that mines
the same transactions again gives the round another deadline and another seed. (The slashing
protection of Ethereum's validators, EIP-3076, is the model.) Salts follow from the key, so chain,
key and journal together are enough to go on.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chain.errors import BadCommitment, LockBusy
from chain.folders import data_dir, write_atomically
from chain.ledger.client import Ledger
from chain.ledger.commitments import unpack_scores, word_count
from chain.locks import locked
from karat.errors import ProtocolError
from karat.participants.verifier.calls import Ballot
from karat.protocol.content import Content
from karat.protocol.mixture import Mixture

_BALLOT = "karat.ballot/2"
_OVERLAP = 5.0  # seconds: a daemon that is ending may still have it
_ROUNDS_KEPT = 8  # as long as appeals and reorganisations may come back to a round


class Slot(NamedTuple):
    """A round of one chain: its deadline tells it from the same round of a chain begun anew."""

    number: int
    commit_deadline: int

    @classmethod
    def of(cls, ledger: Ledger, task_id: int, number: int) -> "Slot":
        """A round that is open or has been."""
        return cls(number, ledger.round_info(task_id, number).commit_deadline)

    @property
    def label(self) -> str:
        """Its part of a file name."""
        return f"round-{self.number}-{self.commit_deadline}"


def journal_folder(role: str, ledger: Ledger, task_id: int, address: str) -> Path:
    """Where one member of one task keeps its journal."""
    network = f"{ledger.web3.eth.chain_id}-{ledger.address.lower()}"
    return data_dir() / role / network / f"task-{task_id}" / address.lower()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a journal for one daemon: two with the same key would commit to two different things.

    Raises:
        LockBusy: another daemon of this account works on the task, on this machine.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "daemon.lock", seconds=_OVERLAP))
        except LockBusy as error:
            raise LockBusy(
                f"another daemon works on this task with this account: {error}"
            ) from error
        yield


class Updates:
    """A trainer's updates, and what each left out for the next one (error feedback)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, slot: Slot, payload: bytes, residual: np.ndarray) -> None:
        """Keep an update beside those made for the round before, one of which may be committed.

        The residual comes first, so that an update never lacks it. Files of rounds that no
        reorganisation brings back are removed.
        """
        stem = f"{slot.label}-{hashlib.sha256(payload).hexdigest()[:16]}"
        content = residual.astype("<f4").tobytes()
        write_atomically(self._folder / f"{stem}.residual", content)
        write_atomically(self._folder / f"{stem}.update", payload)
        _prune(self._folder, slot.number)

    def load(self, slot: Slot) -> bytes | None:
        """The latest update made for a round; None if there is none."""
        paths = _newest_first(self._folder.glob(f"{slot.label}*.update"))
        return paths[0].read_bytes() if paths else None

    def find(self, number: int, is_it: Callable[[bytes], bool]) -> bytes | None:
        """The update of a round, whatever its deadline was then, for which ``is_it`` holds."""
        for path in _newest_first(self._folder.glob(f"round-{number}-*.update")):
            payload = path.read_bytes()
            if is_it(payload):
                return payload
        return None

    def residual(self, slot: Slot, total: int) -> np.ndarray:
        """float32 [total]: what the latest update before a round left out; zeros if none did."""
        earlier = [
            (deadline, path.stat().st_mtime_ns, path)
            for path in self._folder.glob("round-*.residual")
            if (deadline := int(path.stem.split("-")[2])) < slot.commit_deadline
        ]
        for _, _, path in sorted(earlier, reverse=True)[:1]:
            if path.stat().st_size == 4 * total:
                return np.frombuffer(path.read_bytes(), dtype="<f4").astype(np.float32)
        return np.zeros(total, dtype=np.float32)


class Ballots:
    """A verifier's ballots with their evidence; each was made for a round and its seed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, slot: Slot, seed: bytes, ballot: Ballot, evidence: bytes) -> None:
        """Keep a ballot."""
        document = {
            "schema": _BALLOT,
            "round": slot.number,
            "words": [hex(word) for word in ballot.words],
            "mixture": ballot.mixture.hex(),
            "evidence_digest": ballot.evidence.digest.hex(),
            "evidence": evidence.decode("ascii"),
        }
        write_atomically(self._path(slot, seed), json.dumps(document))
        _prune(self._folder, slot.number)

    def load(self, slot: Slot, seed: bytes, updates: int) -> tuple[Ballot, bytes] | None:
        """The ballot for a round of so many updates, with its evidence; None if there is none.

        Raises:
            ProtocolError: the file is damaged. It is never replaced: another ballot than the
                one committed cannot be revealed.
        """
        path = self._path(slot, seed)
        kept = self._read(path)
        if kept is not None and not _fits(kept[0], updates):
            raise ProtocolError(f"the ballot {path} is not for a round of {updates} updates")
        return kept

    def find(
        self, number: int, updates: int, is_it: Callable[[Ballot], bool]
    ) -> tuple[Ballot, bytes] | None:
        """The ballot of a round, whatever its seed was then, for which ``is_it`` holds.

        Raises:
            ProtocolError: it is not there, and a file that it might be in is damaged.
        """
        damage: ProtocolError | None = None
        for path in _newest_first(self._folder.glob(f"round-{number}-*.json")):
            try:
                kept = self._read(path)
            except ProtocolError as error:
                damage = damage or error
                continue
            if kept is not None and _fits(kept[0], updates) and is_it(kept[0]):
                return kept
        if damage is not None:
            raise damage
        return None

    @staticmethod
    def _read(path: Path) -> tuple[Ballot, bytes] | None:
        try:
            document = json.loads(path.read_text("utf-8"))
            words = tuple(int(word, 16) for word in document["words"])
            mixture = bytes.fromhex(document["mixture"])
            evidence = document["evidence"].encode("ascii")
            digest = bytes.fromhex(document["evidence_digest"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProtocolError(
                f"the ballot {path} is damaged ({error}); restore it, or sit this round out"
            ) from error
        return Ballot(words, mixture, Content(digest, len(evidence))), evidence

    def _path(self, slot: Slot, seed: bytes) -> Path:
        return self._folder / f"{slot.label}-{seed.hex()[:16]}.json"


def _fits(ballot: Ballot, updates: int) -> bool:
    """Whether a ballot votes on so many updates."""
    if len(ballot.words) != word_count(updates):
        return False
    try:
        unpack_scores(ballot.words, updates)
        Mixture.from_bytes(ballot.mixture, updates)
    except BadCommitment:
        return False
    return True


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _prune(folder: Path, number: int) -> None:
    """Remove the files of rounds long before ``number``."""
    for path in folder.glob("round-*-*.*"):
        written = path.name.split("-")[1]
        if written.isdigit() and int(written) < number - _ROUNDS_KEPT:
            path.unlink(missing_ok=True)
