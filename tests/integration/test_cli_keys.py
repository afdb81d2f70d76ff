"""Keys in the URLs of nodes are shown by no command, whether the node answers or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.nodes import plain_anvil
from tests.cli.home import Home, home_with_network

KEYS = ("HUNTER2", "APIKEY123", "TOKEN456")
LOOKING: tuple[tuple[object, ...], ...] = (
    ("status",),
    ("doctor",),
    ("config", "show"),
    ("network", "list"),
    ("task", "list"),
    ("task", "show", 1),
    ("round", "show", 1),
    ("watch", 1),
    ("reputation", "top"),
    ("trainer", "status", 1, "--account", "one"),
    ("trainer", "run", 1, "--account", "one", "--shard", "1/2", "--once"),
    ("verifier", "run", 1, "--account", "one", "--once"),
    ("verifier", "journal", "export", 1, "-o", "x", "--account", "one"),
    ("account", "fund", "one"),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch, home_with_network(tmp_path, patch) as home:
        home.run("account", "new", "one")
        yield home


def keyed(where: str) -> str:
    """An address with a key in every part that may hold one."""
    return f"http://user:HUNTER2@{where}/v3/APIKEY123?token=TOKEN456"


def profile(home: Home, where: str) -> None:
    folder = home.folder / "config" / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "keyed.toml").write_text(
        f'kind = "live"\nrpc_url = "{keyed(where)}"\nmore_rpc_urls = ["{keyed("127.0.0.1:9")}"]\n'
        f'chain_id = 1\nledger = "0x{"11" * 20}"\n'
    )


def looks(home: Home, commands: tuple[tuple[object, ...], ...]) -> Iterator[tuple[str, str]]:
    """Commands, each with all that it prints; all at the same time."""
    home.env["KARAT_NETWORK"] = "keyed"
    begun = [(words, home._begin(words, "")) for words in commands]
    for words, (process, base) in begun:
        process.join(240)
        texts = [base.with_suffix(end).read_text("utf-8") for end in (".out", ".err")]
        yield " ".join(map(str, words)), "".join(texts)


def assert_no_keys(home: Home, commands: tuple[tuple[object, ...], ...]) -> list[str]:
    """What the commands print, which has no key in it."""
    printed = []
    for words, text in looks(home, commands):
        assert text, words
        assert not [key for key in KEYS if key in text], (words, text)
        printed.append(text)
    return printed


@pytest.mark.timeout(300)
def test_a_node_that_is_away_is_named_without_its_key(home: Home) -> None:
    profile(home, "127.0.0.1:9")
    commands = (("status",), ("doctor", "--json"))
    for text in assert_no_keys(home, commands):
        assert "http://127.0.0.1:9" in text  # which one it is


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_command_prints_a_key(home: Home) -> None:
    profile(home, "127.0.0.1:9")
    texts = assert_no_keys(home, LOOKING)
    assert sum("http://127.0.0.1:9" in text for text in texts) > len(LOOKING) // 2
    with plain_anvil() as url:  # which serves another chain
        profile(home, url.removeprefix("http://"))
        assert_no_keys(home, LOOKING[:3])
    url = keyed("127.0.0.1:9")  # as it is given on the command line
    home.env["KARAT_NETWORK"] = url
    ledger = "0x" + "11" * 20
    for words in (
        ("task", "list", "--network", url, "--ledger", ledger),
        ("network", "add", "other", "--rpc", url, "--ledger", ledger),
        ("deploy", "--rpc", url, "--account", "one", "--dry-run"),
        ("store", "ls", "--store", f"gateway:{url}"),
    ):
        process, base = home._begin(words, "")
        process.join(240)
        text = "".join(base.with_suffix(end).read_text("utf-8") for end in (".out", ".err"))
        assert text, words
        assert not [key for key in KEYS if key in text], (words, text)
