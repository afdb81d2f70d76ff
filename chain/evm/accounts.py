"""Keys: encrypted V3 keystores.

A keystore is one file ``NAME.json`` of mode 0600 in a folder, in the Web3 Secret Storage format
(version 3, scrypt) that Geth and other wallets read. Files as Geth names them (``UTC--…``) may lie
beside them; whatever else lies there disables no account.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address, to_checksum_address

from chain.errors import Hint, KeystoreError, UnknownAccount
from chain.evm.secret_storage import decrypt, read_document, stated_address
from chain.folders import config_dir, write_atomically

SCRYPT_N = 2**18  # about a second to open; tests use less
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GETH = "UTC--"  # how the names of Geth's files begin


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A key on disk, without its secret."""

    name: str
    address: str
    path: Path


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file in a keystore's folder that is no account, and why."""

    path: Path
    reason: str


class Keystore:
    """The encrypted keys in one folder; by default ``keystore`` in the user's configuration."""

    def __init__(self, folder: Path | None = None, *, scrypt_n: int = SCRYPT_N) -> None:
        self.folder = config_dir() / "keystore" if folder is None else folder
        self._scrypt_n = scrypt_n

    def __iter__(self) -> Iterator[StoredAccount]:
        return (entry for entry in self._entries() if isinstance(entry, StoredAccount))

    def skipped(self) -> list[SkippedFile]:
        """The files in the folder that look like keys and cannot be used, for a warning."""
        return [entry for entry in self._entries() if isinstance(entry, SkippedFile)]

    def _entries(self) -> Iterator[StoredAccount | SkippedFile]:
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.iterdir()):
            of_geth = path.name.startswith(_GETH)
            if path.name.startswith(".") or not (of_geth or path.suffix == ".json"):
                continue
            try:
                address = stated_address(path, read_document(path))
            except KeystoreError as error:
                yield SkippedFile(path, str(error))
                continue
            if address is None:
                yield SkippedFile(path, f"{path} states no address; import it, or move it away")
            else:
                yield StoredAccount(path.name if of_geth else path.stem, address, path)

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
        document = read_document(path)
        return self._store(name, decrypt(path, document, file_password), password)

    def find(self, name_or_address: str) -> StoredAccount:
        """The account with this name or address.

        Raises:
            UnknownAccount: there is none; the message lists those there are.
            KeystoreError: its file is damaged.
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
        for entry in self.skipped():
            if entry.path.stem == name_or_address:
                raise KeystoreError(entry.reason)
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
        return decrypt(stored.path, read_document(stored.path), password)

    def change_password(self, name_or_address: str, old: str, new: str) -> StoredAccount:
        """Encrypt a key anew; raises like :meth:`unlock` and :meth:`new`."""
        stored = self.find(name_or_address)
        account = decrypt(stored.path, read_document(stored.path), old)
        self._write(stored.path, account, new)
        return stored

    def rename(self, name_or_address: str, name: str) -> StoredAccount:
        """Call a key otherwise; raises like :meth:`find` and :meth:`new`."""
        stored = self.find(name_or_address)
        path = self._free_path(name)
        try:
            stored.path.rename(path)
        except OSError as error:
            raise KeystoreError(f"cannot rename {stored.path}: {error.strerror}") from error
        return replace(stored, name=name, path=path)

    def remove(self, name_or_address: str, password: str) -> StoredAccount:
        """Delete a key for good: only who can open it may; raises like :meth:`unlock`."""
        stored = self.find(name_or_address)
        decrypt(stored.path, read_document(stored.path), password)
        try:
            stored.path.unlink()
        except OSError as error:
            raise KeystoreError(f"cannot remove {stored.path}: {error.strerror}") from error
        return stored

    def _store(self, name: str, account: LocalAccount, password: str) -> StoredAccount:
        path = self._free_path(name)
        for other in self:
            if other.address == account.address:
                raise KeystoreError(f"{account.address} is already stored as {other.name!r}")
        self._write(path, account, password)
        return StoredAccount(name, account.address, path)

    def _free_path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeystoreError(
                f"{name!r} cannot name an account: use up to 64 letters, digits, '.', '_' or '-'"
            )
        path = self.folder / f"{name}.json"
        if path.exists():
            raise KeystoreError(f"there is already an account {name!r} at {path}; choose a name")
        return path

    def _write(self, path: Path, account: LocalAccount, password: str) -> None:
        if not password:
            raise KeystoreError("the password is empty; a keystore needs one")
        document = Account.encrypt(account.key, password, kdf="scrypt", iterations=self._scrypt_n)
        try:
            write_atomically(path, json.dumps(document), mode=0o600)
        except OSError as error:
            raise KeystoreError(f"cannot write {path}: {error.strerror}") from error
