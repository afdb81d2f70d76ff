"""An anchor of standings on a devnet, over inputs that a test sets."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import solcx
from web3 import Web3

from chain.devnet import Devnet
from chain.devnet.accounts import dev_accounts
from chain.evm.abi import Call, encode_values
from chain.evm.contract import Contract, Function
from chain.evm.transactions import Sender
from chain.ledger.bindings import standing_anchor_events as happened
from chain.ledger.bindings import structs
from chain.ledger.client import StandingAnchor
from karat.protocol.standing_claims import Claimed, claim_of
from karat.protocol.standing_inputs import DAY_SECONDS
from reputation.anchoring.standings import Decays, Inputs, Standings, pack_row
from tools import build

ROOT = Path(__file__).parents[2]
GENESIS = 1_700_000_000
TODAY = GENESIS // DAY_SECONDS
# A window is to three answers, the most of a challenge here, as a deployed one is to six.
BOND, WINDOW, RESPONSE = 10**18, 7200, 600
DECAYS = Decays(alpha=1500, beta=5000)
ACCOUNTS = dev_accounts(5, 3)
_DOUBLE = "tests/solidity/utils/InputsDouble.sol"
_SET = Function("set", "", ("uint256", "uint32", ["address"], ["uint128"], ["bytes32"]), ())


def compiled_double() -> bytes:
    """The code of the inputs' double."""
    sources = {
        name: {"content": (ROOT / name).read_text()}
        for name in (_DOUBLE, "contracts/interfaces/IReputationInputs.sol")
    }
    settings = build.SETTINGS | {"outputSelection": {"*": {"*": ["evm.bytecode"]}}}
    request = {"language": "Solidity", "sources": sources, "settings": settings}
    output = solcx.compile_standard(request, solc_binary=(ROOT / "tools/solc.js").resolve())
    return bytes.fromhex(output["contracts"][_DOUBLE]["InputsDouble"]["evm"]["bytecode"]["object"])


class Double(Contract):
    """The inputs' double."""

    NAME = "InputsDouble"

    def set(self, scope: int, day: int, inputs: Inputs) -> Call[Any]:
        """Make these the inputs of a scope, of this day, which can be claimed."""
        accounts = ["0x" + account.to_bytes(20, "big").hex() for account in inputs.accounts]
        rows = [Web3.keccak(pack_row(row)) if row else bytes(32) for row in inputs.rows]
        values = [scope, day, accounts, inputs.gains, rows]
        selector = Web3.keccak(text="set(uint256,uint32,address[],uint128[],bytes32[])")[:4]
        data = bytes(selector) + encode_values(_SET.inputs, values)
        return Call("set", self.address, data, lambda _: None)


class Network:
    """Devnet, inputs, anchor, and three people: honest, fraud, and somebody."""

    def __init__(self, devnet: Devnet, code: bytes) -> None:
        self.devnet = devnet
        self.honest, self.fraud, self.other = (
            Sender(devnet.web3, one, mine=devnet.mine) for one in ACCOUNTS
        )
        receipt = self.honest.send(Call("deploy", None, code, bytes))
        self.inputs = Double(devnet.web3, str(receipt["contractAddress"]))
        rules = structs.Rules(BOND, WINDOW, RESPONSE, DECAYS.alpha, DECAYS.beta)
        self.anchor = StandingAnchor.deploy(self.honest, self.inputs.address, rules)

    def claim(self, standings: Standings, scope: int, digest: bytes = bytes(32)) -> Claimed:
        """Have the fraud claim these standings, of the day the chain began."""
        claim = claim_of(standings, scope, TODAY, digest)
        sent = self.fraud.send(self.anchor.propose(claim).with_value(BOND))
        [event] = self.anchor.events_in(sent, happened.ClaimProposed)
        return Claimed(event.claim, event.number, event.proposer, bytes(event.claim_hash))

    def gas(self, sender: Sender, call: Call[Any]) -> int:
        """What a call costs, sent."""
        return int(sender.send(call)["gasUsed"])


def some_inputs(seed: int, n: int, entries: int = 4, earners: float = 0.5) -> Inputs:
    """Random inputs: early accounts earn more often, and everybody vouches for a few later ones."""
    rng = random.Random(seed)
    rows: list[Sequence[tuple[int, int]]] = []
    for source in range(n):
        later = range(source + 1, n)
        targets = sorted(rng.sample(later, min(len(later), rng.randint(0, entries))))
        rows.append([(target, rng.randint(1, 500)) for target in targets])
    gains = [rng.randint(1, 10**6) if rng.random() < earners else 0 for _ in range(n)]
    accounts = [int.from_bytes(rng.randbytes(20), "big") for _ in range(n)]
    return Inputs(accounts, gains, rows)
