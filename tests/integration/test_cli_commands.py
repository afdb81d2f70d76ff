"""Every command once, on one small task: documents, exit codes, dry runs, resuming."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chain.devnet.accounts import dev_accounts
from chain.devnet.faucet import ETHER
from chain.devnet.local_network import DEPLOYER_SEED, FUND_TOKENS
from chain.ledger.bindings.ledger_events import BaseModelFixed
from chain.ledger.client import Token
from chain.ledger.profiles import load_profile
from karat.sdk import Network, connect
from learning import tasks
from learning.codec import Codec
from learning.tasks.data import assigned
from learning.training import initial_model, train
from reputation.anchoring.anchored import AnchoredScores
from tests.cli.home import Home, home_with_network, warp
from tests.cli.schemas import checked

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TASK = """
task = "mlp-digits"
rounds = 2

[rewards]
trainers = 10
verifiers = 1

[stakes]
trainer = 5
verifier = "8.5"

[windows]
commit = "20m"
reveal = 600
score_commit = "10m"
score_reveal = "10m"
attest = "10m"

[[verifiers]]
account = "dev:2"
"""


class Played:
    """A task after its first round."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.network: Network

    def do(self, *args: object, stdin: str = "") -> dict[str, Any]:
        """Run a command; its document, which must be what its schema says, no field more."""
        return checked(self.home.json(*args, stdin=stdin))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("cli")
    with pytest.MonkeyPatch.context() as patch, home_with_network(folder, patch) as home:
        one = Played(home)
        _play(one)
        yield one
        assert one.do("down")["was_running"]


def _play(one: Played) -> None:
    folder = one.home.folder
    (folder / "task.toml").write_text(TASK)
    rng = np.random.default_rng(0)
    np.savez(folder / "own.npz", x=rng.normal(size=(80, 8, 8)), y=rng.integers(0, 10, 80))
    one.do("up", "--port", 0, "--fund", 4)
    one.network = connect("local")
    one.do("task", "create", "--spec", "task.toml", "--account", "dev:1")
    one.do("task", "top-up", 1, "0.5", "--account", "dev:1")
    one.do("verifier", "join", 1, "--account", "dev:2")
    for name in ("dev:3", "dev:4"):
        one.do("trainer", "join", 1, "--account", name)
    one.do("round", "open", 1, "--account", "dev:4")
    one.do("trainer", "train", 1, "--account", "dev:3", "--data", "own.npz")
    one.do("trainer", "submit", 1, "--account", "dev:3")
    one.do("trainer", "submit", 1, "--account", "dev:4", "--shard", "1/2")
    _move(one, ("trainer", "journal"), "dev:3")
    warp(one.network, 1200)
    for name in ("dev:3", "dev:4"):
        one.do("trainer", "submit", 1, "--account", name)
    warp(one.network, 600)
    one.do("round", "settle", 1, "--account", "dev:1")
    for _ in ("commit", "reveal"):
        one.do("verifier", "run", 1, "--account", "dev:2", "--once")
    one.do("round", "settle", 1, "--account", "dev:1")
    one.do("verifier", "run", 1, "--account", "dev:2", "--once")


def _move(one: Played, journal: tuple[str, str], name: str) -> None:
    """To another machine: what is committed is revealed from what was imported there."""
    made = one.do(*journal, "export", 1, "-o", "moved", "--account", name)
    assert (made["entries"], made["role"]) == (2, journal[0])
    [old] = Path(one.home.env["KARAT_DATA_DIR"]).glob(f"{journal[0]}/**/{made['account'].lower()}")
    shutil.rmtree(old)
    assert one.do(*journal, "import", 1, "moved", "--account", name)["added"] == 2
    assert (
        "not of the trainer"
        in one.home.run(*journal, "import", 1, "moved", "--account", "dev:4", code=3)[1]
    )


@pytest.mark.timeout(900)
def test_a_round_is_played_command_by_command(played: Played) -> None:
    said = played.do("round", "show", 1, 1)
    assert said["phase"] == "final"
    assert said["outcome"] == "settled"
    assert len(said["updates"]) == 2
    assert {update["verdict"] for update in said["updates"]} <= {"ok", "harmful"}
    assert [event.round for event in played.network.events(BaseModelFixed)] == [1]


def test_a_finished_submission_is_not_sent_again(played: Played) -> None:
    # The attesting step has opened round 2: there is nothing of round 1 left to do twice.
    first = played.do("trainer", "submit", 1, "--account", "dev:3", "--shard", "2/2")
    again = played.do("trainer", "submit", 1, "--account", "dev:3", "--shard", "2/2")
    assert [one["operation"] for one in first["transactions"]] == ["commit"]
    assert again["transactions"] == []
    assert again["state"] == "committed"


