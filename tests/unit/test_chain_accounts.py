"""Keystores: what is written, what is refused, and who may read it."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

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
def test_a_damaged_file_is_named_and_disables_nobody(keystore: Keystore, text: str) -> None:
    stored = keystore.new("alice", "secret")
    (keystore.folder / "broken.json").write_text(text)
    assert list(keystore) == [stored]
    [skipped] = keystore.skipped()
    assert "broken.json" in skipped.reason
    assert keystore.unlock("alice", "secret").address == stored.address
    with pytest.raises(KeystoreError, match=r"broken\.json"):
        keystore.unlock("broken", "secret")


def test_hidden_and_foreign_files_are_passed_over(keystore: Keystore) -> None:
    stored = keystore.new("alice", "secret")
    for name in ("._alice.json", ".DS_Store", "notes.txt"):
        (keystore.folder / name).write_bytes(b"\x00\x05\x16\x07")
    assert list(keystore) == [stored]
    assert keystore.skipped() == []


def test_a_file_named_as_geth_does_is_found_by_its_address(keystore: Keystore) -> None:
    account = Account.from_key(KEY)
    document = Account.encrypt(KEY, "secret", kdf="scrypt", iterations=FAST)
    keystore.folder.mkdir(parents=True)
    name = f"UTC--2023-02-23T19-41-24.381481300Z--{account.address[2:].lower()}"
    (keystore.folder / name).write_text(json.dumps(document))
    assert keystore.unlock(account.address, "secret").address == account.address
    assert keystore.rename(account.address, "old").path.name == "old.json"
    assert keystore.unlock("old", "secret").address == account.address


def test_passwords_names_and_keys_can_be_changed(keystore: Keystore) -> None:
    stored = keystore.import_key("alice", KEY, "secret")
    with pytest.raises(WrongPassword):
        keystore.change_password("alice", "guess", "new")
    keystore.change_password("alice", "secret", "new")
    assert bytes(keystore.unlock("alice", "new").key) == KEY
    keystore.new("bob", "x")
    with pytest.raises(KeystoreError, match="already an account 'bob'"):
        keystore.rename("alice", "bob")
    assert keystore.rename("alice", "carol").address == stored.address
    with pytest.raises(UnknownAccount):
        keystore.find("alice")
    with pytest.raises(WrongPassword):
        keystore.remove("carol", "secret")
    keystore.remove("carol", "new")
    assert [account.name for account in keystore] == ["bob"]


@pytest.mark.parametrize(
    "change",
    [
        {"n": 2**40},
        {"n": "many"},
        {"n": -1},
        {"n": True},
        {"n": None},
        {"r": 2**40},
        {"p": 2**24},
        {"p": 0},
        {"dklen": 10**9},
        {"dklen": 16},
    ],
)
def test_costly_key_derivation_is_refused(keystore: Keystore, change: dict[str, object]) -> None:
    stored = keystore.new("alice", "secret")
    document = json.loads(stored.path.read_text())
    document["crypto"]["kdfparams"] |= change
    stored.path.write_text(json.dumps(document))
    with pytest.raises(KeystoreError, match="key derivation"):
        keystore.unlock("alice", "secret")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cipher": "aes-128-cbc"}, "aes-128-cbc"),
        ({"cipher": None}, "encrypted with None"),
        ({"kdf": "argon2"}, "argon2"),
        ({"kdf": "pbkdf2", "kdfparams": {"prf": "hmac-sha512", "c": 9, "dklen": 32}}, "sha512"),
        ({"kdf": "pbkdf2", "kdfparams": {"prf": "hmac-sha256", "c": 10**9, "dklen": 32}}, "costly"),
        ({"kdfparams": []}, "unreadable"),
        ({"ciphertext": "00" * 31}, "ciphertext is not of 32 bytes"),
        ({"ciphertext": "zz"}, "damaged"),
    ],
)
def test_what_a_file_asks_for_is_looked_at(
    keystore: Keystore, tmp_path: Path, change: dict[str, object], why: str
) -> None:
    document = Account.encrypt(KEY, "secret", kdf="scrypt", iterations=FAST)
    document["crypto"] |= change
    with pytest.raises(KeystoreError, match=why):
        keystore.import_file("x", foreign(tmp_path, document), "secret", "n")
    assert list(keystore) == []


@pytest.mark.parametrize("version", [1, "1", "3", None, 4])
def test_other_versions_are_named(keystore: Keystore, tmp_path: Path, version: object) -> None:
    document = Account.encrypt(KEY, "secret", kdf="scrypt", iterations=FAST) | {"version": version}
    with pytest.raises(KeystoreError, match="only version 3"):
        keystore.import_file("x", foreign(tmp_path, document), "secret", "n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_from_windows_are_read(keystore: Keystore, tmp_path: Path, encoding: str) -> None:
    document = Account.encrypt(KEY, "secret", kdf="scrypt", iterations=FAST)
    path = tmp_path / "from-windows.json"
    path.write_text(json.dumps(document), encoding=encoding)
    assert keystore.import_file("x", path, "secret", "n").address == Account.from_key(KEY).address


def sealed(secret: bytes, address: str | None) -> dict[str, Any]:
    """A V3 document that holds any bytes: its keystream is that of a 32-byte key."""
    document = Account.encrypt(KEY, "secret", kdf="scrypt", iterations=FAST)
    crypto = document["crypto"]
    stream = bytes(a ^ b for a, b in zip(bytes.fromhex(crypto["ciphertext"]), KEY, strict=True))
    text = bytes(a ^ b for a, b in zip(secret, stream, strict=False))
    parameters = crypto["kdfparams"]
    derived = hashlib.scrypt(
        b"secret",
        salt=bytes.fromhex(parameters["salt"]),
        n=parameters["n"],
        r=parameters["r"],
        p=parameters["p"],
        dklen=32,
    )
    crypto |= {"ciphertext": text.hex(), "mac": keccak(derived[16:32] + text).hex()}
    return {k: v for k, v in document.items() if k != "address"} | (
        {"address": address} if address else {}
    )


def foreign(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "foreign.json"
    path.write_text(json.dumps(document))
    return path


def test_a_key_without_its_leading_zero_is_filled_up(keystore: Keystore, tmp_path: Path) -> None:
    short = bytes(range(2, 33))
    address = str(Account.from_key(b"\0" + short).address)
    path = foreign(tmp_path, sealed(short, address))
    assert keystore.import_file("x", path, "secret", "n").address == address
    with pytest.raises(KeystoreError, match="states no address to check"):
        keystore.import_file("y", foreign(tmp_path, sealed(short, None)), "secret", "n")
    with pytest.raises(KeystoreError, match="its key is of"):
        keystore.import_file("y", foreign(tmp_path, sealed(short[1:], address)), "secret", "n")


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b""])
def test_a_number_that_is_no_key_is_named(
    keystore: Keystore, tmp_path: Path, secret: bytes
) -> None:
    with pytest.raises(KeystoreError, match="no key"):
        keystore.import_file("x", foreign(tmp_path, sealed(secret, None)), "secret", "n")


def test_a_file_without_an_address_is_imported_and_listed_as_skipped(
    keystore: Keystore, tmp_path: Path
) -> None:
    path = foreign(tmp_path, sealed(KEY, None))
    stored = keystore.import_file("x", path, "secret", "n")
    assert stored.address == Account.from_key(KEY).address
    (keystore.folder / "bare.json").write_text(path.read_text())
    assert list(keystore) == [stored]
    assert "states no address" in keystore.skipped()[0].reason


def test_another_address_than_the_keys_is_not_imported(keystore: Keystore, tmp_path: Path) -> None:
    path = foreign(tmp_path, sealed(KEY, "0x" + "11" * 20))
    with pytest.raises(KeystoreError, match="its key is of"):
        keystore.import_file("x", path, "secret", "n")
    assert list(keystore) == []


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
