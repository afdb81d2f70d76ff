"""A member's key of its task's sealed hold-out: kept on this machine, asked for, passed on."""

from pathlib import Path

from eth_account.signers.local import LocalAccount

from chain.evm.abi import Call
from chain.folders import data_dir, read_small_text, write_atomically
from chain.ledger.client import Ledger
from karat.protocol.holdout_keys import (
    EVERYBODY,
    Recipient,
    deliveries,
    delivery,
    is_due,
    requests,
)
from karat.protocol.state import TaskState
from learning.tasks.sealing import KEY_BYTES, SealedHoldout

_MOST_REQUESTS = 3  # whoever answers junk three times is no help


class HoldoutKeys:
    """One account's part in giving out the key of one hold-out.

    Args:
        ledger: where the task's messages are.
        account: the sponsor, or a verifier.
        digest: of the hold-out's file, 32 bytes.
        holdout: which the key opens.
    """

    def __init__(
        self, ledger: Ledger, account: LocalAccount, digest: bytes, holdout: SealedHoldout
    ) -> None:
        self._ledger, self._address = ledger, str(account.address)
        self._recipient = Recipient(bytes(account.key))
        self._digest, self._holdout = digest, holdout
        self._key: bytes | None = None

    def key(self, task: TaskState) -> bytes | None:
        """The key, if it is on this machine or was delivered; it is kept from then on."""
        if self._key is None:
            self._key = kept_key(self._digest, self._holdout) or self._delivered(task)
        return self._key

    def due(self, task: TaskState) -> list[Call[None]]:
        """What to post now: a request for the key, or deliveries of it."""
        key = self.key(task)
        if key is None:
            request = self._ledger.post_message(task.task_id, EVERYBODY, self._recipient.request())
            return [request] if self._should_ask(task) else []
        calls = []
        for asked in requests(task):
            if is_due(task, asked, self._address):
                message = delivery(key, asked.public, self._digest)
                if message is not None:
                    to = asked.verifier
                    calls.append(self._ledger.post_message(task.task_id, to, message))
        return calls

    def _delivered(self, task: TaskState) -> bytes | None:
        for message in deliveries(task, self._address):
            key = self._recipient.opened(message, self._digest)
            if key is not None and self._holdout.is_opened_by(key):
                keep_key(self._digest, key)
                return key
        return None

    def _should_ask(self, task: TaskState) -> bool:
        """At first, and again when all that came since is of no use."""
        mine = task.messages.get((self._address, EVERYBODY))
        if mine is None or mine.content != self._recipient.request():
            return True
        came = [one.block for (_, to), one in task.messages.items() if to == self._address]
        return bool(came) and max(came) > mine.block and mine.count < _MOST_REQUESTS


def keep_key(digest: bytes, key: bytes) -> None:
    """Keep a hold-out's key on this machine."""
    write_atomically(_path(digest), key.hex() + "\n")


def kept_key(digest: bytes, holdout: SealedHoldout) -> bytes | None:
    """The key that is kept here, if it opens the hold-out."""
    try:
        key = bytes.fromhex(read_small_text(_path(digest), 256))
    except (OSError, ValueError):
        return None
    return key if len(key) == KEY_BYTES and holdout.is_opened_by(key) else None


def _path(digest: bytes) -> Path:
    return data_dir() / "holdout-keys" / f"{digest.hex()}.key"
