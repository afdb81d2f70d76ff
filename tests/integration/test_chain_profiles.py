"""Network profiles: files, precedence, and what is refused before anything is sent."""

from pathlib import Path

import pytest

from chain.devnet import CHAIN_ID, start_devnet
from chain.devnet.accounts import dev_accounts
from chain.errors import ContractError, NodeUnreachable, ProfileError, WrongChain
from chain.evm.transactions import Sender
from chain.ledger.client import Ledger, ReputationAnchor, Token
from chain.ledger.profiles import (
    Profile,
    connect,
    delete_profile,
    known_profiles,
    load_profile,
    save_profile,
)
from karat.cli.errors import Exit, exit_code

LEDGER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
PROFILE = Profile(
    name="test", rpc_url="http://127.0.0.1:1", chain_id=5, kind="live", ledger=LEDGER.lower()
)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def test_a_profile_is_read_as_it_was_written() -> None:
    path = save_profile(PROFILE)
    assert path.parts[-3:] == ("config", "networks", "test.toml")
    assert path.stat().st_mode & 0o777 == 0o600  # its URL may hold a key
    assert load_profile("test") == PROFILE
    full = PROFILE.model_copy(
        update={"name": "full", "anchor": PROFILE.ledger, "token": PROFILE.ledger, "from_block": 9}
    )
    save_profile(full)
    assert load_profile("full") == full
    assert known_profiles() == ["full", "test"]
    delete_profile("full")
    delete_profile("full")
    assert known_profiles() == ["test"]


def test_a_profile_from_before_kinds_is_a_devnet_by_its_chain_id() -> None:
    folder = save_profile(PROFILE).parent
    for chain_id, kind in ((31337, "devnet"), (1, "live")):
        written = f'rpc_url = "http://node"\nchain_id = {chain_id}\nledger = "{PROFILE.ledger}"\n'
        (folder / "old.toml").write_text(written)
        assert load_profile("old").kind == kind
        for named in ("live", "devnet"):
            (folder / "new.toml").write_text(f'{written}kind = "{named}"\n')
            assert load_profile("new").kind == named
    (folder / "bad.toml").write_text(f'{written}kind = "testnet"\n')
    with pytest.raises(ProfileError, match="'bad' is not valid: kind: "):
        load_profile("bad")


def test_the_project_wins_over_the_user() -> None:
    save_profile(PROFILE)
    Path("karat.toml").write_text(
        f'[networks.test]\nrpc_url = "https://node"\nchain_id = 7\nledger = "{PROFILE.ledger}"\n'
        '[networks.more]\nrpc_url = "ftp://node"\nchain_id = 7\nledger = "0x12"\n'
    )
    assert load_profile("test").chain_id == 7
    assert known_profiles() == ["more", "test"]
    with pytest.raises(ProfileError, match=r"'more' is not valid: rpc_url: .*http.*karat\.toml"):
        load_profile("more")


def test_an_unknown_network_lists_the_known_ones() -> None:
    with pytest.raises(ProfileError, match=r"no network 'x' \(known: none yet\)"):
        load_profile("x")
    save_profile(PROFILE)
    with pytest.raises(ProfileError, match=r"known: test") as unknown:
        load_profile("../test")
    assert exit_code(unknown.value) == Exit.CONFIG


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml", "is not TOML"),
        ("", "rpc_url: Field required"),
        ('rpc_url = "http://x"\nchain_id = 0\nledger = "0x12"', "chain_id"),
        ('rpc_url = "http://x"\nchain_id = 1\nledger = "0x12"', "ledger: .*no address"),
        (f'rpc_url = "http://x"\nchain_id = 1\nledger = "{LEDGER[:-1]}D"', "ledger: .*mistyped"),
        (f'rpc_url = "http://x"\nchain_id = 1\nledger = "{LEDGER}"\nleger = 1', "leger"),
    ],
)
def test_a_bad_profile_names_the_field(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config" / "networks" / "bad.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ProfileError, match=words):
        load_profile("bad")


def test_names_that_are_no_file_names_are_refused() -> None:
    with pytest.raises(ProfileError, match="cannot name a network"):
        save_profile(PROFILE.model_copy(update={"name": "../x"}))


def test_connecting_checks_chain_and_contracts() -> None:
    [account] = dev_accounts(1, 1)
    with start_devnet("anvil", accounts=[account.address], mining="manual") as devnet:
        sender = Sender(devnet.web3, account, mine=devnet.mine)
        ledger, token = Ledger.deploy(sender), Token.deploy(sender)
        anchor = ReputationAnchor.deploy(sender, ledger.address)
        assert devnet.rpc_url is not None
        profile = Profile(
            name="here",
            rpc_url=devnet.rpc_url,
            chain_id=CHAIN_ID,
            kind="devnet",
            ledger=ledger.address,
            anchor=anchor.address,
            token=token.address,
        )
        connection = connect(profile)
        assert connection.ledger.task_count() == 0
        assert connection.anchor is not None
        assert connection.token is not None
        assert connection.token.symbol() == "KDEV"
        with pytest.raises(WrongChain, match="31337, but 5 was expected"):
            connect(profile.model_copy(update={"chain_id": 5}))
        with pytest.raises(ContractError, match="is not the Ledger"):
            connect(profile.model_copy(update={"ledger": token.address}))
        with pytest.raises(ContractError, match="is not the ReputationAnchor"):
            connect(profile.model_copy(update={"anchor": token.address}))
        other = Ledger.deploy(sender)
        with pytest.raises(ContractError, match=f"not to {other.address}"):
            connect(profile.model_copy(update={"ledger": other.address}))
    with pytest.raises(NodeUnreachable):
        connect(profile)
