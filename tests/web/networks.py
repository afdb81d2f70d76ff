"""Networks to look at: the demo's, and small ones whose every event a test decides."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from chain.devnet import start_devnet
from chain.ledger.bindings.structs import VerifierGrant
from chain.ledger.commitments import (
    mixture_bytes,
    pack_scores,
    score_commitment,
    tail_hashes,
    update_commitment,
    vector_hash,
)
from chain.store import Store, open_store
from karat.demo.config import DemoConfig
from karat.demo.progress import DemoProgress
from karat.demo.run import played
from karat.protocol.content import Content, publish
from karat.sdk import Network as Sdk
from tests.chain.network import ACCOUNTS, GENESIS, SALT, SPONSOR, UNIT, Network, params

ROUNDS = 3  # of the demo; in the last one two of three verifiers reveal nothing


@dataclass(frozen=True)
class Show:
    """A network with what a page needs to show it."""

    network: Sdk
    store: str
    names: dict[str, str]


@contextmanager
def demo(folder: Path) -> Iterator[Show]:
    """A demo with honest trainers, attackers, a missing reveal and a void round."""
    config = DemoConfig.make(
        rounds=ROUNDS, seed=11, node="anvil", ipfs=None, out=folder / "out", device="cpu",
        drops=["honest-8@2:reveal", "verifier-2@3:score-reveal", "verifier-3@3:score-reveal"],
    )  # fmt: skip
    with (
        DemoProgress(Console(file=StringIO()), ROUNDS) as progress,
        played(config, progress) as end,
    ):
        stage = end.stage
        network = Sdk(stage.devnet.web3, stage.ledger, stage.anchor, config.store_url, 0)
        names = {one.address: one.name for one in end.result.participants}
        yield Show(network, config.store_url, names)


class Small(Network):
    """Four trainers and three verifiers whose content is whatever a test writes."""

    def __init__(self, devnet: Any, store: Store, **rules: int) -> None:
        super().__init__(devnet, **rules)
        self.store = store

    def sdk(self, store: str) -> Sdk:
        """The same for scripts and pages."""
        return Sdk(self.devnet.web3, self.ledger, self.anchor, store, 0)

    def keep(self, data: bytes) -> bytes:
        """Store a document; its digest."""
        return publish(self.store, data, owner="test").digest

    def fund(self) -> None:
        """Tokens and approvals for everyone."""
        self.everyone(
            *((self.sponsor, self.token.mint(one, 10_000 * UNIT)) for one in self.senders),
            *(
                (one, self.token.approve(self.ledger.address, 2**255))
                for one in self.senders.values()
            ),
        )

    def create(self, specification: bytes) -> None:
        """A task with everyone in it, and its first round."""
        rules = replace(
            params(self.token.address), **self.rules, spec_digest=self.keep(specification)
        )
        grants = [VerifierGrant(one.address, 10) for one in self.verifiers]
        self.sponsor.send(self.ledger.create_task(rules, 500 * UNIT, grants))
        agreed = self.ledger.rules_hash(1)
        self.everyone(
            *((one, self.ledger.join_verifier(1, agreed, 20 * UNIT)) for one in self.verifiers),
            *((one, self.ledger.join_trainer(1, agreed, 10 * UNIT)) for one in self.trainers),
            (self.sponsor, self.ledger.open_round(1)),
        )

    def submit(self, number: int) -> None:
        """Every trainer commits and reveals, and the reveal phase is closed."""
        ledger, key = self.ledger, self.ledger.round_key(1, number)
        updates = [Content.of(f"update {i}".encode()) for i in range(len(self.trainers))]
        pairs = list(zip(self.trainers, updates, strict=True))
        self.everyone(
            *(
                (
                    one,
                    ledger.commit(
                        1, number, update_commitment(key, one.address, u.digest, u.size, SALT)
                    ),
                )
                for one, u in pairs
            )
        )
        info = ledger.round_info(1, number)
        self.devnet.warp_to(info.commit_deadline)
        self.everyone(
            *((one, ledger.reveal(1, number, u.digest, u.size, SALT)) for one, u in pairs)
        )
        self.devnet.warp_to(info.reveal_deadline)
        for _ in range(2):  # names a block, and draws from its hash
            self.everyone((self.sponsor, ledger.close_reveal(1, number)))

    def score(self, number: int, codes: list[int], evidence: list[bytes]) -> None:
        """Every verifier votes ``codes``, each with evidence of its own, and the round settles."""
        ledger, key = self.ledger, self.ledger.round_key(1, number)
        words, mixture = pack_scores(codes), bytes(mixture_bytes(len(codes)))
        committee = [self.senders[one] for one in ledger.committee(1, number).verifiers]
        told = list(zip(committee, evidence, strict=True))
        for one, digest in told:
            vector = vector_hash(words)
            sealed = score_commitment(key, one.address, vector, mixture, digest, SALT)
            self.everyone((one, ledger.commit_scores(1, number, sealed)))
        self.everyone(
            *((one, ledger.reveal_scores(1, number, words, mixture, d, SALT)) for one, d in told)
        )
        tails = [tail_hashes(words)[-1]] * len(committee)
        self.everyone((self.sponsor, ledger.settle(1, number, 0, [words] * len(committee), tails)))


@contextmanager
def small(folder: Path, **rules: int) -> Iterator[Small]:
    """A devnet with the contracts and people with tokens, and no task."""
    url = f"local:{folder / 'store'}"
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        network = Small(devnet, open_store(url), **rules)
        network.fund()
        yield network


def specification(name: str, **parts: object) -> bytes:
    """A specification with this name; the rest is harmless but for ``parts``."""
    document = {"name": name, "model": {"kind": "mlp"}, "data": {"kind": "digits"}, "version": 1}
    document |= parts
    return json.dumps(document).encode()


def evidence(updates: list[dict[str, Any]]) -> bytes:
    """An evidence document with these entries."""
    return json.dumps(
        {
            "schema": "karat.evidence/1", "loss": 1.5, "clip": 1.0, "updates": updates,
        }
    ).encode()  # fmt: skip


__all__ = ["SPONSOR", "Show", "Small", "demo", "evidence", "small", "specification"]
