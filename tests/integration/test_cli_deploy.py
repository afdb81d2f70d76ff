"""``karat deploy`` and ``karat network`` on chains that are not Karat's own."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from eth_account import Account
from sklearn.datasets import load_digits
from web3 import Web3

from chain.evm.node import connect_node, rpc
from chain.evm.transactions import Sender
from chain.ledger.client import Token
from chain.ledger.profiles import load_profile
from karat.money import Money
from karat.sdk import Network, connect, networks
from tests.chain.nodes import SEPOLIA, hardhat_account, plain_anvil, plain_hardhat
from tests.cli.home import Home, home_with_network
from tests.cli.schemas import checked

TASK = """
task = "mlp-digits"
rounds = 1
rewards = {trainers = 10, verifiers = 1}
stakes = {trainer = 5, verifier = 5}
windows = {commit = "20m", reveal = "10m", score_commit = "10m", score_reveal = "10m"}
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch, home_with_network(tmp_path, patch) as home:
        yield home


def ether(web3: Web3, address: str, amount: float) -> None:
    rpc(web3, "anvil_setBalance", address, hex(int(amount * 10**18)))


def test_a_network_of_its_own_on_a_chain_with_another_id(home: Home) -> None:
    address = home.json("account", "new", "sponsor")["address"]
    with plain_anvil() as url:
        web3 = connect_node(url, chain_id=SEPOLIA)
        deploy = ("deploy", "--rpc", url, "--name", "mine", "--account", "sponsor")
        assert "--yes" in home.run(*deploy, code=2)[1]
        ether(web3, address, 0.03)
        home.run(*deploy, "--yes", code=5)
        begun = json.loads((home.folder / "data" / "deployments" / "mine.json").read_text())
        assert 0 < len(begun["contracts"]) < 8
        assert home.json("network", "list")["networks"] == []
        ether(web3, address, 10)
        made = checked(home.json(*deploy, "--yes", "--dev-token"))
        addresses = {one["name"]: one["address"] for one in made["contracts"]}
        assert {k: v["address"] for k, v in begun["contracts"].items()}.items() <= addresses.items()
        assert (made["chain_id"], made["kind"], made["deployer"]) == (SEPOLIA, "live", address)
        assert (made["ledger"], made["token"]) == (addresses["Ledger"], addresses["DevToken"])
        [created] = [one for one in made["contracts"] if one["name"] == "Ledger"]
        assert made["from_block"] == created["block"] > 0
        sent = web3.eth.get_transaction_count(address)
        assert home.json(*deploy, "--yes", "--dev-token") == made
        assert web3.eth.get_transaction_count(address) == sent
        assert home.json("status", "--network", "mine")["from_block"] == made["from_block"]

        account = connect("mine", account="sponsor", password=home.env["KARAT_PASSWORD"])
        account.sender.send(Token(web3, made["token"]).mint(address, 10**20))
        verifier = f'verifiers = [{{account = "{address}"}}]\n'
        (home.folder / "task.toml").write_text(verifier + TASK)
        create = ("task", "create", "--spec", "task.toml", "--network", "mine")
        assert home.json(*create, "--yes")["task"] == 1
        no_token = Money.told_by(Token(web3, made["ledger"]))
        assert no_token.show(5) == "5 base units"
        _others(home, made, url)


def _others(home: Home, made: dict[str, object], url: str) -> None:
    """Names of networks: added by another, taken, forgotten."""
    where = ("--rpc", url, "--ledger", made["ledger"])
    added = checked(home.json("network", "add", "theirs", *where, "--anchor", made["anchor"]))
    assert (added["network"], added["token"], added["from_block"]) == ("theirs", None, 0)
    assert home.json("task", "list", "--network", "theirs")["tasks"][0]["task"] == 1
    for wrong, words in (
        (("add", "mine", *where), "already a network 'mine'"),
        (("add", "a/b", *where), "cannot name a network"),
        (("add", "x", "--rpc", url, "--ledger", made["token"]), "is not the Ledger"),
        (("add", "x", *where, "--token", made["ledger"]), "no ERC-20 token"),
        (("remove", "x", "--yes"), "no network 'x'"),
    ):
        assert words in home.run("network", *wrong, code=3)[1]
    taken = home.run("deploy", "--rpc", url, "--name", "theirs", "--yes", code=3)[1]
    assert "already another network 'theirs'" in taken
    home.run("account", "new", "other")
    other = ("deploy", "--rpc", url, "--name", "mine", "--account", "other", "--yes")
    assert "records a deployment of 'mine' by" in home.run(*other, code=3)[1]
    _without_a_profile(home, made, url)
    known = checked(home.json("network", "list"))
    assert [one["network"] for one in known["networks"]] == ["mine", "theirs"]
    assert checked(home.json("network", "remove", "theirs", "--yes"))["network"] == "theirs"
    (home.folder / "config" / "networks" / "odd.toml").write_text("chain_id = 0")
    known = checked(home.json("network", "list"))
    assert [one["network"] for one in known["networks"]] == ["mine"]
    assert [one["network"] for one in known["bad"]] == ["odd"]
    assert "'odd' is not valid" in home.run("network", "list")[1]


