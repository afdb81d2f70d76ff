"""Keys: encrypted V3 keystores.

A keystore is one file ``NAME.json`` of mode 0600 in a folder, in the Web3 Secret Storage format
(version 3, scrypt) that Geth and other wallets read.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address, to_checksum_address

from chain.errors import Hint, KeystoreError, UnknownAccount, WrongPassword
from chain.folders import config_dir, write_atomically

SCRYPT_N = 2**18  # about a second to open; tests use less
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_KEYSTORE_BYTES = 64 * 1024
_MOST_SCRYPT_MEMORY = 2**30  # bytes; a hostile file must not take all memory


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A key on disk, without its secret."""

    name: str
    address: str
    path: Path


class Keystore:
    """The encrypted keys in one folder; by default ``keystore`` in the user's configuration."""

    def __init__(self, folder: Path | None = None, *, scrypt_n: int = SCRYPT_N) -> None:
        self.folder = config_dir() / "keystore" if folder is None else folder
        self._scrypt_n = scrypt_n

    def __iter__(self) -> Iterator[StoredAccount]:
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.json")):
            yield StoredAccount(path.stem, self._address(path, _read(path)), path)

    def new(self, name: str, password: str) -> StoredAccount:
        """Make a new random key.

        Raises:
            KeystoreError: the name is taken or not usable, the password is empty, or the disk
                refuses.
        """
        return self._store(name, Account.create(), password)

    def import_key(self, name: str, private_key: bytes, password: str) -> StoredAccount:
        """Store an existing key (32 bytes); raises like :meth:`new`."""
        try:
            account = Account.from_key(private_key)
        except ValueError as error:
            raise KeystoreError(
                "this is no private key: it must be 32 bytes, as 64 hexadecimal digits"
            ) from error
        return self._store(name, account, password)

    def import_file(
        self, name: str, path: Path, file_password: str, password: str
    ) -> StoredAccount:
        """Store the key of another wallet's V3 file; raises like :meth:`new` and :meth:`unlock`."""
        document = _read(path)
        return self._store(name, _decrypt(path, document, file_password), password)

    def find(self, name_or_address: str) -> StoredAccount:
        """The account with this name or address.

        Raises:
            UnknownAccount: there is none; the message lists those there are.
        """
        stored = list(self)
        for account in stored:
            if account.name == name_or_address:
                return account
        if is_address(name_or_address):
            wanted = to_checksum_address(name_or_address)
            for account in stored:
                if account.address == wanted:
                    return account
        known = ", ".join(account.name for account in stored) or "none yet"
        raise UnknownAccount(
            f"no key for {name_or_address!r} in {self.folder} (there: {known})"
        ).with_hint(Hint.NEW_ACCOUNT)

    def unlock(self, name_or_address: str, password: str) -> LocalAccount:
        """Decrypt a key, to sign with.

        Raises:
            UnknownAccount: no such account.
            WrongPassword: the password does not open it.
            KeystoreError: the file is damaged.
        """
        stored = self.find(name_or_address)
        account = _decrypt(stored.path, _read(stored.path), password)
        if account.address != stored.address:
            raise KeystoreError(
                f"{stored.path} says it holds {stored.address}, but its key is of "
                f"{account.address}; restore the file from a backup"
            )
        return account

    def _store(self, name: str, account: LocalAccount, password: str) -> StoredAccount:
        if not _NAME.fullmatch(name):
            raise KeystoreError(
                f"{name!r} cannot name an account: use up to 64 letters, digits, '.', '_' or '-'"
            )
        if not password:
            raise KeystoreError("the password is empty; a keystore needs one")
        path = self.folder / f"{name}.json"
        if path.exists():
            raise KeystoreError(f"there is already an account {name!r} at {path}; choose a name")
        for other in self:
            if other.address == account.address:
                raise KeystoreError(f"{account.address} is already stored as {other.name!r}")
        document = Account.encrypt(account.key, password, kdf="scrypt", iterations=self._scrypt_n)
        try:
            write_atomically(path, json.dumps(document), mode=0o600)
        except OSError as error:
            raise KeystoreError(f"cannot write {path}: {error.strerror}") from error
        return StoredAccount(name, account.address, path)

    @staticmethod
    def _address(path: Path, document: dict[str, Any]) -> str:
        address = document.get("address")
        if not isinstance(address, str) or not is_address(address):
            raise KeystoreError(f"{path} names no address; it is no V3 keystore, move it away")
        return to_checksum_address(address)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_KEYSTORE_BYTES:
            raise KeystoreError(f"{path} is too large for a keystore")
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise KeystoreError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise KeystoreError(f"{path} is not JSON; restore it from a backup") from error
    if not isinstance(document, dict):
        raise KeystoreError(f"{path} is no V3 keystore")
    return document


def _decrypt(path: Path, document: dict[str, Any], password: str) -> LocalAccount:
    _check_cost(path, document)
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(document, password))
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        if "MAC mismatch" in str(error):
            raise WrongPassword(f"the password does not open {path}") from error
        raise KeystoreError(f"{path} is damaged or no V3 keystore: {error}") from error
    return account


def _check_cost(path: Path, document: dict[str, Any]) -> None:
    """Refuse key derivation parameters that would take more than a gigabyte."""
    crypto = document.get("crypto", document.get("Crypto"))
    parameters = crypto.get("kdfparams", {}) if isinstance(crypto, dict) else {}
    n, r = (parameters.get(key, 1) if isinstance(parameters, dict) else 1 for key in ("n", "r"))
    iterations = parameters.get("c", 1) if isinstance(parameters, dict) else 1
    numbers = [n, r, iterations]
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        raise KeystoreError(f"{path} has unreadable key derivation parameters")
    if 128 * n * r > _MOST_SCRYPT_MEMORY or iterations > 10_000_000:
        raise KeystoreError(f"{path} asks for too costly a key derivation (n={n}, r={r})")
