"""Trainers state on a real chain whom they trust: scores, anchored roots, and every bad call."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx
import pytest

from chain.devnet import start_devnet
from chain.evm.accounts import Keystore
from chain.ledger.peers import MOST_EDGES, pack_edges
from chain.ledger.profiles import Profile, save_profile
from karat.config import load_settings
from karat.protocol import reputation
from karat.protocol.history import TaskHistory
from karat.protocol.trust import TrustEdge, trust_edges
from karat.sdk import connect
from tests.chain.network import ACCOUNTS, GENESIS, TRAINERS, VERIFIERS, Network
from tests.cli.home import Home, home_with_network
from tests.cli.schemas import checked

NAME = "peers"
CODES = [20_000, 18_000, 1, 16_384]  # two earn, one is convicted, one earns nothing
BEST, GOOD, CONVICT, NEWCOMER = (one.address for one in TRAINERS)
VERIFIER = VERIFIERS[0].address
KEYS = {
    **dict(zip(("best", "good", "convict", "newcomer"), TRAINERS, strict=True)),
    "vera": VERIFIERS[0],
}


@dataclass
class Settled:
    """A task after its first round, on a chain that the command line knows."""

    home: Home
    chain: Network

    def attest(self, account: str, *edges: str, code: int = 0, dry: bool = False) -> str:
        """Run the command; its document, or what it said if it fails."""
        words = ("reputation", "attest", 1, *edges, "--account", account, "--network", NAME)
        words = (*words, "--dry-run") if dry else words
        out, err = self.home.run(*words, "--json", code=code)
        return err if code else out

    def history(self) -> TaskHistory:
        """The task as a stranger reads it from the chain."""
        history = TaskHistory(self.chain.ledger, 1, anchor=self.chain.anchor)
        history.refresh()
        return history


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    addresses = [one.address for one in ACCOUNTS]
    folder = tmp_path_factory.mktemp(NAME)
    with (
        pytest.MonkeyPatch.context() as patch,
        home_with_network(folder, patch) as home,
        start_devnet("anvil", accounts=addresses, timestamp=GENESIS) as devnet,
    ):
        chain = Network(devnet)
        chain.open_task()
        chain.play_round(CODES)
        contracts = {"ledger": chain.ledger.address, "anchor": chain.anchor.address}
        where = {"rpc_url": devnet.rpc_url, "chain_id": devnet.chain_id}
        save_profile(Profile(name=NAME, token=chain.token.address, **contracts, **where))
        keystore = Keystore(load_settings().keystore)
        for name, key in KEYS.items():
            keystore.import_key(name, bytes(key.key), home.env["KARAT_PASSWORD"])
        yield Settled(home, chain)


def test_what_a_trainer_states_is_in_the_graph_and_in_the_root(settled: Settled) -> None:
    home, chain = settled.home, settled.chain
    before = reputation.anchored(settled.history())
    tried = json.loads(settled.attest("best", f"{NEWCOMER}=70", dry=True))
    assert tried["dry_run"]
    assert trust_edges(settled.history())[-1].source in {one.address for one in VERIFIERS}

    said = checked(json.loads(settled.attest("best", f"{NEWCOMER.lower()}=70", f"{GOOD}=-30")))
    assert said["edges"] == [{"to": NEWCOMER, "weight": 70}, {"to": GOOD, "weight": -30}]
    assert (said["address"], said["round"], len(said["transactions"])) == (BEST, 1, 1)
    stated = [TrustEdge(BEST, NEWCOMER, 70, 1), TrustEdge(BEST, GOOD, -30, 1)]
    assert {one for one in trust_edges(settled.history()) if one.source == BEST} == set(stated)

    # A verifier and a convict may say what they like: the contract takes it, nobody counts it.
    chain.everyone(
        (chain.verifiers[0], chain.anchor.attest_peers(1, pack_edges([(NEWCOMER, 9)]))),
        (chain.trainers[2], chain.anchor.attest_peers(1, pack_edges([(NEWCOMER, 9)]))),
    )
    counted = [one for one in trust_edges(settled.history()) if one.target == NEWCOMER]
    assert counted == stated[:1]

    ask = ("--network", NAME, "--task", 1)
    found = checked(home.json("reputation", "explain", NEWCOMER, *ask))
    assert {tuple(path["nodes"][2:]) for path in found["paths"]} == {(BEST, NEWCOMER)}
    exported = checked(home.json("reputation", "export", *ask))["text"]
    assert nx.parse_graphml(exported).has_edge(BEST, NEWCOMER)

    # The majority anchors it, and whoever asks finds the same root from the chain alone.
    block = int(chain.devnet.web3.eth.block_number)
    epoch = reputation.epoch_at(chain.ledger, chain.anchor, 1, block)
    chain.devnet.mine()
    for verifier in chain.verifiers[:2]:
        verifier.send(chain.anchor.attest(1, 1, epoch.statement))
    settled.attest("good", f"{NEWCOMER}=5")  # too late for this epoch
    proven = checked(home.json("reputation", "verify", NEWCOMER, *ask))
    assert proven["holds"]
    assert proven["root"] == "0x" + epoch.statement.root.hex()
    assert proven["score"] > 0 == before.scores[NEWCOMER.lower()]
    assert epoch.statement.root != before.root
    again = connect(NAME).reputation(1).proof(NEWCOMER)
    assert again.document.digest == epoch.statement.document_digest
    own = epoch.scored.scores[BEST.lower()]
    assert own == before.scores[BEST.lower()]
    later = TaskHistory(chain.ledger, 1, anchor=chain.anchor)
    later.refresh(to_block=block)
    assert reputation.anchored(later).root == epoch.statement.root
    assert reputation.anchored(settled.history()).root != epoch.statement.root


@pytest.mark.parametrize(
    ("account", "edge", "code", "reason"),
    [
        ("best", f"{BEST}=1", 2, "is your own account"),
        ("best", f"{CONVICT}=1", 1, f"{CONVICT} can neither attest nor be attested"),
        ("vera", f"{GOOD}=1", 1, f"{VERIFIER} can neither attest nor be attested"),
        ("convict", f"{GOOD}=1", 1, f"{CONVICT} can neither attest nor be attested"),
    ],
)
def test_what_nobody_would_count_is_not_sent(
    settled: Settled, account: str, edge: str, code: int, reason: str
) -> None:
    sent = len(settled.history().peer_edges)
    said = " ".join(settled.attest(account, edge, code=code).replace("│", " ").split())
    assert reason in said
    assert len(settled.history().peer_edges) == sent


def test_a_round_has_room_for_so_many(settled: Settled) -> None:
    chain = settled.chain
    most = pack_edges([(BEST, 1)] * (MOST_EDGES - 1))
    chain.everyone((chain.trainers[3], chain.anchor.attest_peers(1, most)))
    said = settled.attest("newcomer", f"{BEST}=1", f"{GOOD}=1", code=5, dry=True)
    assert "has used up its attestations of this round (wanted = 2, left = 1)" in said
    settled.attest("newcomer", f"{GOOD}=1")


def test_a_suspended_trainer_is_refused_by_the_contract(settled: Settled) -> None:
    chain = settled.chain
    chain.everyone((chain.trainers[1], chain.ledger.request_leave(1)))
    said = settled.attest("good", f"{BEST}=1", code=5)
    assert "Only members of the task with their full stake may attest others" in said


def test_a_network_without_an_anchor_says_so(settled: Settled) -> None:
    ledger = settled.chain.ledger.address
    where = settled.chain.devnet
    save_profile(
        Profile(name=NAME, rpc_url=where.rpc_url, chain_id=31337, kind="devnet", ledger=ledger)
    )
    assert f"the network '{NAME}' names no anchor" in settled.attest("best", f"{GOOD}=1", code=3)
