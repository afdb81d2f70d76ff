"""Many kinds of false standings against one honest watcher on Anvil: all lose their bond."""

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.devnet import start_devnet
from chain.errors import ChainError
from chain.ledger.bindings import errors, structs
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.bindings.enums import Fault
from chain.ledger.client import StandingAnchor
from karat.errors import ProtocolError
from karat.participants.watcher import Action, Watcher
from karat.protocol.standing_challenges import answer as answering
from karat.protocol.standing_challenges import open_challenges
from karat.protocol.standing_claims import (
    Claimed,
    chain_tree,
    claim_of,
    disproof,
    document,
    node_proof,
    range_proof,
    read_document,
)
from karat.protocol.standing_inputs import DAY_SECONDS
from reputation.anchoring.faults import Fault as Found
from reputation.anchoring.faults import Neighbours, Proof, Published, find_fault
from reputation.anchoring.positional import depth, join_paths
from reputation.anchoring.standings import (
    Decays,
    Edge,
    Inputs,
    Node,
    Rank,
    Standings,
    Tree,
    compute,
    encode,
    fits,
    ranking,
)
from tests.standings.network import (
    ACCOUNTS,
    BOND,
    DECAYS,
    GENESIS,
    RESPONSE,
    TODAY,
    WINDOW,
    Network,
    compiled_double,
    some_inputs,
)
from tests.unit.test_reputation_standings import LIES, told

pytestmark = [pytest.mark.anvil, pytest.mark.node]

INPUTS = some_inputs(5, 40)
RIGHT = compute(INPUTS, DECAYS)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    addresses = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS) as devnet:
        yield Network(devnet, compiled_double())


_SCOPES = iter(range(1, 10**6))


@pytest.fixture
def scope(network: Network) -> int:
    """One that no test has used."""
    number = next(_SCOPES)
    network.honest.send(network.inputs.set(number, TODAY, INPUTS))
    return number


def node(at: int, **change: int) -> Callable[[], Standings]:
    def lie() -> Standings:
        nodes = list(RIGHT.nodes)
        nodes[at] = nodes[at]._replace(**change)
        return dataclasses.replace(RIGHT, nodes=nodes)

    return lie


def edge(at: int, **change: int) -> Callable[[], Standings]:
    def lie() -> Standings:
        edges = list(RIGHT.edges)
        edges[at] = edges[at]._replace(**change)
        return dataclasses.replace(RIGHT, edges=edges)

    return lie


def edges(change: Callable[[list[Edge]], Any]) -> Callable[[], Standings]:
    def lie() -> Standings:
        found = list(RIGHT.edges)
        change(found)
        return dataclasses.replace(RIGHT, edges=found)

    return lie


def other_inputs(**change: Sequence[Any]) -> Callable[[], Standings]:
    """Everything follows, from inputs that are not the chain's."""
    return lambda: compute(dataclasses.replace(INPUTS, **change), DECAYS)


def flattered() -> Standings:
    """The last node lifted to the top, ranks and all."""
    nodes = list(RIGHT.nodes)
    nodes[-1] = nodes[-1]._replace(score=2**40)
    return dataclasses.replace(RIGHT, nodes=nodes, ranks=ranking(nodes))


