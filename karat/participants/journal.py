"""What a participant must not lose in a crash: one file for each round, written atomically.

A trainer's update and a verifier's ballot are on the disk before anything is committed on the
chain, and are not changed afterwards. Salts follow from the key (:mod:`karat.participants`), so
chain, key and journal together are enough to go on.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chain.folders import data_dir, write_atomically
from chain.ledger.client import Ledger
from chain.ledger.commitments import unpack_scores, word_count
from karat.errors import ProtocolError
from karat.participants.verifier.calls import Ballot
from karat.protocol.content import Content

_BALLOT = "karat.ballot/1"


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


class Updates:
    """A trainer's updates, and what each left out for the next one (error feedback)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, slot: Slot, payload: bytes, residual: np.ndarray) -> None:
        """Keep an update; the residual first, so that an update never lacks it."""
        write_atomically(self._path(slot, "residual"), residual.astype("<f4").tobytes())
        write_atomically(self._path(slot, "update"), payload)

    def load(self, slot: Slot) -> bytes | None:
        """The update for a round; None if there is none."""
        path = self._path(slot, "update")
        return path.read_bytes() if path.is_file() else None

    def residual(self, slot: Slot, total: int) -> np.ndarray:
        """float32 [total]: what the latest update before a round left out; zeros if none did."""
        earlier = [
            (deadline, path)
            for path in self._folder.glob("round-*.residual")
            if (deadline := int(path.stem.rsplit("-", 1)[1])) < slot.commit_deadline
        ]
        for _, path in sorted(earlier, reverse=True)[:1]:
            if path.stat().st_size == 4 * total:
                return np.frombuffer(path.read_bytes(), dtype="<f4").astype(np.float32)
        return np.zeros(total, dtype=np.float32)

    def _path(self, slot: Slot, kind: str) -> Path:
        return self._folder / f"{slot.label}.{kind}"


class Ballots:
    """A verifier's ballots with their evidence; each belongs to a round and its seed.

    A reorganisation that replaces the block a seed was taken from takes the commitment away too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, slot: Slot, seed: bytes, ballot: Ballot, evidence: bytes) -> None:
        """Keep a ballot."""
        document = {
            "schema": _BALLOT,
            "round": slot.number,
            "words": [hex(word) for word in ballot.words],
            "evidence_digest": ballot.evidence.digest.hex(),
            "evidence": evidence.decode("ascii"),
        }
        write_atomically(self._path(slot, seed), json.dumps(document))

    def load(self, slot: Slot, seed: bytes, updates: int) -> tuple[Ballot, bytes] | None:
        """The ballot for a round of so many updates, with its evidence; None if there is none.

        Raises:
            ProtocolError: the file is damaged. It is never replaced: another ballot than the
                one committed cannot be revealed.
        """
        path = self._path(slot, seed)
        try:
            document = json.loads(path.read_text("utf-8"))
            words = tuple(int(word, 16) for word in document["words"])
            evidence = document["evidence"].encode("ascii")
            digest = bytes.fromhex(document["evidence_digest"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProtocolError(
                f"the ballot {path} is damaged ({error}); restore it, or sit this round out"
            ) from error
        if len(words) != word_count(updates):
            raise ProtocolError(f"the ballot {path} is not for a round of {updates} updates")
        unpack_scores(words, updates)
        return Ballot(words, Content(digest, len(evidence))), evidence

    def _path(self, slot: Slot, seed: bytes) -> Path:
        return self._folder / f"{slot.label}-{seed.hex()[:16]}.json"