def test_nothing_is_published_before_the_reveal(played: Played) -> None:
    from chain.store import cid_of, open_store

    played.do("trainer", "submit", 1, "--account", "dev:4", "--shard", "1/2")
    folder = Path(played.home.env["KARAT_DATA_DIR"])
    store = open_store(f"local:{folder / 'store'}")
    payloads = {path.read_bytes() for path in folder.glob("trainer/**/*.update")}
    published = [store.has(cid_of(payload)) for payload in payloads]
    assert sorted(published) == [False, False, True, True]  # round 2's are not, round 1's are


def test_claims_and_the_rest(played: Played) -> None:
    due = played.do("trainer", "status", 1, "--account", "dev:4")["claimable"]
    claimed = played.do("trainer", "claim", 1, "--account", "dev:4")
    assert claimed["rounds"] == [1]
    assert claimed["rewards"] == due > 0
    assert played.do("trainer", "status", 1, "--account", "dev:4")["claimable"] == 0
    assert [one["operation"] for one in claimed["transactions"]] == ["claim+withdraw"]
    assert played.do("trainer", "claim", 1, "--account", "dev:4")["rounds"] == []
    assert played.do("verifier", "claim", 1, "--account", "dev:2")["amount"] == 10**18
    assert played.do("trainer", "status", 1, "--account", "dev:4")["rewarded"] == claimed["rewards"]
    assert played.do("verifier", "status", 1, "--account", "dev:2")["role"] == "verifier"
    assert played.do("task", "show", 1)["verifiers"][0]["joined"]
    assert len(played.do("task", "list")["tasks"]) == 1
    assert played.do("trainer", "leave", 1, "--account", "dev:4")["state"] == "leaving"
    assert played.do("config", "show")["networks"] == ["local"]
    assert played.do("status")["tasks"] == 1
    assert played.do("doctor")["ok"]
    made = played.do("account", "new", "alice", "--fund")
    assert made["funded"]
    key = "0x" + "11" * 32
    played.do("account", "import", "bob", stdin=key + "\n")
    assert [one["name"] for one in played.do("account", "list")["accounts"]] == ["alice", "bob"]
    address = played.do("account", "export-address", "bob")["address"]
    assert played.do("account", "fund", "bob")["address"] == address
    copy = str(Path(made["path"]))
    password = played.home.folder / "password"
    password.write_text(played.home.env["KARAT_PASSWORD"] + "\n")
    taken = ("account", "import", "carol", "--file", copy, "--file-password", password)
    _, err = played.home.run(*taken, code=3)  # the same key again
    assert "already stored" in err


def test_a_trainers_pay_is_explained(played: Played) -> None:
    told = played.do("trainer", "why", 1, "--account", "dev:4")
    rewarded = played.do("trainer", "status", 1, "--account", "dev:4")["rewarded"]
    assert (told["case"], told["round"], told["reward"]) == ("paid", 1, rewarded)
    assert told["numbers"]["gain"] > 0
    words, _ = played.home.run("trainer", "why", 1, 1, "--trainer", "dev:4", "--account", "dev:3")
    assert told["answer"][0] in words
    assert "no trainer" in played.home.run("trainer", "why", 1, "--account", "dev:1", code=1)[1]
    assert played.home.run("trainer", "why", 1, 9, "--account", "dev:4", code=1)[1]


def test_costs_are_those_of_real_transactions(played: Played) -> None:
    told = played.do("cost", "--spec", "task.toml", "--trainers", 2)
    assert told["gas_price"] > 0
    parties = {
        one["party"]: {op["operation"]: op["gas"] for op in one["once"]} for one in told["parties"]
    }
    made = played.do("task", "create", "--spec", "task.toml", "--account", "dev:1")
    joined = played.do("trainer", "join", made["task"], "--account", "dev:4")
    for party, done in (("sponsor", made), ("trainer", joined)):
        last = done["transactions"][-1]
        assert last["gas"] == pytest.approx(parties[party][last["operation"]], rel=0.05)
    assert (
        "no price in gwei"
        in played.home.run("cost", "--spec", "task.toml", "--gas-price", "much", code=2)[1]
    )


def test_seven_processes_that_share_an_account_lose_no_nonce(played: Played) -> None:
    web3 = played.network.web3
    [bank] = dev_accounts(DEPLOYER_SEED, 1)
    before = web3.eth.get_transaction_count(bank.address)
    # Two verifiers and five trainers, funded at the same moment by one account.
    names = [f"dev:{number}" for number in range(20, 27)]
    said = played.home.all(*(("account", "fund", name) for name in names))
    assert web3.eth.get_transaction_count(bank.address) == before + 2 * len(names)
    token = Token(web3, played.network.ledger.task_params(1).token)
    for one in said:
        assert web3.eth.get_balance(one["address"]) == ETHER
        assert token.balance_of(one["address"]) == FUND_TOKENS