DOMINATED = next(j for j, one in enumerate(RIGHT.nodes) if one.top != j and one.visits)
KINDS: dict[str, tuple[Callable[[], Standings], Fault]] = {
    "another account": (node(7, account=0xBAD), Fault.INPUT),
    "a gain nobody earned": (node(7, gain=10**9), Fault.INPUT),
    "gains of another graph": (other_inputs(gains=some_inputs(6, 40).gains), Fault.INPUT),
    "a wrong sum of gains": (node(7, gain_sum=5), Fault.GAIN_SUM),
    "a wrong total": (
        lambda: dataclasses.replace(RIGHT, total_gain=RIGHT.total_gain * 2),
        Fault.SCORE,
    ),
    "all that follows from a wrong total": (
        lambda: compute(INPUTS, DECAYS, RIGHT.total_gain * 2),
        Fault.GAIN_SUM,
    ),
    "no gains at all": (lambda: compute(INPUTS, DECAYS, 0), Fault.GAIN_SUM),
    "a wrong sum of weights": (node(3, out_weight=1), Fault.OUT_WEIGHT),
    "a wrong flow": (edge(9, flow=2**39), Fault.FLOW),
    "a source that comes through another": (edge(9, top=38), Fault.FLOW),
    "a wrong running sum": (edge(9, sum=2**39), Fault.EDGE_SUM),
    "a wrong running label": (edge(9, via=77), Fault.EDGE_SUM),
    "a wrong order": (edges(lambda e: e.insert(3, e.pop(9))), Fault.OMISSION),
    "an edge twice": (edges(lambda e: e.insert(9, e[9])), Fault.ORDER),
    "an omitted edge": (edges(lambda e: e.pop(9)), Fault.OMISSION),
    "the last edge omitted": (edges(lambda e: e.pop()), Fault.OMISSION),
    "no edges at all": (edges(lambda e: e.clear()), Fault.OMISSION),
    "an invented edge": (edges(lambda e: e.insert(0, Edge(1, 0, 1, 0, 0, 0, 0))), Fault.WEIGHT),
    "an edge back in time": (edges(lambda e: e.append(Edge(39, 39, 1, 0, 0, 0, 0))), Fault.WEIGHT),
    "another weight": (edge(9, weight=60_000), Fault.WEIGHT),
    "rows of another graph": (other_inputs(rows=some_inputs(6, 40).rows), Fault.OMISSION),
    "edges that end early": (node(20, edges_end=3), Fault.EDGES_END),
    "edges that end late": (node(20, edges_end=10**6), Fault.EDGES_END),
    "a flattered score": (flattered, Fault.SCORE),
    "visits out of nothing": (node(20, visits=2**40), Fault.SCORE),
    "no connectivity decay": (lambda: compute(INPUTS, Decays(1500, 0)), Fault.SCORE),
    "a dominated node that says it is not": (node(DOMINATED, top=DOMINATED), Fault.SCORE),
    "ranks upside down": (
        lambda: dataclasses.replace(RIGHT, ranks=RIGHT.ranks[::-1]),
        Fault.RANK,
    ),
    "one rank bought": (
        lambda: dataclasses.replace(RIGHT, ranks=[RIGHT.ranks[-1], *RIGHT.ranks[:-1]]),
        Fault.RANK,
    ),
    "a rank of nobody": (
        lambda: dataclasses.replace(RIGHT, ranks=[Rank(99, 2**40), *RIGHT.ranks[1:]]),
        Fault.RANK,
    ),
}


def fault_of(lie: Standings) -> Found:
    """What disproves it."""
    right = compute(INPUTS, DECAYS, lie.total_gain)
    fault = find_fault(Published(lie, right), right, INPUTS, DECAYS)
    assert fault is not None
    return fault


def watcher(network: Network, store: dict[bytes, bytes] | None = None) -> Watcher:
    known = {} if store is None else store

    def publish(content: bytes) -> bytes:
        digest = hashlib.sha256(content).digest()
        known[digest] = content
        return digest

    def fetch(claim: structs.Claim) -> Standings | None:
        digest = bytes(claim.document_digest)
        return read_document(known[digest]) if digest in known else None

    return Watcher(network.anchor, network.honest, lambda *_: INPUTS, fetch, publish)