def _without_a_profile(home: Home, made: dict[str, object], url: str) -> None:
    """A URL in place of a name; what may be a key in it is never shown."""
    secret = url.replace("http://", "http://me:secret@")
    where = ("--network", secret, "--ledger", made["ledger"], "--from-block", made["from_block"])
    status = checked(home.json("status", *where))
    assert (status["network"], status["rpc_url"]) == (f"chain-{SEPOLIA}", url)
    assert status["from_block"] == made["from_block"]
    whole = (*where, "--anchor", made["anchor"])
    assert home.json("reputation", "epochs", "--task", 1, *whole)["epochs"] == []
    checks = {one["name"]: one["status"] for one in home.json("doctor", *whole)["checks"]}
    assert (checks["ledger code"], checks["anchor code"]) == ("ok", "ok")
    for wrong, words in (
        (("status", "--network", secret), f"which ledger at {url}?"),
        (("status", "--network", "mine", "--ledger", made["ledger"]), "the profile of 'mine' says"),
        (("account", "export-address", "dev:1", *where), "development keys are public"),
    ):
        _, err = home.run(*wrong, code=3)
        assert words in err
        assert "secret" not in err
    assert "secret" not in str(home.json("config", "show", "--network", secret))


def test_a_network_of_the_project_is_its_files(home: Home) -> None:
    (home.folder / "karat.toml").write_text(
        f'[networks.ours]\nrpc_url = "http://127.0.0.1:1"\nchain_id = 5\nledger = "0x{"11" * 20}"\n'
    )
    assert "table of karat.toml" in home.run("network", "remove", "ours", "--yes", code=3)[1]


@pytest.mark.parametrize("rpc_url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nowhere"])
def test_a_node_that_is_none_costs_nothing(home: Home, rpc_url: str) -> None:
    home.run("account", "new", "sponsor")
    home.run("deploy", "--rpc", rpc_url, "--yes", code=4)
    assert not (home.folder / "data" / "deployments").exists()


def test_development_keys_pay_on_devnets_only(home: Home) -> None:
    with plain_anvil() as url:
        _, err = home.run("deploy", "--rpc", url, "--account", "dev:1", "--yes", code=3)
        assert "development keys are public" in err


def test_a_chain_begun_anew_gets_its_network_again(home: Home) -> None:
    del home
    account, made = Account.create(), []
    for _ in range(2):
        with plain_anvil() as url:
            ether(connect_node(url), account.address, 10)
            made.append(networks.deploy(url, "local", account=account, kind="devnet"))
            assert connect("local").status().rpc_url == url
    assert made[0].ledger == made[1].ledger


@pytest.mark.node
@pytest.mark.timeout(600)
def test_a_round_on_plain_hardhat(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    with plain_hardhat() as url:
        web3 = connect_node(url)
        sponsor, verifier, *trainers = (hardhat_account(n) for n in range(4))
        made = networks.deploy(url, account=sponsor, dev_token=True)
        assert made.network == "chain-31337"
        assert load_profile(made.network).kind == "live"
        token = Token(web3, made.token or "")
        store = f"local:{home.folder / 'store'}"

        def as_(who: object) -> Network:
            return connect(made.network, account=who, store=store)  # type: ignore[arg-type]

        for one in (sponsor, verifier, *trainers):
            Sender(web3, sponsor).send(token.mint(one.address, 10**20))
        (home.folder / "task.toml").write_text(
            f'verifiers = [{{account = "{verifier.address}"}}]\n{TASK}'
        )
        assert as_(sponsor).create_task("task.toml").send().task == 1
        as_(verifier).task(1).join_verifier().send()
        for one in trainers:
            as_(one).task(1).join_trainer().send()
        as_(sponsor).task(1).open_round().send()
        x, y = load_digits(return_X_y=True)
        for i, one in enumerate(trainers):
            own = slice(200 * i, 200 * (i + 1))
            np.savez("own.npz", x=x[own].reshape(-1, 8, 8) / 16, y=y[own])
            as_(one).task(1).train(data="own.npz")
            as_(one).task(1).submit().send()
        _later(web3, 1200)
        for one in trainers:
            as_(one).task(1).reveal().send()
        _later(web3, 600)
        as_(sponsor).task(1).advance().send()
        for _ in ("commit", "reveal"):
            as_(verifier).task(1).judging.run(once=True)
        as_(sponsor).task(1).advance().send()
        capfd.readouterr()
        as_(verifier).task(1).judging.run(once=True)
        ended = as_(sponsor).task(1).round(1)
        assert (ended.phase, ended.outcome) == ("final", "settled")
        assert len(ended.updates) == 2
        [told] = as_(sponsor).task(1).watch()
        assert (told.round, told.outcome, told.revealed) == (1, "ok", 2)
        assert told.weight == sum(update.weight for update in ended.updates)
        assert told.line.startswith("round 1: ok, 2 updates (")
        assert "1 KDEV for verifiers" in told.line
        log = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
        assert told.line in [one["event"] for one in log]
        watched = home.run("watch", 1, "--network", made.network)[0]
        assert watched.splitlines() == [told.line]
        document = checked(home.json("watch", 1, "--since", 1, "--network", made.network))
        assert [one["line"] for one in document["rounds"]] == [told.line]


def _later(web3: Web3, seconds: int) -> None:
    rpc(web3, "evm_increaseTime", seconds)
    rpc(web3, "evm_mine")
