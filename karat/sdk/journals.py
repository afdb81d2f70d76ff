"""Moving a member's journal to another machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from karat.participants.journal import journal_folder
from karat.participants.journal_archive import Owner, export_journal, import_journal
from karat.sdk.documents import JournalExported, JournalImported

if TYPE_CHECKING:
    from karat.sdk.network import Network

Role = Literal["trainer", "verifier"]


class _Fields(TypedDict):
    """What both documents begin with."""

    task: int
    role: str
    account: str
    path: str


class Journal:
    """What the network's account has journalled as a member of one task on this machine."""

    def __init__(self, network: "Network", task_id: int, role: Role) -> None:
        ledger, address = network.ledger, network.address
        self._folder = journal_folder(role, ledger, task_id, address)
        self._owner = Owner(
            role=role,
            chain_id=int(ledger.web3.eth.chain_id),
            ledger=ledger.address,
            task=task_id,
            account=address,
        )

    def save_as(self, path: Path | str) -> JournalExported:
        """Write it to a file; the daemon must have ended, for good on this machine.

        Raises:
            ConfigError: there is such a file, or nothing in the journal.
            LockBusy: the daemon runs.
        """
        manifest = export_journal(self._folder, self._owner, Path(path))
        return JournalExported(
            **self._fields(path),
            entries=len(manifest.entries),
            size=sum(entry.size for entry in manifest.entries),
        )

    def add_from(self, path: Path | str) -> JournalImported:
        """Add what a file holds that was exported on another machine; nothing is written over.

        Raises:
            ConfigError: it cannot be read, or is another member's.
            LockBusy: the daemon runs.
            ProtocolError: it is damaged, or contradicts what is here.
        """
        added = import_journal(self._folder, self._owner, Path(path))
        return JournalImported(**self._fields(path), added=added)

    def _fields(self, path: Path | str) -> _Fields:
        owner = self._owner
        return {
            "task": owner.task,
            "role": owner.role,
            "account": owner.account,
            "path": str(path),
        }