def test_dry_runs_send_nothing(played: Played) -> None:
    head = played.network.web3.eth.block_number
    tried = ("task", "create", "--spec", "task.toml", "--account", "dev:1", "--dry-run")
    said = played.home.json(*tried)
    assert said["dry_run"]
    assert said["task"] is None
    assert said["transactions"][0]["gas"] > 21_000
    assert played.network.web3.eth.block_number == head


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("task", "show", 99), 1, "no task 99"),
        (("task", "show"), 2, "Missing argument"),
        (("task", "show", 1, "--network", "mars"), 3, "no network 'mars' (known:"),
        (("task", "top-up", 1, "much", "--account", "dev:1"), 3, "no amount"),
        (("trainer", "claim", 1, "--account", "nobody"), 3, "no key for 'nobody'"),
        (("trainer", "claim", 1, "--account", "dev:x"), 3, "dev:0 to dev:999"),
        (("task", "create", "--spec", "bad.toml", "--account", "dev:1"), 3, "windows.commit"),
        (("task", "create", "--spec", "gone.toml", "--account", "dev:1"), 3, "gone.toml"),
        (("task", "list", "--network", "dead"), 4, "cannot reach the node"),
        (("task", "close", 1, "--account", "dev:3"), 5, "Only the sponsor"),
        (("trainer", "submit", 1, "--account", "dev:1", "--shard", "9/2"), 3, "no shard"),
        (
            ("trainer", "run", 1, "--account", "dev:2", "--shard", "1/2"),
            1,
            "`karat trainer join 1`",
        ),
        (("down", "--wipe"), 2, "Confirm with --yes"),
    ],
)
def test_every_exit_code(played: Played, args: tuple[object, ...], code: int, words: str) -> None:
    folder = played.home.folder
    (folder / "bad.toml").write_text(TASK.replace('"20m"', '"soon"'))
    dead = Path(played.home.env["KARAT_CONFIG_DIR"]) / "networks"
    text = (dead / "local.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("rpc_url")]
    (dead / "dead.toml").write_text("\n".join([*lines, 'rpc_url = "http://127.0.0.1:9"']) + "\n")
    try:
        out, err = played.home.run(*args, code=code)
    finally:
        (dead / "dead.toml").unlink()
    assert words in err
    assert out == ""


def test_an_update_that_verifiers_would_reject_is_not_committed(played: Played) -> None:
    played.do("trainer", "join", 1, "--account", "dev:1")
    played.do("trainer", "train", 1, "--account", "dev:1", "--shard", "1/3")
    address = played.home.json("account", "export-address", "dev:1")["address"].lower()
    folder = Path(played.home.env["KARAT_DATA_DIR"]) / "trainer"
    [path] = [one for one in folder.glob("**/*.update") if address in str(one)]
    path.write_bytes(b"no update at all")
    _, err = played.home.run("trainer", "submit", 1, "--account", "dev:1", code=6)
    assert "not-zstd" in err


def test_daemons_say_what_they_did(played: Played) -> None:
    run = ("trainer", "run", 1, "--account", "dev:3", "--shard", "1/2", "--once")
    assert played.do(*run)["account"].startswith("0x")


def test_a_task_without_rounds_gives_everything_back(played: Played) -> None:
    made = played.do("task", "create", "--spec", "task.toml", "--account", "dev:1")
    closed = played.do("task", "close", made["task"], "--account", "dev:1")
    assert closed["amount"] == made["escrow"] == 22 * 10**18


def test_the_examples_run(played: Played) -> None:
    wanted = {"deploy.py": ("another", load_profile("local").rpc_url)}
    for script in sorted(EXAMPLES.glob("*.py")):
        done = subprocess.run(
            [sys.executable, str(script), *wanted.get(script.name, ())],
            env=played.home.env,
            cwd=played.home.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{script.name}: {done.stderr}"
        assert done.stdout


def test_reputation_from_the_chain(played: Played) -> None:
    sponsor = played.home.json("task", "show", 1)["sponsor"]
    said = played.home.json("reputation", "top", "--task", 1)
    assert said["ego"] == sponsor
    best = said["top"][0]["node"]
    assert played.home.json("reputation", "show", best.lower(), "--task", 1)["node"] == best


def test_the_daemon_anchored_what_anyone_can_verify(played: Played) -> None:
    best = played.do("reputation", "top", "--task", 1)["top"][0]["node"]
    proven = played.do("reputation", "verify", best, "--task", 1)
    assert proven["holds"]
    assert proven["proof"]["node"] == best.lower()
    published = played.home.folder / "scores.json"
    played.home.run("store", "get", proven["document"], "-o", published)
    assert AnchoredScores.from_dict(json.loads(published.read_text())).root.hex() in proven["root"]
    [epoch] = played.do("reputation", "epochs", "--task", 1)["epochs"]
    assert epoch["anchored"]["root"] == proven["root"]
    assert len(epoch["attested"]) == 1
    assert epoch["dissenters"] == []
    _, err = played.home.run("reputation", "verify", "0x" + "99" * 20, "--task", 1, code=2)
    assert "is not anchored" in err


def test_assigned_data_need_not_be_given_and_leaving_claims(played: Played) -> None:
    (played.home.folder / "assigned.toml").write_text("assigned_examples = 64" + TASK)
    task = played.do("task", "create", "--spec", "assigned.toml", "--account", "dev:1")["task"]
    for name in ("dev:3", "dev:4"):
        played.do("trainer", "join", task, "--account", name)
    played.do("verifier", "join", task, "--account", "dev:2")
    played.do("round", "open", task, "--account", "dev:1")
    trained = ("trainer", "train", task, "--account", "dev:3", "--seed", 7, "--device", "cpu")
    _, err = played.home.run(*trained)
    assert "64 examples" in err
    registered = tasks.get("mlp-digits")
    data = registered.data.model_copy(update={"assigned": 64})
    spec, base = registered.model_copy(update={"data": data}), initial_model(registered)
    address = played.home.json("account", "export-address", "dev:3")["address"]
    delta = train(spec, base, assigned(spec, base.digest, address), 7, "cpu")
    expected = Codec(spec.codec, base.layout).encode(delta)
    kept = (Path(played.home.env["KARAT_DATA_DIR"]) / "trainer").glob("**/*.update")
    assert expected in [path.read_bytes() for path in kept]
    assert played.do("trainer", "submit", task, "--account", "dev:3")["state"] == "committed"
    warp(played.network, 1200)  # nobody reveals
    late = ("trainer", "train", task, "--account", "dev:4")
    assert "takes no commits now" in played.home.run(*late, code=1)[1]
    warp(played.network, 600)
    played.do("round", "settle", task, "--account", "dev:1")
    assert played.do("trainer", "leave", task, "--account", "dev:3")["state"] == "leaving"
    warp(played.network, 3600)
    left = played.do("trainer", "leave", task, "--account", "dev:3")
    assert [one["operation"] for one in left["transactions"]] == ["claim+leave"]
    assert played.do("trainer", "status", task, "--account", "dev:3")["role"] == "none"


def test_a_slashed_trainer_adds_to_its_stake_and_acts_again(played: Played) -> None:
    number = played.do("task", "create", "--spec", "task.toml", "--account", "dev:1")["task"]
    mine = (number, "--account", "dev:3")
    other = (number, "--account", "dev:4")
    assert played.do("trainer", "join", *mine, "--dry-run")["stake"] == 625 * 10**16
    played.do("trainer", "join", *mine, "--stake", "5")
    played.do("trainer", "join", *other)
    played.do("round", "open", number, "--account", "dev:3")
    played.do("trainer", "submit", *mine, "--shard", "1/2")
    played.do("trainer", "submit", *other, "--shard", "2/2")
    warp(played.network, 1200)
    played.do("trainer", "submit", *other)  # this one reveals, the other does not
    warp(played.network, 600)
    played.do("round", "settle", number, "--account", "dev:1")
    warp(played.network, 7200)  # nobody votes: the round is void, and who held its update back pays
    played.do("round", "settle", number, "--account", "dev:1")
    played.do("trainer", "claim", *mine)
    assert played.do("trainer", "status", *mine)["suspended"]
    assert "no verifier" in played.home.run("verifier", "top-up", *mine, code=1)[1]
    added = played.do("trainer", "top-up", *mine)
    assert (added["amount"], added["stake"]) == (5 * 10**17, 5 * 10**18)
    assert not played.do("trainer", "status", *mine)["suspended"]
    assert "name an amount" in played.home.run("trainer", "top-up", *mine, code=1)[1]
    assert played.do("trainer", "top-up", number, "1.5", *mine[1:])["stake"] == 65 * 10**17


def test_help_is_fast_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from karat.cli.app import app; "
        "print([m for m in ('torch', 'web3', 'numpy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
