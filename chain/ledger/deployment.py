"""Deploying Karat's contracts on any chain, and the record of what was deployed.

A deployment is several transactions, because the ledger's rarer rules lie in libraries. Each
contract is recorded once it is mined, so that a deployment that was interrupted (a key without
ether, a node that went away) goes on where it stopped and pays for nothing twice.
"""

import json
from collections.abc import Callable
from pathlib import Path

from eth_utils.address import to_checksum_address
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import Nonce
from web3.utils import get_create_address

from chain.errors import ContractError, RpcError
from chain.evm.abi import Call, encode_values
from chain.evm.transactions import Sender
from chain.folders import data_dir, write_atomically
from chain.ledger.artifact import check_code, load_artifact
from chain.ledger.bindings.errors import ERRORS
from chain.ledger.bindings.structs import Rules
from chain.ledger.linking import libraries, link

LEDGER, ANCHOR, TOKEN = "Ledger", "ReputationAnchor", "DevToken"
INPUTS, STANDINGS, ROYALTIES = "TaskInputs", "StandingAnchor", "Royalties"
STANDING_RULES = Rules(
    bond=5 * 10**16,  # wei
    window=12 * 3600,  # seconds; with 18 responses less than the day for which inputs are known
    response=30 * 60,
    alpha=1500,
    beta=5000,
)
_SCHEMA = "karat.deployment/1"
_MOST_BYTES = 1 << 20
_SHORT = 2_000  # blocks: a chain whose logs are read from its first one in a request or two

OnDeployed = Callable[[str, "Deployed"], None]


class Deployed(BaseModel):
    """One contract: where it is, and the transaction and block that created it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    transaction: str
    block: int = Field(ge=0)


class Deployment(BaseModel):
    """Contracts of one deployer on one chain, by name; libraries included, for explorers."""

    model_config = ConfigDict(extra="forbid")

    schema_: str = Field(default=_SCHEMA, alias="schema", pattern=f"^{_SCHEMA}$")
    chain_id: int = Field(gt=0)
    deployer: str
    contracts: dict[str, Deployed] = Field(default_factory=dict)

    @property
    def from_block(self) -> int:
        """The block of the ledger's creation: nothing of Karat's happened before it."""
        return self.contracts[LEDGER].block


class Deployer:
    """Deploys what is missing of a :class:`Deployment`.

    Args:
        sender: who pays.
        record: the file to keep the deployment in; None keeps none.
        on_deployed: called after each contract that this run created.
        dry_run: send nothing: what would be sent is estimated into ``gas``.
    """

    def __init__(
        self,
        sender: Sender,
        record: Path | None = None,
        on_deployed: OnDeployed | None = None,
        *,
        dry_run: bool = False,
    ) -> None:
        self.sender = sender
        self._record = record
        self._on_deployed = on_deployed
        self._dry_run = dry_run
        self.deployment = self._load()
        self.gas: dict[str, int] = {}
        """The limit that each contract of a dry run would be sent with."""

    def ledger(self) -> str:
        """The ledger's address, with its libraries deployed before it; raises as `Sender.send`."""
        artifact = load_artifact(LEDGER)
        linked = {name: self._deploy(name, _code(name)) for name in libraries(artifact)}
        return self._deploy(LEDGER, link(artifact, linked))

    def anchor(self, ledger: str | None = None) -> str:
        """The address of an anchor of ``ledger`` (this deployment's if None)."""
        arguments = encode_values(["address"], [self.ledger() if ledger is None else ledger])
        return self._deploy(ANCHOR, _code(ANCHOR) + arguments)

    def task_inputs(self, ledger: str | None = None) -> str:
        """The address of the inputs of standings in a ledger's tasks."""
        arguments = encode_values(["address"], [self.ledger() if ledger is None else ledger])
        return self._deploy(INPUTS, _code(INPUTS) + arguments)

    def standing_anchor(self, inputs: str | None = None, rules: Rules = STANDING_RULES) -> str:
        """The address of an anchor of standings over a contract of inputs (this deployment's)."""
        over = self.task_inputs() if inputs is None else inputs
        arguments = encode_values(["address", Rules], [over, rules])
        return self._deploy(STANDINGS, _code(STANDINGS) + arguments)

    def royalties(self, ledger: str, bond: int, window: int, voting_time: int) -> str:
        """The address of a contract that divides what is paid for models of a ledger's tasks."""
        arguments = encode_values(
            ["address", "uint128", "uint32", "uint32"], [ledger, bond, window, voting_time]
        )
        return self._deploy(ROYALTIES, _code(ROYALTIES) + arguments)

    def token(self) -> str:
        """The address of a token that anyone may mint; for networks without real money."""
        return self._deploy(TOKEN, _code(TOKEN))

    def _deploy(self, name: str, code: bytes) -> str:
        there = self.deployment.contracts.get(name)
        if there is not None and self._is_there(name, there):
            return there.address
        call = Call(f"deploy {name}", None, code, bytes, errors=ERRORS)
        if self._dry_run:
            return self._tried(name, call)
        receipt = self.sender.send(call)
        if receipt["contractAddress"] is None:
            raise ContractError(f"the node does not say where it created {name}")
        created = Deployed(
            address=str(receipt["contractAddress"]),
            transaction=receipt["transactionHash"].to_0x_hex(),
            block=receipt["blockNumber"],
        )
        self.deployment.contracts[name] = created
        self._save()
        if self._on_deployed is not None:
            self._on_deployed(name, created)
        return created.address

    def _tried(self, name: str, call: Call[bytes]) -> str:
        """The address that a contract would get, after those that were tried before it."""
        if name not in self.gas:
            # The anchor of standings asks its inputs as it is created, which are not there yet.
            known = name != STANDINGS or INPUTS not in self.gas
            self.gas[name] = self.sender.estimate(call) if known else _creation_gas(call.data)
        address = to_checksum_address(self.sender.address)
        nonce = self.sender.web3.eth.get_transaction_count(address)
        return get_create_address(address, Nonce(nonce + list(self.gas).index(name)))

    def _is_there(self, name: str, deployed: Deployed) -> bool:
        """Whether the chain still holds it: a devnet may have been begun anew."""
        try:
            check_code(self.sender.web3, name, deployed.address)
        except ContractError:
            return False
        return True

    def _load(self) -> Deployment:
        fresh = Deployment(chain_id=self.sender.chain_id, deployer=self.sender.address)
        if self._record is None or not self._record.is_file():
            return fresh
        kept = load_deployment(self._record)
        same = (kept.chain_id, kept.deployer) == (fresh.chain_id, fresh.deployer)
        return kept if same else fresh

    def _save(self) -> None:
        if self._record is not None:
            document = self.deployment.model_dump(by_alias=True)
            write_atomically(self._record, json.dumps(document, indent=2) + "\n", mode=0o644)