def faults(network: Network, claimed: Claimed) -> list[int]:
    return [
        event.fault
        for event in network.anchor.events(happened.ClaimDisproved)
        if bytes(event.claim_hash) == claimed.claim_hash
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_false_root_loses_its_bond(network: Network, scope: int, kind: str) -> None:
    lie, fault = KINDS[kind]
    store: dict[bytes, bytes] = {}
    honest = watcher(network, store)
    before = network.anchor.owed(network.honest.address)
    content = document(lie())
    digest = honest._publish(content)
    claimed = network.claim(read_document(content), scope, digest)
    assert honest.step(scope, TODAY) is Action.DISPROVED
    assert faults(network, claimed) == [fault]
    assert network.anchor.owed(network.honest.address) == before + BOND // 2
    assert network.anchor.pending_of(scope)[1] == "0x" + "0" * 40
    with pytest.raises(ChainError):  # its bond is gone
        network.fraud.send(network.anchor.finalize(claimed.claim, claimed.number))


def answer(network: Network, claimed: Claimed, lie: Standings, watch: Watcher, scope: int) -> int:
    """Have the fraud answer all challenges, each as late as it may, until it is disproved; returns
    how many answers.
    """
    answers = 0
    trees: dict[int, Tree] = {}
    while not faults(network, claimed):
        while (action := watch.step(scope, TODAY)) not in {Action.DISPROVED, Action.NOTHING}:
            pass
        if action is Action.DISPROVED:
            break
        places: dict[int, tuple[int, int]] = {}  # of those that wait for an answer
        for event in network.anchor.events():
            if bytes(getattr(event, "claim_hash", b"")) != claimed.claim_hash:
                continue
            if isinstance(event, happened.Challenged):
                trees[event.id] = Tree(int(event.tree))
                places[event.id] = (depth(len(lie.leaves(trees[event.id]))), 0)
            elif isinstance(event, happened.Descended):
                places[event.id] = (event.height, event.position)
            elif isinstance(event, happened.Disclosed | happened.LeafDisclosed):
                places.pop(event.id)
        if places:
            network.devnet.increase_time(RESPONSE - 9)
        for id_, (height, position) in places.items():
            tree = trees[id_]
            leaves = lie.leaves(tree)
            if height == 0:
                content = encode(leaves[position])
                call = network.anchor.disclose_leaf(claimed.claim, claimed.number, id_, content)
            else:
                below = height - min(4, height)
                first, last = position << (height - below), (position + 1) << (height - below)
                width = (len(leaves) + (1 << below) - 1) >> below
                hashes = [lie.tree(tree).hash_at(below, p) for p in range(first, min(last, width))]
                call = network.anchor.disclose(claimed.claim, claimed.number, id_, hashes)
            network.fraud.send(call)
            answers += 1
        assert answers < 100
    return answers


SOME = [
    pytest.param(kind, marks=() if i % 4 == 0 else pytest.mark.slow) for i, kind in enumerate(KINDS)
]


@pytest.mark.parametrize("kind", SOME)
def test_a_fraud_that_shows_only_what_it_must(network: Network, scope: int, kind: str) -> None:
    """Without its document: the watcher asks, the fraud answers everything, and is disproved."""
    lie = KINDS[kind][0]()
    claimed = network.claim(lie, scope)
    honest = watcher(network)
    answers = answer(network, claimed, lie, honest, scope)
    assert faults(network, claimed)
    assert answers <= 60
    asked = [
        event.id
        for event in network.anchor.events(happened.Challenged)
        if bytes(event.claim_hash) == claimed.claim_hash
    ]
    before = network.anchor.owed(network.honest.address)
    for id_ in asked:  # the challenger's bonds come back
        settle = network.anchor.settle_challenge(
            claimed.claim, claimed.proposer, claimed.number, id_
        )
        network.other.send(settle)
    assert network.anchor.owed(network.honest.address) == before + BOND * len(asked)


def test_a_fraud_that_shows_nothing(network: Network, scope: int) -> None:
    claimed = network.claim(KINDS["a flattered score"][0](), scope)
    honest = watcher(network)
    assert honest.step(scope, TODAY) is Action.CHALLENGED
    assert honest.step(scope, TODAY) is Action.NOTHING  # it may still answer
    network.devnet.increase_time(WINDOW + 1)
    with pytest.raises(errors.NotYetFinal):
        network.fraud.send(network.anchor.finalize(claimed.claim, claimed.number))
    assert honest.step(scope, TODAY) is Action.LAPSED
    assert faults(network, claimed) == [Fault.WITHHELD]


def test_roots_over_nothing_cannot_be_shown(network: Network, scope: int) -> None:
    right = claim_of(RIGHT, scope, TODAY, bytes(32))
    garbage = dataclasses.replace(right, node_root=b"\x11" * 32)
    sent = network.fraud.send(network.anchor.propose(garbage).with_value(BOND))
    [event] = network.anchor.events_in(sent, happened.ClaimProposed)
    honest = watcher(network)
    assert honest.step(scope, TODAY) is Action.CHALLENGED
    [asked] = [
        one
        for one in network.anchor.events(happened.Challenged)
        if one.claim_hash == event.claim_hash
    ]
    for hashes in ([b"\x11" * 32], [bytes(32)] * 3, [b"\x22" * 32] * 10):
        with pytest.raises(errors.NoProof):
            network.fraud.send(network.anchor.disclose(event.claim, event.number, asked.id, hashes))
    network.devnet.increase_time(RESPONSE + 1)
    assert honest.step(scope, TODAY) is Action.LAPSED


def test_a_leaf_that_is_none_is_no_answer(network: Network) -> None:
    """One account, so that the root is the leaf: bytes that no proof could speak of."""
    number = next(_SCOPES)
    alone = Inputs([7], [5], [[]])
    network.honest.send(network.inputs.set(number, TODAY, alone))
    for content in (b"", b"\xff" * 64, b"\xff" * 256, encode(Node(7, 5, 5, 0, 0, 0, 1, 1)) + b"x"):
        claim = dataclasses.replace(
            claim_of(compute(alone, DECAYS), number, TODAY, bytes(32)), node_root=keccak(content)
        )
        sent = network.fraud.send(network.anchor.propose(claim).with_value(BOND))
        [event] = network.anchor.events_in(sent, happened.ClaimProposed)
        honest = Watcher(
            network.anchor, network.honest, lambda *_: alone, lambda _: None, lambda _: b""
        )
        assert honest.step(number, TODAY) is Action.CHALLENGED
        [asked] = [
            one
            for one in network.anchor.events(happened.Challenged)
            if one.claim_hash == event.claim_hash
        ]
        with pytest.raises(ChainError):
            network.fraud.send(
                network.anchor.disclose_leaf(event.claim, event.number, asked.id, content)
            )
        network.devnet.increase_time(RESPONSE + 1)
        assert honest.step(number, TODAY) is Action.LAPSED


def test_the_right_standings_become_final_and_can_be_read(network: Network, scope: int) -> None:
    honest, anchor = watcher(network), network.anchor
    account = "0x" + INPUTS.accounts[RIGHT.ranks[0].node].to_bytes(20, "big").hex()
    with pytest.raises(errors.NoFreshStanding):
        anchor.reputation_of(scope, account, 10**9)
    assert honest.step(scope, TODAY) is Action.PROPOSED
    assert honest.step(scope, TODAY) is Action.NOTHING
    network.devnet.increase_time(WINDOW + 1)
    assert honest.step(scope, TODAY) is Action.FINALIZED
    assert honest.step(scope, TODAY) is Action.NOTHING  # once a day
    best = RIGHT.ranks[0].node
    proof = node_proof(RIGHT, best)
    assert anchor.verify(scope, proof)
    flattered_leaf = dataclasses.replace(proof.leaf, score=proof.leaf.score + 1)
    assert not anchor.verify(scope, dataclasses.replace(proof, leaf=flattered_leaf))
    with pytest.raises(errors.NoProof):
        network.other.send(anchor.prove(scope, proof, range_proof(RIGHT, RIGHT.ranks[1].node)))
    network.other.send(anchor.prove(scope, proof, range_proof(RIGHT, best)))
    standing = anchor.reputation_of(scope, account, 10**9)
    assert (standing.score, standing.nodes) == (RIGHT.ranks[0].score, 40)
    assert (standing.best_rank, standing.worst_rank) == (0, 0)
    now = int(network.devnet.web3.eth.get_block("latest")["timestamp"])
    assert (standing.day, standing.age) == (TODAY, now - TODAY * DAY_SECONDS)  # not of the claim
    with pytest.raises(errors.NoFreshStanding):
        anchor.reputation_of(scope, account, standing.age - 1)  # too old for the one who asks
    # What was lost since does not count: a new final claim needs a new proof.
    network.devnet.increase_time(DAY_SECONDS)
    network.honest.send(network.inputs.set(scope, TODAY + 1, INPUTS))
    assert honest.step(scope, TODAY + 1) is Action.PROPOSED
    network.devnet.increase_time(WINDOW + 1)
    assert honest.step(scope, TODAY + 1) is Action.FINALIZED
    with pytest.raises(errors.NoFreshStanding):
        anchor.reputation_of(scope, account, 10**9)


@settings(deadline=None, max_examples=12)
@given(lies=st.lists(LIES, min_size=1, max_size=3))
def test_whatever_is_wrong_the_contract_agrees(network: Network, lies: list[Any]) -> None:
    number = next(_SCOPES)
    claimed_standings = told(RIGHT, lies)
    right = compute(INPUTS, DECAYS, claimed_standings.total_gain)
    fault = find_fault(Published(claimed_standings, right), right, INPUTS, DECAYS)
    if fault is None:
        return
    if not all(fits(leaf) for tree in Tree for leaf in claimed_standings.leaves(tree)):
        with pytest.raises(ProtocolError):  # so the watcher asks, and no answer is a leaf
            read_document(document(claimed_standings))
        return
    claim = claim_of(claimed_standings, number, TODAY, bytes(32))
    network.honest.send(network.inputs.set(number, TODAY, INPUTS))
    sent = network.fraud.send(network.anchor.propose(claim).with_value(BOND))
    [event] = network.anchor.events_in(sent, happened.ClaimProposed)
    claimed = Claimed(event.claim, event.number, event.proposer, bytes(event.claim_hash))
    network.honest.send(disproof(network.anchor, claimed, fault))
    assert len(faults(network, claimed)) == 1


def test_nothing_disproves_the_right_standings(network: Network, scope: int) -> None:
    """Every proof of the eleven kinds, at many places, is refused; so are those of other claims."""
    claimed = network.claim(RIGHT, scope)
    refused = 0
    for lie, _ in KINDS.values():
        fault = fault_of(lie())
        honest_leaves = Published(RIGHT, RIGHT)
        moved: list[Any] = []
        for value in fault.arguments:
            if isinstance(value, Neighbours):
                one, two = (honest_leaves.rank(value.index + at) for at in (0, 1))
                path = join_paths(one.index, 40, one.path, two.path)
                moved.append(Neighbours(one.index, one.leaf, two.leaf, path))
            elif not isinstance(value, Proof):
                moved.append(value)
            elif isinstance(value.leaf, Node):
                moved.append(honest_leaves.node(min(value.index, 39)))
            elif isinstance(value.leaf, Edge):
                moved.append(honest_leaves.edge(min(value.index, len(RIGHT.edges) - 1)))
            else:
                moved.append(honest_leaves.rank(min(value.index, 39)))
        for arguments in (fault.arguments, tuple(moved)):
            call = disproof(
                network.anchor, claimed, dataclasses.replace(fault, arguments=arguments)
            )
            with pytest.raises((errors.NoProof, errors.NoFault)):
                network.other.simulate(call)
            refused += 1
    assert refused == 2 * len(KINDS)


def test_bad_claims_and_challenges(network: Network, scope: int) -> None:
    anchor, right = network.anchor, claim_of(RIGHT, scope, TODAY, bytes(32))

    def refused(kind: type[Exception], call: Any) -> None:
        with pytest.raises(kind):
            network.fraud.simulate(call)

    refused(errors.WrongBond, anchor.propose(right))
    refused(errors.WrongBond, anchor.propose(right).with_value(BOND + 1))
    for change in ({"nodes": 39}, {"nodes": 41}, {"edges": 32 * 40 + 1}):
        changed = dataclasses.replace(right, **change)
        refused(errors.WrongCount, anchor.propose(changed).with_value(BOND))
    for day in (TODAY - 1, TODAY + 1):
        changed = dataclasses.replace(right, day=day)
        refused(errors.WrongDay, anchor.propose(changed).with_value(BOND))
    refused(errors.WrongDay, anchor.propose(dataclasses.replace(right, scope=10**9)))
    claimed = network.claim(RIGHT, scope)
    refused(errors.ClaimPending, anchor.propose(right).with_value(BOND))
    refused(errors.NotPending, anchor.finalize(claimed.claim, claimed.number + 1))
    refused(errors.NotYetFinal, anchor.finalize(claimed.claim, claimed.number))
    tree = chain_tree(Tree.NODES)
    refused(errors.WrongBond, anchor.challenge(claimed.claim, claimed.number, tree))
    refused(errors.NoChallenge, anchor.lapse(claimed.claim, claimed.number, 10**6))
    network.devnet.increase_time(WINDOW + 1)
    late = anchor.challenge(claimed.claim, claimed.number, tree).with_value(BOND)
    refused(errors.WindowOver, late)


@pytest.mark.parametrize("tree", list(Tree))
def test_an_honest_watcher_stands_by_a_right_claim(
    network: Network, scope: int, tree: Tree
) -> None:
    """A challenger goes down to the last leaf of each tree; whoever watches answers in time."""
    honest, anchor = watcher(network), network.anchor
    assert honest.step(scope, TODAY) is Action.PROPOSED
    [event] = [one for one in anchor.events(happened.ClaimProposed) if one.claim.scope == scope]
    claim, number = event.claim, event.number
    sent = network.fraud.send(anchor.challenge(claim, number, chain_tree(tree)).with_value(BOND))
    [asked] = anchor.events_in(sent, happened.Challenged)
    bystander = watcher(network)  # restarted, or somebody else's
    for watch in itertools.cycle((honest, bystander)):
        assert watch.step(scope, TODAY) is Action.ANSWERED
        assert watch.step(scope, TODAY) is Action.NOTHING
        shown = [one for one in anchor.events() if getattr(one, "id", None) == asked.id][-1]
        if isinstance(shown, happened.LeafDisclosed):
            break
        hashes = [bytes(one) for one in shown.hashes]
        step = anchor.descend(claim, number, asked.id, hashes, len(hashes) - 1)
        network.fraud.send(step)
    network.devnet.increase_time(WINDOW + 1)
    assert bystander.step(scope, TODAY) is Action.FINALIZED


def test_a_challenger_that_stalls_is_dropped_by_the_watcher(network: Network, scope: int) -> None:
    honest, anchor = watcher(network), network.anchor
    claimed = network.claim(RIGHT, scope)
    asked = anchor.challenge(claimed.claim, claimed.number, chain_tree(Tree.NODES))
    network.other.send(asked.with_value(BOND))
    assert honest.step(scope, TODAY) is Action.ANSWERED
    assert honest.step(scope, TODAY) is Action.NOTHING
    network.devnet.increase_time(max(WINDOW, RESPONSE) + 1)
    assert honest.step(scope, TODAY) is Action.LAPSED
    assert honest.step(scope, TODAY) is Action.FINALIZED


def test_bonds_come_home_even_to_one_that_was_restarted(network: Network, scope: int) -> None:
    claimed = network.claim(KINDS["a flattered score"][0](), scope)
    assert watcher(network).step(scope, TODAY) is Action.CHALLENGED
    network.devnet.increase_time(RESPONSE + 1)
    again = watcher(network)
    assert again.step(scope, TODAY) is Action.LAPSED
    assert faults(network, claimed) == [Fault.WITHHELD]
    while (done := again.collect()) is Action.SETTLED:
        pass
    assert done is Action.WITHDREW
    assert network.anchor.owed(network.honest.address) == 0
    assert again.collect() is Action.NOTHING


def test_a_challenger_that_only_delays_pays(network: Network, scope: int) -> None:
    """It asks about the right standings and stops: its bond is the proposer's."""
    anchor, claimed = network.anchor, network.claim(RIGHT, scope)
    asked = anchor.challenge(claimed.claim, claimed.number, chain_tree(Tree.NODES))
    sent = network.other.send(asked.with_value(BOND))
    [event] = anchor.events_in(sent, happened.Challenged)
    tree = RIGHT.node_tree
    hashes = [tree.hash_at(2, position) for position in range(10)]
    network.fraud.send(anchor.disclose(claimed.claim, claimed.number, event.id, hashes))
    with pytest.raises(errors.NotChallenger):
        network.fraud.send(anchor.descend(claimed.claim, claimed.number, event.id, hashes, 0))
    before = anchor.owed(network.fraud.address)
    network.devnet.increase_time(RESPONSE + 1)
    with pytest.raises(errors.TooLate):
        network.other.send(anchor.descend(claimed.claim, claimed.number, event.id, hashes, 0))
    network.fraud.send(anchor.lapse(claimed.claim, claimed.number, event.id))
    assert anchor.owed(network.fraud.address) == before + BOND
    network.devnet.increase_time(WINDOW + 1)
    network.other.send(anchor.finalize(claimed.claim, claimed.number))
    assert anchor.owed(network.fraud.address) == before + 2 * BOND


def test_money_goes_where_it_is_owed_once(network: Network, scope: int) -> None:
    claimed = network.claim(KINDS["a flattered score"][0](), scope)
    lie = KINDS["a flattered score"][0]()
    network.other.send(disproof(network.anchor, claimed, fault_of(lie)))
    owed = network.anchor.owed(network.other.address)
    assert owed >= BOND // 2
    held = network.devnet.web3.eth.get_balance(network.anchor.address)  # type: ignore[arg-type]
    network.other.send(network.anchor.withdraw())
    left = network.devnet.web3.eth.get_balance(network.anchor.address)  # type: ignore[arg-type]
    assert held - left == owed
    assert network.anchor.owed(network.other.address) == 0


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schema":"x"}', b"{" * 10**5])
def test_documents_that_are_none(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_document(content)


def test_rules_out_of_range_are_refused(network: Network) -> None:
    good = structs.Rules(BOND, WINDOW, RESPONSE, 1500, 5000)
    for change in ({"bond": 0}, {"window": 0}, {"response": 0}, {"alpha": 0}, {"beta": 10_001}):
        with pytest.raises(errors.BadRules):
            StandingAnchor.deploy(
                network.other, network.inputs.address, dataclasses.replace(good, **change)
            )


def test_many_challenges_at_once_are_answered_together(network: Network, scope: int) -> None:
    """Bonds come back where an answer is late, so nobody may make a hundred of them late."""
    honest, anchor = watcher(network), network.anchor
    assert honest.step(scope, TODAY) is Action.PROPOSED
    [event] = [e for e in anchor.events(happened.ClaimProposed) if e.scope == scope]
    opened = []
    for at in range(9):
        call = anchor.challenge(event.claim, event.number, chain_tree(Tree(at % 3)))
        sent = network.fraud.send(call.with_value(BOND))
        opened += [one.id for one in anchor.events_in(sent, happened.Challenged)]
    claimed = Claimed(event.claim, event.number, event.proposer, bytes(event.claim_hash))
    first, *others = open_challenges(anchor, claimed)
    faster = answering(anchor, claimed, RIGHT, first)
    late = [answering(anchor, claimed, RIGHT, one).data for one in (first, *others)]
    network.fraud.send(faster)  # which does not make the others late
    receipt = network.honest.send(anchor.try_all(late).with_gas(1_500_000))
    assert len(anchor.events_in(receipt, happened.Disclosed)) == len(others)
    assert [one.call for one in anchor.events_in(receipt, happened.Refused)] == [0]
    for one in open_challenges(anchor, claimed):
        hashes = [bytes(item) for item in one.disclosed.hashes] if one.disclosed else []
        network.fraud.send(anchor.descend(event.claim, event.number, one.id, hashes, 0))
    assert honest.step(scope, TODAY) is Action.ANSWERED
    assert all(one.disclosed is not None for one in open_challenges(anchor, claimed))
    with pytest.raises(ChainError):  # no money comes along, to be counted twice
        network.other.simulate(anchor.try_all([anchor.propose(event.claim).data]).with_value(BOND))
