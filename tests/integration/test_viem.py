"""Another language reads a reputation with what ``karat abi`` prints, and checks its proof."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.devnet import start_devnet
from chain.ledger.artifact import load_artifact
from chain.ledger.profiles import Profile, save_profile
from karat.protocol.reputation import epoch_at
from tests.chain.network import ACCOUNTS, GENESIS, Network
from tests.cli.home import Home

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed"),
]
ROOT = Path(__file__).parents[2]


SCRIPT = "examples/viem/reputation.mjs"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A task whose reputations two of its three verifiers have anchored."""
    everyone = [one.address for one in ACCOUNTS]
    with start_devnet("anvil", accounts=everyone, timestamp=GENESIS, mining="manual") as devnet:
        network = Network(devnet)
        network.open_task()
        block = int(devnet.web3.eth.block_number)
        devnet.mine()
        statement = epoch_at(network.ledger, network.anchor, 1, block).statement
        for one in network.verifiers[:2]:
            network.everyone((one, network.anchor.attest(1, 1, statement)))
        yield network


@pytest.fixture
def home(network: Network, tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    profile = Profile(
        name="here",
        kind="devnet",
        rpc_url=str(network.devnet.rpc_url),
        chain_id=int(network.devnet.web3.eth.chain_id),
        ledger=network.ledger.address,
        anchor=network.anchor.address,
    )
    save_profile(profile, folder=tmp_path / "config" / "networks")
    yield home
    home.close()


def check(network: Network, anchor: dict[str, Any], proof: dict[str, Any], folder: Path) -> Any:
    """What the script says of a proof; the exit code must fit it."""
    files = folder / "anchor.json", folder / "proof.json"
    for file, document in zip(files, (anchor, proof), strict=True):
        file.write_text(json.dumps(document))
    done = subprocess.run(
        ["node", SCRIPT, str(network.devnet.rpc_url), *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = json.loads(done.stdout)
    assert done.returncode == (0 if said["here"] and said["there"] else 1), done.stderr
    return said


def test_a_proof_is_checked_in_another_language(
    network: Network, home: Home, tmp_path: Path
) -> None:
    at = ("--network", "here")
    anchor = home.json("abi", "ReputationAnchor", *at)
    assert anchor["contracts"][0]["address"] == network.anchor.address
    node = network.verifiers[0].address
    proof = home.json("reputation", "verify", node, "--task", 1, *at)
    said = check(network, anchor, proof, tmp_path)
    assert (said["node"], said["score"]) == (node.lower(), proof["score"])
    assert said["score"] > 0
    assert said["here"]
    assert said["there"]
    for field, value in (
        ("score", proof["proof"]["score"] + 1),
        ("outWeight", 2**70),
        ("node", network.trainers[0].address),
        ("path", ["0x" + "11" * 32, *proof["proof"]["path"][1:]]),
    ):
        wrong = {**proof, "proof": {**proof["proof"], field: value}}
        said = check(network, anchor, wrong, tmp_path)
        assert (said["here"], said["there"]) == (False, False), field


def test_the_interfaces_are_printed_with_and_without_a_network(home: Home) -> None:
    assert json.loads(home.run("abi", "Ledger")[0]) == load_artifact("Ledger")["abi"]
    document = home.json("abi")
    assert (document["network"], document["chain_id"]) == (None, None)
    assert {one["address"] for one in document["contracts"]} == {None}
    listed = home.run("abi", "--network", "here")[0]
    assert "address on here" in listed
    assert len(listed.splitlines()) == 1 + len(document["contracts"])
    assert (
        "there is no contract 'Legder'; there are Ledger," in home.run("abi", "Legder", code=1)[1]
    )
    assert "no network 'nowhere'" in home.run("abi", "--network", "nowhere", code=3)[1]
