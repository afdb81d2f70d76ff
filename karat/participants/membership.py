"""Becoming a member of a task, staying one, and leaving: what trainers and verifiers share.

Every function returns the calls that do it, in order.
"""

from typing import Any

from chain.evm.abi import Call
from chain.ledger.bindings.structs import Member
from chain.ledger.client import Ledger, Token
from karat.errors import ConfigError, Hint, NotAvailable
from karat.money import Money
from karat.participants.trainer.records import Records
from karat.protocol.rules import required_stake


def deposit(ledger: Ledger, token: Token, owner: str, amount: int) -> list[Call[Any]]:
    """The approval that the ledger needs to take ``amount`` base units; none if it has one.

    Raises:
        ConfigError: the owner has not enough.
    """
    balance = token.balance_of(owner)
    if balance < amount:
        money = Money.of(token)
        raise ConfigError(f"{owner} has {money.show(balance)}, but {money.show(amount)} are needed")
    if token.allowance(owner, ledger.address) >= amount:
        return []
    return [token.approve(ledger.address, amount)]


def join(
    ledger: Ledger, token: Token, task_id: int, rules: bytes, role: str, owner: str, stake: int
) -> list[Call[Any]]:
    """What joins a task as a trainer or a verifier; raises as :func:`deposit`.

    ``rules`` is the hash of those that were read (:func:`~chain.ledger.commitments.rules_hash`).
    """
    joining = ledger.join_trainer if role == "trainer" else ledger.join_verifier
    return [*deposit(ledger, token, owner, stake), joining(task_id, rules, stake)]


def top_up(
    ledger: Ledger, token: Token, task_id: int, rules: bytes, owner: str, amount: int
) -> list[Call[Any]]:
    """What adds to a stake; ``rules`` as for :func:`join`; raises as :func:`deposit`."""
    return [*deposit(ledger, token, owner, amount), ledger.top_up(task_id, rules, owner, amount)]


def lacking_stake(ledger: Ledger, task_id: int, member: Member, role: str, money: Money) -> int:
    """What a member's stake lacks of what the task requires, in base units.

    Raises:
        NotAvailable: it lacks nothing.
    """
    needed = required_stake(ledger.task_params(task_id), role, member.weight)
    if needed <= member.stake:
        raise NotAvailable(
            f"the stake is {money.show(member.stake)}, and {money.show(needed)} are needed: "
            "name an amount to add to it"
        )
    return needed - member.stake


def member_as(ledger: Ledger, task_id: int, address: str, role: str) -> Member:
    """An account's membership of a task.

    Raises:
        NotAvailable: it has no such role there.
    """
    member = ledger.member(task_id, address)
    if member.role.name.lower() != role:
        raise NotAvailable(f"{address} is no {role} of task {task_id}").with_hint(
            Hint.JOIN, task=task_id, role=role
        )
    return member


def leave(ledger: Ledger, task_id: int, address: str, now: int) -> list[Call[Any]]:
    """What asks to leave, or, once the cool-down is over, claims what is owed and leaves.

    Args:
        ledger: where the task is.
        task_id: the task.
        address: the member.
        now: the chain's time, in seconds.

    Raises:
        NotAvailable: the cool-down is not over.
    """
    leave_at = ledger.member(task_id, address).leave_at
    if now < leave_at:
        raise NotAvailable(
            f"the cool-down of {address} in task {task_id} ends in {leave_at - now} s"
        )
    if leave_at == 0:
        return [ledger.request_leave(task_id)]
    claims = Records(ledger, task_id, address).claims()
    return [ledger.batch([*claims, ledger.leave(task_id)])]
