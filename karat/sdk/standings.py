"""Standings that need no trust: read and proved, and kept right by a daemon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from chain.evm.addresses import checked_address
from chain.evm.clock import Clock
from chain.ledger.bindings import structs
from chain.ledger.client import TaskInputs
from karat.errors import NotAvailable, ProtocolError
from karat.participants.daemon.outbox import Outbox
from karat.participants.daemon.waiting import Waiting
from karat.participants.standings import StandingKeeper, fetch_standings, keep_standings
from karat.protocol.standing_claims import claim_of as claim_over
from karat.protocol.standing_claims import final_claim, node_proof, range_proof, same_standings
from karat.protocol.standing_inputs import DAY_SECONDS
from karat.sdk.daemon import Service
from karat.sdk.documents import ReputationStanding, RowStated, StandingProven, StandingsKept
from karat.sdk.plan import Plan
from reputation.anchoring.standings import ONE, Standings, checked_row, pack_row, shared_ranks

if TYPE_CHECKING:
    from karat.sdk.network import Network


@dataclass(frozen=True)
class _Keeping:
    """A daemon that does nothing else."""

    keeper: StandingKeeper
    outbox: Outbox
    clock: Clock
    waiting: Waiting | None = None

    def step(self) -> bool:
        self.clock.advance_if_idle()
        keep_standings(self.keeper, self.outbox)
        return True


class TaskStandings:
    """The standings of one task on the network's standing anchor."""

    def __init__(self, network: "Network", task_id: int) -> None:
        self._network, self.task_id = network, task_id

    def final(self) -> tuple[structs.Claim, Standings]:
        """The last final claim, and all leaves of its document, which its roots are over.

        Raises:
            NotAvailable: nothing is final yet, or the store does not have the document.
            ProtocolError: the node hides the claim.
            ConfigError: the network names no standing anchor.
        """
        network = self._network
        claim = final_claim(network.standings, self.task_id, network.from_block)
        if claim is None:
            raise NotAvailable(f"no standings of task {self.task_id} are final yet")
        standings = fetch_standings(network.store, claim)
        if standings is None:
            raise NotAvailable(
                f"the store has no document of the standings of task {self.task_id}: name one "
                "that has it"
            )
        if not same_standings(claim, claim_over(standings, claim.scope, claim.day, bytes(32))):
            raise ProtocolError("the document of the final standings has other roots than they")
        return claim, standings

    def top(self, count: int = 10) -> list[ReputationStanding]:
        """The best accounts of the last final standings; raises as :meth:`final`."""
        claim, standings = self.final()
        return [self._shown(claim, standings, place) for place in range(min(count, claim.nodes))]

    def of(self, address: str) -> ReputationStanding:
        """An account's place and score in the last final standings; raises as :meth:`final`.

        Raises:
            NotAvailable: the account was no trainer of the task then.
        """
        claim, standings = self.final()
        _, place = _find(standings, address, self.task_id)
        return self._shown(claim, standings, place)

    def proof(self, address: str) -> tuple[structs.NodeProof, structs.RangeProof]:
        """What the anchor's ``prove`` and ``verify`` take of an account; raises as :meth:`of`."""
        _, standings = self.final()
        index, _ = _find(standings, address, self.task_id)
        return node_proof(standings, index), range_proof(standings, index)

    def prove(self, address: str) -> Plan[StandingProven]:
        """Have the contract keep an account's standing, for other contracts to read.

        Raises as :meth:`of`.
        """
        network, account = self._network, checked_address(address)
        call = network.standings.prove(self.task_id, *self.proof(account))
        return Plan(
            f"prove the standing of {account} in task {self.task_id}",
            (call,),
            network.open_sender,
            lambda done: StandingProven(**done.fields, task=self.task_id, address=account),
        )

    def vouch(self, row: Mapping[str, int]) -> Plan[RowStated]:
        """State, as a trainer, whom one vouches for, in place of what one stated before.

        It counts from the next day on, and can be replaced two days later. What one passes on is
        trust that one has earned; only the proportions matter.

        Args:
            row: weights from 1 to 65,535 by account (as ``accounts.address_of`` takes them), of at
                most 32 trainers who joined later; none takes everything back.

        Raises:
            NotAvailable: somebody is no trainer of the task, or did not join later.
            AnchorError: a weight is out of range, or there are too many.
            ConfigError: the network names no standing anchor.
        """
        network = self._network
        weights = {network.accounts.address_of(who): weight for who, weight in row.items()}
        own = network.ledger.place_of(self.task_id, network.address)
        places = {who: network.ledger.place_of(self.task_id, who) for who in weights}
        for who, place in places.items():
            if own == 0 or place <= own:
                raise NotAvailable(
                    f"{network.address} can vouch for who joined task {self.task_id} after it as a "
                    f"trainer, which {who} did not"
                )
        packed = pack_row(checked_row((places[who] - 1, weights[who]) for who in weights))
        inputs = TaskInputs(network.web3, network.standings.inputs())
        return Plan(
            f"vouch for {len(weights)} trainers of task {self.task_id}",
            (inputs.state_row(self.task_id, packed),),
            network.open_sender,
            lambda done: RowStated(
                **done.fields, task=self.task_id, address=network.address, row=weights
            ),
        )

    def keeper(self) -> StandingKeeper:
        """What proposes, stands by, disproves and finalizes, a step at a time.

        Raises:
            ConfigError: the network names no standing anchor, or no account is chosen.
        """
        network = self._network
        return StandingKeeper(
            network.standings, self.task_id, network.store, network.sender, network.from_block
        )

    def keep(self, *, metrics: str | None = None, once: bool = False) -> StandingsKept:
        """Keep them right until a signal ends it.

        Args:
            metrics: ``HOST:PORT`` to serve ``/metrics`` and ``/health`` on.
            once: do what is due now, and end.

        Raises:
            ConfigError: as :meth:`keeper`, or the address for metrics cannot be used.
            KaratError: what cannot be repaired by waiting.
        """
        network, keeper = self._network, self.keeper()
        service = Service("standings", self.task_id, network, metrics)
        service.run(lambda outbox: _Keeping(keeper, outbox, network.clock), once=once)
        return StandingsKept(task=self.task_id, account=network.address)

    def _shown(self, claim: structs.Claim, standings: Standings, place: int) -> ReputationStanding:
        rank = standings.ranks[place]
        shared = shared_ranks(standings.ranks, rank.score)
        account = standings.nodes[rank.node].account.to_bytes(20, "big")
        return ReputationStanding(
            task=self.task_id,
            day=claim.day,
            age=self._network.clock.now() - claim.day * DAY_SECONDS,
            address=to_checksum_address(account),
            score=rank.score / ONE,
            rank=place,
            best_rank=shared[0],
            worst_rank=shared[-1],
            nodes=claim.nodes,
        )


def _find(standings: Standings, address: str, task_id: int) -> tuple[int, int]:
    """An account's index and its place in the ranking."""
    account = int(checked_address(address), 16)
    for place, rank in enumerate(standings.ranks):
        if standings.nodes[rank.node].account == account:
            return rank.node, place
    raise NotAvailable(f"{address} had not joined task {task_id} when its standings were made")
