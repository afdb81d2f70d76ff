"""Keystores: what is written, what is refused, and who may read it."""

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from chain.devnet.accounts import dev_accounts, require_devnet
from chain.errors import KeystoreError, UnknownAccount, WrongPassword
from chain.evm.accounts import Keystore
from chain.ledger.profiles import Profile
from karat.cli.errors import Exit, exit_code

FAST = 2**4
KEY = bytes(range(1, 33))


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys", scrypt_n=FAST)


def test_a_new_key_opens_with_its_password_only(keystore: Keystore) -> None:
    stored = keystore.new("alice", "secret")
    assert keystore.unlock("alice", "secret").address == stored.address
    assert keystore.unlock(stored.address.lower(), "secret").address == stored.address
    with pytest.raises(WrongPassword, match="does not open") as wrong:
        keystore.unlock("alice", "Secret")
    assert exit_code(wrong.value) == Exit.CONFIG


def test_files_are_private_and_readable_by_other_wallets(keystore: Keystore) -> None:
    stored = keystore.import_key("bob", KEY, "secret")
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keystore.folder.stat().st_mode) == 0o700
    document = json.loads(stored.path.read_text())
    assert document["version"] == 3
    assert Account.decrypt(document, "secret") == KEY
    assert [path.name for path in keystore.folder.iterdir()] == ["bob.json"]


def test_list_is_by_name(keystore: Keystore) -> None:
    assert list(keystore) == []
    keystore.new("zoe", "x")
    keystore.new("adam", "x")
    assert [account.name for account in keystore] == ["adam", "zoe"]


def test_another_wallets_file_can_be_imported(keystore: Keystore, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.json"
    foreign.write_text(json.dumps(Account.encrypt(KEY, "theirs", kdf="pbkdf2", iterations=10)))
    keystore.import_file("carol", foreign, "theirs", "ours")
    assert bytes(keystore.unlock("carol", "ours").key) == KEY
    with pytest.raises(WrongPassword):
        keystore.import_file("dave", foreign, "guess", "ours")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65])
def test_names_that_are_no_file_names_are_refused(keystore: Keystore, name: str) -> None:
    with pytest.raises(KeystoreError, match="cannot name an account"):
        keystore.new(name, "secret")


def test_nothing_is_overwritten(keystore: Keystore) -> None:
    keystore.import_key("alice", KEY, "secret")
    with pytest.raises(KeystoreError, match="already an account 'alice'"):
        keystore.new("alice", "other")
    with pytest.raises(KeystoreError, match="already stored as 'alice'"):
        keystore.import_key("alias", KEY, "other")
    assert bytes(keystore.unlock("alice", "secret").key) == KEY


def test_unknown_accounts_list_the_known_ones(keystore: Keystore) -> None:
    keystore.new("alice", "secret")
    with pytest.raises(UnknownAccount, match=r"'bob'.*there: alice"):
        keystore.find("bob")


@pytest.mark.parametrize("key", [b"", b"\x01" * 31, bytes(32)])
def test_bad_private_keys_are_refused(keystore: Keystore, key: bytes) -> None:
    with pytest.raises(KeystoreError, match="no private key"):
        keystore.import_key("alice", key, "secret")


def test_an_empty_password_is_refused(keystore: Keystore) -> None:
    with pytest.raises(KeystoreError, match="password is empty"):
        keystore.new("alice", "")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"address": "0x12"}', "x" * 70_000])
def test_damaged_files_are_named(keystore: Keystore, text: str) -> None:
    keystore.folder.mkdir(parents=True)
    (keystore.folder / "broken.json").write_text(text)
    with pytest.raises(KeystoreError, match=r"broken\.json"):
        list(keystore)


@pytest.mark.parametrize("change", [{"n": 2**40}, {"n": "many"}, {"n": -1}, {"r": 2**40}])
def test_costly_key_derivation_is_refused(keystore: Keystore, change: dict[str, object]) -> None:
    stored = keystore.new("alice", "secret")
    document = json.loads(stored.path.read_text())
    document["crypto"]["kdfparams"] |= change
    stored.path.write_text(json.dumps(document))
    with pytest.raises(KeystoreError, match="key derivation"):
        keystore.unlock("alice", "secret")


def test_a_swapped_address_is_noticed(keystore: Keystore) -> None:
    stored = keystore.new("alice", "secret")
    document = json.loads(stored.path.read_text())
    document["address"] = "11" * 20
    stored.path.write_text(json.dumps(document))
    with pytest.raises(KeystoreError, match="its key is of"):
        keystore.unlock("alice", "secret")


def test_development_keys_repeat_and_stay_on_the_devnet() -> None:
    first = dev_accounts(7, 3)
    again = dev_accounts(7, 4)
    assert [account.address for account in first] == [account.address for account in again[:3]]
    assert len({account.address for account in again}) == 4
    ledger = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    profile = {"name": "test", "rpc_url": "http://127.0.0.1:1", "ledger": ledger}
    for live in ({"chain_id": 1}, {"chain_id": 31337, "kind": "live"}):
        with pytest.raises(KeystoreError, match=r"on devnets only.*'test'.* is a live one"):
            require_devnet(Profile(**profile, **live))
    for devnet in ({"chain_id": 31337}, {"chain_id": 5, "kind": "devnet"}):
        require_devnet(Profile(**profile, **devnet))
