"""Standings of a ledger's task: what they follow from, and one honest daemon against frauds."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_hash.auto import keccak

from chain.devnet import start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.local_network import DEPLOYER_SEED
from chain.evm.node import rpc
from chain.ledger.bindings import errors
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.bindings.enums import Fault
from chain.ledger.client import StandingAnchor, TaskInputs
from chain.ledger.deployment import STANDING_RULES
from chain.ledger.profiles import Profile, save_profile
from karat.errors import NotAvailable
from karat.participants.standings import StandingKeeper
from karat.participants.watcher import Action
from karat.protocol.content import publish
from karat.protocol.standing_claims import claim_of, document
from karat.sdk import connect
from learning.score_codes import ZERO_SCORE
from reputation import AnchorError
from reputation.anchoring.standings import (
    Decays,
    Edge,
    Inputs,
    Rank,
    Standings,
    compute,
    pack_row,
    ranking,
)
from tests.chain.network import ACCOUNTS, TRAINERS, Network
from tests.cli.home import WAIT_SECONDS, Home

pytestmark = [pytest.mark.anvil]

DAY = 86_400
GAINS = [300, 0, 120, 0]
ROWS = [[(1, 5), (2, 3), (3, 1)], [(2, 7), (3, 7)], [(3, 9)], []]
DECAYS = Decays(STANDING_RULES.alpha, STANDING_RULES.beta)
FUTURE = 2_000_000_000  # a daemon has no reason to move this clock


class World(Network):
    """A ledger with standings, in which a round was played and paid, and a day has passed."""

    def __init__(self, devnet: Any) -> None:
        super().__init__(devnet)
        self.inputs = TaskInputs.deploy(self.sponsor, self.ledger.address)
        self.standings = StandingAnchor.deploy(self.sponsor, self.inputs.address, STANDING_RULES)
        self.open_task()
        self.play_round([ZERO_SCORE + gain for gain in GAINS])
        self.everyone(
            *((one, self.ledger.claim(1, one.address, [1])) for one in self.trainers),
            *(
                (one, self.inputs.state_row(1, pack_row(row)))
                for one, row in zip(self.trainers, ROWS, strict=True)
                if row
            ),
        )
        self.next_day()

    def next_day(self) -> None:
        """Have a day begin, in a block of its own."""
        self.devnet.warp_to(
            (self.devnet.web3.eth.get_block("latest")["timestamp"] // DAY + 1) * DAY
        )

    @property
    def right(self) -> Standings:
        """What the standings are."""
        accounts = [int(one.address, 16) for one in self.trainers]
        return compute(Inputs(accounts, GAINS, ROWS), DECAYS)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    people = [*ACCOUNTS, *dev_accounts(DEPLOYER_SEED, 3)]
    addresses = [str(one.address) for one in people]
    with start_devnet("anvil", accounts=addresses, timestamp=FUTURE) as devnet:
        yield World(devnet)


@pytest.fixture
def network(world: World, home: Home) -> Any:
    """The same, by its profile, in a home of its own."""
    save_profile(
        Profile(
            name="frauds",
            kind="devnet",
            rpc_url=str(world.devnet.rpc_url),
            chain_id=int(world.devnet.web3.eth.chain_id),
            ledger=world.ledger.address,
            standings=world.standings.address,
        )
    )
    return connect("frauds", account="dev:1", store=f"local:{home.folder / 'blocks'}")


def test_inputs_are_those_of_the_day_as_it_began(world: World, network: Any) -> None:
    reader = network.reputation(1).standings.keeper().reader
    day = world.inputs.latest_day(1)
    read = reader.read(1, day)
    assert (list(read.gains), [list(row) for row in read.rows]) == (GAINS, ROWS)
    assert [f"{account:#042x}" for account in read.accounts] == [
        one.address.lower() for one in world.trainers
    ]
    for index, row in enumerate(ROWS):
        assert world.inputs.row_at(1, day, index) == (
            keccak(pack_row(row))[:28] if row else bytes(28)
        )
    before = reader.read(1, day - 1)
    assert before == Inputs([], [], [])
    with pytest.raises(errors.DayNotKept):
        reader.read(1, day - 2)


def node(at: int, **change: int) -> Callable[[Standings], Standings]:
    def lie(right: Standings) -> Standings:
        nodes = list(right.nodes)
        nodes[at] = nodes[at]._replace(**change)
        return dataclasses.replace(right, nodes=nodes)

    return lie


def edge(at: int, **change: int) -> Callable[[Standings], Standings]:
    def lie(right: Standings) -> Standings:
        edges = list(right.edges)
        edges[at] = edges[at]._replace(**change)
        return dataclasses.replace(right, edges=edges)

    return lie


def edges(change: Callable[[list[Edge]], Any]) -> Callable[[Standings], Standings]:
    def lie(right: Standings) -> Standings:
        found = list(right.edges)
        change(found)
        return dataclasses.replace(right, edges=found)

    return lie


def flattered(right: Standings) -> Standings:
    nodes = list(right.nodes)
    nodes[-1] = nodes[-1]._replace(score=2**40)
    return dataclasses.replace(right, nodes=nodes, ranks=ranking(nodes))


def withheld(right: Standings) -> Standings:
    """A document that nobody is shown."""
    return node(3, score=1)(right)


LIES: dict[Fault, Callable[[Standings], Standings]] = {
    Fault.INPUT: node(1, gain=10**6),
    Fault.GAIN_SUM: node(2, gain_sum=5),
    Fault.ORDER: edges(lambda e: e.insert(2, e[2])),
    Fault.EDGE_SUM: edge(2, sum=2**39),
    Fault.WEIGHT: edge(2, weight=60_000),
    Fault.OMISSION: edges(lambda e: e.pop(2)),
    Fault.OUT_WEIGHT: node(0, out_weight=1),
    Fault.FLOW: edge(2, flow=2**39),
    Fault.EDGES_END: node(2, edges_end=10**6),
    Fault.SCORE: flattered,
    Fault.RANK: lambda right: dataclasses.replace(right, ranks=[Rank(9, 2**40), *right.ranks[1:]]),
    Fault.WITHHELD: withheld,
}


def until(what: Callable[[], Any]) -> Any:
    """Wait for a condition."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := what()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)
    return found


