"""What a newcomer does in the wrong order, or mistypes: nothing is left half done."""

from collections.abc import Iterator

import pytest

from tests.cli.home import Home, home_with_network


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("newcomer")
    with pytest.MonkeyPatch.context() as patch, home_with_network(folder, patch) as home:
        yield home


def test_no_key_is_made_that_cannot_be_funded(home: Home) -> None:
    _, err = home.run("account", "new", "alice", "--fund", code=3)
    assert "`karat up` makes the network 'local'" in err
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
