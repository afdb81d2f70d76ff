"""Whether a daemon's member may act: what it has at stake, and how it comes back after a slash."""

import time
from functools import cached_property
from typing import Any

from chain.ledger.bindings.enums import Role
from chain.ledger.bindings.structs import Member
from chain.ledger.client import Ledger, Token
from karat.errors import ConfigError
from karat.money import Money
from karat.participants.daemon.follow import Following
from karat.participants.daemon.outbox import Outbox
from karat.participants.membership import top_up, with_margin
from karat.protocol.rules import required_stake

_AGAIN = 30.0  # seconds until a member that is suspended is looked at again


class Standing:
    """Looks at a member when a phase ends, and tops its stake up as far as it may.

    Args:
        following: the task.
        outbox: of the member.
        role: what the member is.
        most: base units; what may be added to the stake over the whole task, by whoever adds it.
    """

    def __init__(
        self, ledger: Ledger, following: Following, outbox: Outbox, role: Role, most: int = 0
    ) -> None:
        self._ledger, self._following, self._outbox = ledger, following, outbox
        self._role, self._most = role, most
        self._seen: object = None
        self._again: float | None = None

    def look(self, where: object) -> None:
        """Look at the member, if ``where`` (round and phase) is new, or it was suspended.

        Raises:
            TransactionError: its stake could not be topped up.
        """
        waiting = self._again is not None and time.monotonic() >= self._again
        if where == self._seen and not waiting:
            return
        task_id, address = self._task_id, self._outbox.address
        member = self._ledger.member(task_id, address)
        if member.role is not self._role:
            return
        params: Any = self._following.task().history.params
        lacking = required_stake(params, self._role.name.lower(), member.weight) - member.stake
        is_short = lacking > 0 and not member.leave_at
        if is_short and self._top_up(lacking, member.stake + lacking):
            member, is_short = self._ledger.member(task_id, address), False
        if not is_short or self._again is None or waiting:
            self._tell(member, lacking if is_short else None)
            self._again = time.monotonic() + _AGAIN if is_short else None
        self._seen = where

    @property
    def is_short(self) -> bool:
        """Whether its stake was too low when it was last looked at."""
        return self._again is not None

    def look_again(self) -> None:
        """Look at the member with the next step."""
        self._seen = None

    @cached_property
    def _task_id(self) -> int:
        return self._following.task().history.task_id

    @cached_property
    def _token(self) -> Token:
        return Token(self._ledger.web3, self._following.task().history.params.token)

    @cached_property
    def _money(self) -> Money:
        return Money.told_by(self._token)

    def _top_up(self, lacking: int, needed: int) -> bool:
        """Add what is lacking, and a margin if that is allowed too; whether it was done."""
        history = self._following.task().history
        account = history.account(self._outbox.address)
        left = self._most - account.topped_up
        if left < lacking:
            return False
        amount = min(left, lacking + with_margin(needed) - needed)
        if self._token.balance_of(self._outbox.address) < amount:
            amount = lacking
        try:
            agreed, address = history.rules_hash, self._outbox.address
            calls = top_up(self._ledger, self._token, self._task_id, agreed, address, amount)
        except ConfigError as error:  # it has not enough
            self._outbox.log.error("cannot top the stake up", reason=str(error))
            return False
        self._outbox.send(calls)
        self._outbox.log.warning("topped the stake up", amount=self._money.show(amount))
        return True

    def _tell(self, member: Member, lacking: int | None) -> None:
        outbox, unit = self._outbox, 10**self._money.decimals
        ether: Any = outbox.sender.web3.eth.get_balance(outbox.address)  # type: ignore[arg-type]
        outbox.metrics.has(member.stake / unit, member.balance / unit, ether / 10**18)
        outbox.metrics.suspended(lacking is not None)
        if lacking is not None:
            role = self._role.name.lower()
            outbox.log.error(
                "suspended: the stake is too low to act",
                stake=self._money.show(member.stake),
                lacking=self._money.show(lacking),
                fix=f"karat {role} top-up {self._task_id}, or run with --max-top-up",
            )
