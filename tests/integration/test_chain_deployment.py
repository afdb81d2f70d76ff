"""Deploying on chains that are not Karat's own: real gas, other chain ids, interruptions."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

from chain.errors import ContractError, RpcError, TransactionRejected
from chain.evm.node import connect_node, rpc
from chain.evm.transactions import Sender
from chain.ledger.client import Ledger, ReputationAnchor
from chain.ledger.deployment import Deployer, creation_block, load_deployment
from chain.ledger.everywhere import PROXY, addresses, deploy_everywhere
from chain.ledger.profiles import Profile, connect
from tests.chain.nodes import SEPOLIA, hardhat_account, plain_anvil, plain_hardhat


@pytest.fixture
def sepolia() -> Iterator[Web3]:
    """A chain with another id, a base fee, and nobody's development keys."""
    with plain_anvil() as url:
        yield connect_node(url, chain_id=SEPOLIA)


def ether(web3: Web3, address: str, amount: float) -> None:
    rpc(web3, "anvil_setBalance", address, hex(int(amount * 10**18)))


def test_a_deployment_that_ran_out_of_ether_goes_on_where_it_stopped(
    sepolia: Web3, tmp_path: Path
) -> None:
    account = Account.create()
    sender, record = Sender(sepolia, account), tmp_path / "deployments" / "it.json"
    ether(sepolia, account.address, 0.03)
    with pytest.raises(TransactionRejected, match=r"(?i)funds"):
        Deployer(sender, record).anchor()
    first = load_deployment(record).contracts
    assert first
    assert "Ledger" not in first
    ether(sepolia, account.address, 10)
    created: list[str] = []
    deployer = Deployer(sender, record, lambda name, _: created.append(name))
    anchor, token = deployer.anchor(), deployer.token()
    assert not set(created) & set(first)
    whole = load_deployment(record)
    assert {**whole.contracts, **first} == whole.contracts
    assert whole.chain_id == SEPOLIA
    url = str(sepolia.provider.url)  # type: ignore[attr-defined]
    connection = connect(
        Profile(
            name="it",
            kind="live",
            rpc_url=url,
            chain_id=SEPOLIA,
            ledger=whole.contracts["Ledger"].address,
            anchor=anchor,
            token=token,
            from_block=whole.from_block,
        )
    )
    assert connection.ledger.task_count() == 0
    sent = sepolia.eth.get_transaction_count(account.address)
    again = Deployer(sender, record)
    assert (again.anchor(), again.token()) == (anchor, token)
    assert sepolia.eth.get_transaction_count(account.address) == sent


def test_a_chain_begun_anew_is_deployed_to_anew(sepolia: Web3, tmp_path: Path) -> None:
    account = Account.create()
    ether(sepolia, account.address, 10)
    sender, record = Sender(sepolia, account), tmp_path / "it.json"
    empty = rpc(sepolia, "evm_snapshot")
    Deployer(sender, record).ledger()
    rpc(sepolia, "evm_revert", empty)
    address = Deployer(sender, record).ledger()
    Ledger.attach(sepolia, address)


def test_the_block_of_a_creation_is_found_in_a_request_per_doubling(
    sepolia: Web3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account.create()
    ether(sepolia, account.address, 10)
    rpc(sepolia, "anvil_mine", hex(40))
    deployer = Deployer(Sender(sepolia, account), tmp_path / "it.json")
    address = deployer.ledger()
    assert creation_block(sepolia, address) == 0  # a short chain is read from its first block
    rpc(sepolia, "anvil_mine", hex(60))
    monkeypatch.setattr("chain.ledger.deployment._SHORT", 64)
    asked = _counted(sepolia)
    assert creation_block(sepolia, address) == deployer.deployment.from_block > 40
    assert asked["eth_getCode"] <= 7


def test_a_node_that_has_forgotten_old_blocks_is_read_from_the_first(
    sepolia: Web3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.ledger.deployment._SHORT", 0)
    ask = sepolia.provider.make_request

    def pruned(method: Any, params: Any) -> Any:
        if method == "eth_getCode":
            raise RpcError(method, -32000, "missing trie node 0badc0de (path )")
        return ask(method, params)

    sepolia.provider.make_request = pruned  # type: ignore[method-assign]
    assert creation_block(sepolia, "0x" + "11" * 20) == 0


def _counted(web3: Web3) -> Counter[str]:
    asked: Counter[str] = Counter()
    ask = web3.provider.make_request

    def counting(method: Any, params: Any) -> Any:
        asked[method] += 1
        return ask(method, params)

    web3.provider.make_request = counting  # type: ignore[method-assign]
    return asked


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "karat.deployment/2"}', "x" * 2**21])
def test_what_is_no_record_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_text(content)
    with pytest.raises(ContractError, match=r"it\.json"):
        load_deployment(path)


@pytest.mark.node
def test_plain_hardhat_from_the_repository_takes_the_contracts() -> None:
    with plain_hardhat() as url:
        web3 = connect_node(url)
        deployer = Deployer(Sender(web3, hardhat_account()))
        anchor = ReputationAnchor.attach(web3, deployer.anchor())
        assert anchor.ledger() == deployer.ledger()


def test_the_same_addresses_whoever_deploys_on_whatever_chain() -> None:
    there: list[dict[str, str]] = []
    for chain_id in (SEPOLIA, 10):
        with plain_anvil(chain_id=chain_id) as url:
            web3 = connect_node(url, chain_id=chain_id)
            account, other = Account.create(), Account.create()
            for one in (account, other):
                ether(web3, one.address, 10)
            there.append(deploy_everywhere(Sender(web3, account)))
            assert Ledger.attach(web3, there[-1]["Ledger"]).task_count() == 0
            assert ReputationAnchor.attach(web3, there[-1]["ReputationAnchor"])
            assert deploy_everywhere(Sender(web3, other)) == there[-1]
            assert web3.eth.get_transaction_count(other.address) == 0  # nothing twice
    assert there[0] == there[1] == addresses()


def test_a_chain_without_the_proxy_says_so(sepolia: Web3) -> None:
    account = Account.create()
    rpc(sepolia, "anvil_setCode", PROXY, "0x")
    with pytest.raises(ContractError, match="no deterministic deployment proxy"):
        deploy_everywhere(Sender(sepolia, account))