def _creation_gas(code: bytes) -> int:
    """What creating a contract takes at most, its constructor's few writes included (EIP-3860)."""
    zeros = code.count(0)
    sent = 4 * zeros + 16 * (len(code) - zeros) + 2 * -(-len(code) // 32)
    return 53_000 + sent + 200 * len(code) + 150_000


def record_path(name: str) -> Path:
    """Where the deployment of the network ``name`` is recorded."""
    return data_dir() / "deployments" / f"{name}.json"


def creation_block(web3: Web3, address: str) -> int:
    """A block from which on nothing of a contract is missed: that of its creation, by bisection.

    Takes one request for each doubling of the chain's length. 0 on a short chain, and where the
    node has forgotten the state of old blocks, as a node without an archive has.

    Raises:
        NodeError: the node does not answer.
    """
    contract = to_checksum_address(address)
    first, last = 0, int(web3.eth.block_number)  # the code is there at last
    if last < _SHORT:
        return 0
    try:
        while first < last:
            middle = (first + last) // 2
            if web3.eth.get_code(contract, middle):
                last = middle
            else:
                first = middle + 1
    except (RpcError, Web3RPCError):
        return 0
    return first


def load_deployment(path: Path) -> Deployment:
    """The deployment recorded in a file.

    Raises:
        ContractError: it cannot be read, or is no such record.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ContractError(f"{path} is too large for a record of a deployment; move it away")
        return Deployment.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ContractError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ContractError(
            f"{path} is no record of a deployment ({error.errors()[0]['msg']}); move it away to "
            "deploy anew"
        ) from error


def _code(name: str) -> bytes:
    return link(load_artifact(name), {})
