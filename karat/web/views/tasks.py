"""The network, its tasks, and how a task's rounds went."""

from typing import Any, cast

from chain.evm.abi import Position
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.ledger_events import TaskCreated
from chain.ledger.bindings.structs import RoundView
from karat import __version__
from karat.protocol.content import Content
from karat.protocol.rules import phase_name, verdict_name
from karat.text import clean
from karat.web import schemas
from karat.web.book import TaskBook
from karat.web.facts import State
from karat.web.parameters import Paged, TaskPage, TaskPath
from karat.web.site import Site, anchor_of
from learning.score_codes import ZERO_SCORE

_RULES = frozenset(schemas.Rules.model_fields)
_AMOUNTS = frozenset({"trainer_stake", "verifier_stake", "appeal_bond"})


def status(site: Site) -> schemas.Status:
    """The network, and how up to date this page is."""
    head = site.follower.head
    return schemas.Status(
        network=clean(site.name, 64),
        chain_id=site.chain_id,
        ledger=site.network.ledger.address,
        anchor=anchor_of(site.network),
        store="ipfs" if site.store_kind == "ipfs" else "local",
        software=__version__,
        version=str(head.version),
        block=max(head.block, 0),
        indexed=max(head.indexed, 0),
        time=head.time,
        now=site.now,
        tasks=len(site.follower.tasks),
        trouble=None if head.trouble is None else clean(head.trouble),
    )


def tasks(site: Site, page: Paged) -> schemas.TaskList:
    """All tasks, newest first."""
    created = site.follower.tasks[::-1]
    shown = created[page.offset : page.offset + page.limit]
    items = [schemas.TaskSummary(**_summary(site, event)) for event in shown]
    return schemas.TaskList(
        total=len(created),
        offset=page.offset,
        computing=any(item.computing for item in items),
        items=items,
    )


def task(site: Site, wanted: TaskPath) -> schemas.Task:
    """One task with its rules."""
    book = site.follower.book(wanted.task)
    created = site.follower.tasks[wanted.task - 1]
    params = created.params
    found = site.library.specification(params.spec_digest)
    rules: dict[str, Any] = {
        name: str(getattr(params, name)) if name in _AMOUNTS else getattr(params, name)
        for name in _RULES
    }
    with site.follower.lock:
        members = list(book.history.members.values())
        staked, earned = sum(m.stake for m in members), sum(m.earned for m in members)
        slashed, updates = sum(m.slashed for m in members), sum(m.updates for m in members)
        epochs = len(book.history.anchored)
        rounds = book.history.rounds.items()
        latest = max((n for n, past in rounds if past.next_model is not None), default=0)
    return schemas.Task(
        **_summary(site, created),
        rules=schemas.Rules(**rules),
        specification=cid(params.spec_digest, 0),
        first_model=cid(params.model_digest, params.model_size),
        model=found.value.model if found.state == "read" else None,
        data=found.value.data_kind if found.state == "read" else None,
        contract=found.value.contract if found.state == "read" else {},
        created=place(created.at),
        latest=latest,
        note=found.note,
        staked=str(staked),
        earned=str(earned),
        slashed=str(slashed),
        updates=updates,
        epochs=epochs,
    )


def _summary(site: Site, created: TaskCreated) -> dict[str, Any]:
    params, task_id = created.params, created.task_id
    book, state = site.follower.book(task_id), state_of(site, task_id)
    found = site.library.specification(params.spec_digest)
    unit = site.facts.unit(params.token)
    with site.follower.lock:
        round_ = max(book.rounds, default=0)
        roles = [member.role for member in book.history.members.values() if not member.left]
        closed = book.history.closed
    ended = state is not None and state.phase in {Phase.FINAL, Phase.VOID}
    over = ended and round_ >= params.max_rounds
    return {
        "task": task_id,
        "name": found.value.name if found.state == "read" else None,
        "sponsor": created.sponsor,
        "sponsor_name": site.names.get(created.sponsor),
        "state": "closed" if closed else "over" if over else "open",
        "round": round_,
        "rounds": params.max_rounds,
        "phase": None if state is None else phase_name(state.phase),
        "ends": None if state is None else phase_end(state.phase, state.info),
        "escrow": None if state is None else str(state.task.escrow),
        "trainer_budget": str(params.trainer_budget),
        "verifier_budget": str(params.verifier_budget),
        "computing": found.state == "pending",
        "trainers": roles.count("trainer"),
        "verifiers": roles.count("verifier"),
        "token": schemas.Token(address=params.token, symbol=unit.symbol, decimals=unit.decimals),
    }


def rounds(site: Site, wanted: TaskPage) -> schemas.RoundList:
    """A task's rounds, newest first."""
    book, state = site.follower.book(wanted.task), state_of(site, wanted.task)
    with site.follower.lock:
        numbers = sorted(book.rounds, reverse=True)
        shown = numbers[wanted.offset : wanted.offset + wanted.limit]
        items = [schemas.RoundSummary(**summary_of_round(book, number, state)) for number in shown]
    return schemas.RoundList(total=len(numbers), offset=wanted.offset, items=items)


def progress(site: Site, wanted: TaskPath) -> schemas.Progress:
    """Loss and accuracy of the model by round."""
    return site.progresses.progress(site.follower.book(wanted.task))


def state_of(site: Site, task_id: int) -> State | None:
    """A task's state at the block that was seen last."""
    head = site.follower.head
    return site.facts.state(task_id, (head.version, head.block))


def summary_of_round(book: TaskBook, number: int, state: State | None) -> dict[str, Any]:
    """What lists say of a round; the book's lock is held."""
    past = book.history.rounds[number]
    verdicts: dict[str, int] = {}
    for code in past.medians:
        name = verdict_name(code)
        verdicts[name] = verdicts.get(name, 0) + 1
    return {
        "round": number,
        "outcome": past.outcome.value,
        "phase": phase_of(book, number, state),
        "committed": len(past.commits),
        "revealed": len(past.updates),
        "verdicts": verdicts,
        "paid": sum(code > ZERO_SCORE for code in past.medians),
        "trainer_rewards": str(sum(past.claimed.values())),
        "verifier_rewards": str(sum(past.verifier_rewards.values())),
        "slashed": str(sum(past.slashes.values())),
    }


def phase_of(book: TaskBook, number: int, state: State | None) -> schemas.Phase:
    """The phase of a round: of the current one what the ledger says, if it was asked."""
    if state is not None and number == state.task.current_round:
        return cast("schemas.Phase", phase_name(state.phase))
    outcomes: dict[str, schemas.Phase] = {"settled": "final", "void": "void", "open": "none"}
    return outcomes[book.history.rounds[number].outcome.value]


def phase_end(phase: Phase, info: RoundView | None) -> int | None:
    """When a phase ends by itself, in seconds; None if it waits for somebody."""
    if info is None:
        return None
    ends = {
        Phase.COMMIT: info.commit_deadline,
        Phase.REVEAL: info.reveal_deadline,
        Phase.SCORE_COMMIT: info.score_commit_deadline,
        Phase.SCORE_REVEAL: info.score_reveal_deadline,
        Phase.APPEAL: info.final_at,
    }
    return ends.get(phase) or None


def verdict_of(code: int) -> schemas.Verdict:
    """The verdict that a code stands for."""
    return cast("schemas.Verdict", verdict_name(code))


def cid(digest: bytes, size: int) -> str:
    """The CID of content on the chain."""
    return str(Content(digest, size).cid)


def place(at: Position) -> schemas.Place:
    """Where on the chain an event is."""
    return schemas.Place(block=at.block_number, transaction="0x" + bytes(at.transaction_hash).hex())
