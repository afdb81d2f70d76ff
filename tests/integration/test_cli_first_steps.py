"""What a newcomer does in the wrong order, or mistypes: nothing is left half done."""

from collections.abc import Iterator

import pytest

from tests.cli.home import Home, home_with_network

TASK = """
task = "mlp-digits"
rounds = 1
rewards = {trainers = 1, verifiers = 1}
stakes = {trainer = 1, verifier = 1}
windows = {commit = "1h", reveal = "1h", score_commit = "1h", score_reveal = "1h"}
verifiers = [{account = "dev:2"}]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("newcomer")
    with pytest.MonkeyPatch.context() as patch, home_with_network(folder, patch) as home:
        yield home


def test_no_key_is_made_that_cannot_be_funded(home: Home) -> None:
    _, err = home.run("account", "new", "alice", "--fund", code=3)
    assert "`karat up` starts the network 'local'" in err
    home.run("account", "import", "bob", "--fund", stdin="11" * 32 + "\n", code=3)
    assert home.json("account", "list")["accounts"] == []


def test_a_network_that_is_down_says_how_to_start_it(home: Home) -> None:
    home.run("up", "--port", 0, "--fund", 1)
    home.run("down")
    _, err = home.run("status", code=4)
    assert "`karat up` starts the network 'local'" in err


def test_a_mistyped_address_is_called_so(home: Home) -> None:
    home.run("up")
    address = home.json("account", "export-address", "dev:1")["address"]
    for name, words in ((address[:-1], "is no address"), (address.swapcase(), "is mistyped")):
        _, err = home.run("account", "fund", name.replace("0X", "0x"), code=3)
        assert words in err


def test_a_task_that_does_not_exist_has_no_reputations(home: Home) -> None:
    _, err = home.run("reputation", "top", "--task", 9, code=1)
    assert "there is no task 9" in err


def test_a_running_network_says_that_it_keeps_its_settings(home: Home) -> None:
    home.run("up")
    before = home.json("status")["rpc_url"]
    _, err = home.run("up", "--block-time", 2)
    assert "runs already" in err
    assert home.json("status")["rpc_url"] == before


@pytest.mark.parametrize("where", ["ledger", "nowhere"])
def test_a_token_that_is_none_is_called_so(where: str, home: Home) -> None:
    home.run("up")
    token = home.json("status").get(where, "0x" + "11" * 20)
    (home.folder / "token.toml").write_text(f'token = "{token}"\n{TASK}')
    create = ("task", "create", "--spec", "token.toml", "--account", "dev:1")
    assert f"token: there is no ERC-20 token at {token}" in home.run(*create, code=3)[1]


def test_members_are_told_what_they_miss(home: Home) -> None:
    home.run("up")
    (home.folder / "task.toml").write_text(TASK)
    out, _ = home.run("task", "create", "--spec", "task.toml", "--account", "dev:1")
    assert "for 1 round." in out
    _, log = home.run("verifier", "run", 1, "--account", "dev:2", "--once")
    assert "not a verifier of the task" in log
    trainer = ("trainer", "run", 1, "--account", "dev:1", "--shard", "1/2", "--once")
    _, err = home.run(*trainer, "--store", "local:elsewhere", code=1)
    assert "task 1 keeps its files in another store" in err
    home.run("account", "fund", "dev:2")
    home.run("verifier", "join", 1, "--account", "dev:2")
    _, log = home.run("verifier", "run", 1, "--account", "dev:2", "--once")
    assert "not a verifier" not in log
    home.run("verifier", "leave", 1, "--account", "dev:2")
    _, err = home.run("verifier", "leave", 1, "--account", "dev:2", code=1)
    assert "the cool-down of" in err
    out, _ = home.run("verifier", "status", 1, "--account", "dev:2")
    assert "verifier (leaving)" in out
