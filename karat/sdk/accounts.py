"""The accounts of this machine: encrypted keys by name, and a devnet's public ones."""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from eth_account.signers.local import LocalAccount

from chain.devnet.accounts import dev_accounts, require_devnet
from chain.devnet.local_network import DEPLOYER_SEED
from chain.errors import ProfileError
from chain.evm.accounts import Keystore
from chain.evm.addresses import checked_address
from chain.ledger.profiles import Profile, load_profile
from karat.config import Settings, read_password_file
from karat.errors import ConfigError, Hint
from karat.sdk.documents import (
    AccountList,
    AccountRemoved,
    AccountRenamed,
    NewAccount,
    PasswordChanged,
    SkippedFile,
    StoredAccount,
)

PASSWORD_VARIABLE = "KARAT_PASSWORD"  # noqa: S105 - the variable's name
DEV_PREFIX = "dev:"
_MOST_DEV = 999
_NAMED_DEV = 32  # whose addresses are shown with their names

Ask = Callable[[str, bool], str]
"""Asks a person for a password: the question, and whether to have it typed twice."""


class Accounts:
    """The keystore, and the one account that acts."""

    def __init__(
        self,
        settings: Settings,
        profile: Callable[[], Profile] | None = None,
        *,
        account: LocalAccount | None = None,
        password: str | None = None,
        ask: Ask | None = None,
    ) -> None:
        """Choose who acts.

        Args:
            settings: name the keystore, the account and the file with its password.
            profile: finds that of the network, where ``dev:N`` may be named; the settings' if None.
            account: an unlocked key, in place of the one that the settings name.
            password: of the key; else the password file's, ``KARAT_PASSWORD``'s, or what ``ask``
                returns.
            ask: asks a person.
        """
        self._settings = settings
        self._profile = profile or (lambda: load_profile(settings.network))
        self._unlocked, self._password, self._ask = account, password, ask

    @cached_property
    def keystore(self) -> Keystore:
        """The encrypted keys."""
        return Keystore(self._settings.keystore)

    @cached_property
    def address(self) -> str:
        """The address of the account that acts; opens no key.

        Raises:
            ConfigError: none is chosen.
            UnknownAccount: there is no such account.
        """
        if self._unlocked is not None:
            return str(self._unlocked.address)
        name = self._name
        if name.startswith(DEV_PREFIX):
            return str(self.development(name).address)
        return self.keystore.find(name).address

    @cached_property
    def unlocked(self) -> LocalAccount:
        """The account that acts, unlocked.

        Raises:
            ConfigError: none is chosen, or there is no password.
            KeystoreError: the key cannot be opened.
        """
        if self._unlocked is not None:
            return self._unlocked
        name = self._name
        if name.startswith(DEV_PREFIX):
            return self.development(name)
        stored = self.keystore.find(name)
        return self.keystore.unlock(name, self.password(f"Password of {stored.name}"))

    def address_of(self, name: str) -> str:
        """The address of an account that is named: stored here, ``dev:N``, or an address itself.

        Raises:
            BadAddress: it begins as an address, and is none or mistyped.
            UnknownAccount: there is no such account.
        """
        if name.startswith(DEV_PREFIX):
            return str(self.development(name).address)
        if name.startswith("0x"):
            return checked_address(name)
        return self.keystore.find(name).address

    @cached_property
    def names(self) -> dict[str, str]:
        """The stored accounts' names by address, and on a devnet the first public keys'."""
        return {**self._development_names(), **{one.address: one.name for one in self.keystore}}

    def _development_names(self) -> dict[str, str]:
        try:
            if not self._profile().is_devnet:
                return {}
        except ProfileError:  # no network, as when a file of edges is looked at
            return {}
        keys = dev_accounts(DEPLOYER_SEED, _NAMED_DEV)
        return {str(key.address): f"{DEV_PREFIX}{at}" for at, key in enumerate(keys)}

    def development(self, name: str) -> LocalAccount:
        """The public development key ``dev:N``.

        Raises:
            ConfigError: it is not of that form.
            KeystoreError: the network is a live one.
        """
        digits = name.removeprefix(DEV_PREFIX)
        if not digits.isdigit() or int(digits) > _MOST_DEV:
            raise ConfigError(f"{name!r} is no development account: write dev:0 to dev:{_MOST_DEV}")
        require_devnet(self._profile())
        return dev_accounts(DEPLOYER_SEED, int(digits) + 1)[int(digits)]

    def password(self, question: str, *, confirm: bool = False) -> str:
        """The password that was given, the password file's, the environment's, or a person's.

        Raises:
            ConfigError: there is none, and nobody can be asked.
        """
        if self._password is not None:
            return self._password
        if self._settings.password_file is not None:
            return read_password_file(self._settings.password_file)
        if PASSWORD_VARIABLE in os.environ:
            return os.environ[PASSWORD_VARIABLE]
        if self._ask is None:
            raise ConfigError(
                f"a password is needed: name a file that holds it (KARAT_PASSWORD_FILE), set "
                f"{PASSWORD_VARIABLE}, or be there to type it"
            )
        return self._ask(question, confirm)

    # --- keys ----------------------------------------------------------------------------------

    def stored(self) -> AccountList:
        """The accounts in the keystore, and the files beside them that cannot be used."""
        entries = [
            StoredAccount(name=one.name, address=one.address, path=str(one.path))
            for one in self.keystore
        ]
        skipped = [
            SkippedFile(path=str(one.path), reason=one.reason) for one in self.keystore.skipped()
        ]
        return AccountList(folder=str(self.keystore.folder), accounts=entries, skipped=skipped)

    def new(self, name: str) -> NewAccount:
        """Make a new random key; raises KeystoreError, or ConfigError for want of a password."""
        made = self.keystore.new(name, self._new_password(name))
        return NewAccount(name=made.name, address=made.address, path=str(made.path), funded=False)

    def import_key(self, name: str, key: bytes) -> NewAccount:
        """Store a raw key of 32 bytes; raises as :meth:`new`."""
        made = self.keystore.import_key(name, key, self._new_password(name))
        return NewAccount(name=made.name, address=made.address, path=str(made.path), funded=False)

    def import_file(self, name: str, file: Path, file_password: str) -> NewAccount:
        """Store the key of another wallet's V3 file; raises as :meth:`new`."""
        password = self._new_password(name)
        made = self.keystore.import_file(name, file, file_password, password)
        return NewAccount(name=made.name, address=made.address, path=str(made.path), funded=False)

    def change_password(self, name: str, new: str | None = None) -> PasswordChanged:
        """Encrypt a key anew, with ``new`` or what a person types.

        Raises:
            ConfigError: one of both passwords is missing.
            KeystoreError: the key cannot be opened or written, or the new password is empty.
            UnknownAccount: there is no such account.
        """
        stored = self.keystore.find(name)
        old = self.password(f"Password of {stored.name}")
        if new is None and self._ask is None:
            raise ConfigError("the new password is needed: name a file that holds it")
        if new is None and self._ask is not None:
            new = self._ask(f"New password for {stored.name}", True)
        made = self.keystore.change_password(name, old, new or "")
        return PasswordChanged(name=made.name, address=made.address, path=str(made.path))

    def rename(self, name: str, to: str) -> AccountRenamed:
        """Call an account otherwise; raises KeystoreError if the name is taken or not usable."""
        before = self.keystore.find(name).name
        made = self.keystore.rename(name, to)
        return AccountRenamed(
            name=made.name, address=made.address, path=str(made.path), before=before
        )

    def remove(self, name: str) -> AccountRemoved:
        """Delete a key for good, which only its password allows; raises as :attr:`unlocked`."""
        stored = self.keystore.find(name)
        gone = self.keystore.remove(name, self.password(f"Password of {stored.name}"))
        return AccountRemoved(name=gone.name, address=gone.address, path=str(gone.path))

    def _new_password(self, name: str) -> str:
        return self.password(f"New password for {name}", confirm=True)

    @property
    def _name(self) -> str:
        if self._settings.account is not None:
            return self._settings.account
        stored = list(self.keystore)
        if len(stored) == 1:
            return stored[0].name
        known = ", ".join(account.name for account in stored) or "none yet"
        raise ConfigError(
            f"which account? Name one (--account, KARAT_ACCOUNT; stored: {known})"
        ).with_hint(Hint.NEW_ACCOUNT)