@pytest.mark.timeout(600)
def test_one_honest_daemon_disproves_every_kind_of_false_root(
    world: World, network: Any, home: Home
) -> None:
    assert set(LIES) == set(Fault)
    anchor, web3 = world.standings, world.devnet.web3
    fraud, bond = world.verifiers[0], STANDING_RULES.bond
    home.start(
        "reputation", "keep", 1, "--network", "frauds", "--account", "dev:1",
        "--store", f"local:{home.folder / 'blocks'}", log="keeper.log",
    )  # fmt: skip
    nobody = "0x" + "0" * 40
    honest = network.address
    for fault, lie in LIES.items():
        until(lambda: anchor.pending_of(1)[1] == honest)  # the day's right claim
        world.devnet.increase_time(STANDING_RULES.window + 1)
        until(lambda: anchor.pending_of(1)[1] == nobody)  # is final
        false = lie(world.right)
        content = document(false)
        digest = b"\x07" * 32
        if fault is not Fault.WITHHELD:
            digest = publish(network.store, content, owner="fraud").digest
        today = int(web3.eth.get_block("latest")["timestamp"]) // DAY + 1
        call = anchor.propose(claim_of(false, 1, today, digest)).with_value(bond).with_gas(500_000)
        rpc(web3, "evm_setNextBlockTimestamp", today * DAY)  # nobody can be faster
        sent = fraud.send(call)
        [claimed] = anchor.events_in(sent, happened.ClaimProposed)
        if fault is Fault.WITHHELD:
            until(lambda: anchor.pending_of(1)[4])  # is challenged
            world.devnet.increase_time(STANDING_RULES.response + 1)

        def ended(claim_hash: bytes = claimed.claim_hash) -> list[happened.ClaimDisproved]:
            events = anchor.events(happened.ClaimDisproved)
            return [one for one in events if one.claim_hash == claim_hash]

        [disproved] = until(ended)
        assert (disproved.fault, disproved.by) == (fault, honest)
    until(lambda: anchor.pending_of(1)[1] == honest)
    assert anchor.owed(fraud.address) == 0


def test_final_standings_are_proved_and_read(world: World, network: Any, home: Home) -> None:
    standings = network.reputation(1).standings
    keeper: StandingKeeper = standings.keeper()
    world.next_day()
    while keeper.step() in {Action.FINALIZED, Action.SETTLED, Action.WITHDREW}:
        pass  # of what another test left
    world.devnet.increase_time(STANDING_RULES.window + 1)
    assert keeper.step() is Action.FINALIZED
    first = world.right.ranks[0].node
    best = world.trainers[first].address
    shown = standings.of(best)
    assert (shown.rank, shown.nodes, shown.day) == (0, 4, world.inputs.latest_day(1))
    assert shown.score == world.right.nodes[first].score / 2**40
    assert STANDING_RULES.window < shown.age < STANDING_RULES.window + 600
    with pytest.raises(errors.NoFreshStanding):
        world.standings.reputation_of(1, best, DAY)
    assert home.json(
        "reputation", "prove", 1, best, "--network", "frauds", "--account", "dev:1",
        "--store", f"local:{home.folder / 'blocks'}",
    )["address"] == best  # fmt: skip
    read = world.standings.reputation_of(1, best, DAY)
    assert (read.score, read.best_rank) == (world.right.nodes[first].score, 0)


def test_a_trainer_vouches_for_who_joined_later(world: World, network: Any, home: Home) -> None:
    own, _, later = TRAINERS[0], TRAINERS[1], TRAINERS[3]
    trainer = connect("frauds", account=TRAINERS[1]).reputation(1).standings
    with pytest.raises(NotAvailable, match="joined task 1 after it"):
        trainer.vouch({own.address: 5})
    for weights in ({later.address: 0}, {later.address: 65_536}):
        with pytest.raises(AnchorError, match="weight"):
            trainer.vouch(weights)
    _, refused = home.run(
        "reputation", "vouch", 1, f"{later.address}=-1", "--network", "frauds", code=2
    )
    assert "ACCOUNT=WEIGHT" in refused
    world.next_day()
    world.next_day()
    done = trainer.vouch({later.address: 60_000}).send()
    assert done.row == {later.address: 60_000}
    with pytest.raises(errors.RowTooNew):
        trainer.vouch({}).send()
    world.next_day()
    reader = network.reputation(1).standings.keeper().reader
    assert reader.read(1, world.inputs.latest_day(1)).rows[1] == [(3, 60_000)]
