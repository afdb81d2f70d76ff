"""``karat task``: a sponsor's work: create, fund, look at and close tasks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karat.cli.options import LOOK, SIGN, shared
from karat.cli.output import pairs, table
from karat.cli.session import Session

if TYPE_CHECKING:
    from chain.ledger.bindings.structs import TaskParams
    from karat.protocol.content import Content
    from learning.tasks import TaskSpec

task = typer.Typer(name="task", help="Create, fund and look at tasks.", no_args_is_help=True)

TaskArgument = Annotated[int, typer.Argument(metavar="TASK", min=1, help="Number of the task.")]


@task.command()
@shared(*LOOK, *SIGN)
def create(
    session: Session,
    spec: Annotated[Path, typer.Option("--spec", help="TOML file: see docs/cli.md.")],
) -> None:
    """Create a task, escrow its rewards and appoint its verifiers."""
    from chain.errors import ContractError, TransactionReverted
    from chain.ledger.bindings.ledger_events import TaskCreated
    from chain.ledger.client import Token
    from karat.errors import ConfigError
    from karat.money import Money
    from karat.participants.sponsor.taskfile import load_task_file

    file = load_task_file(spec)
    address = file.token or session.profile.token
    if address is None:
        raise ConfigError(f"{spec}: token: the network names none, so the file must")
    token = Token(session.connection.web3, address)
    try:
        money = Money.of(token)
    except (ContractError, TransactionReverted) as error:
        raise ConfigError(f"{spec}: token: there is no ERC-20 token at {address}") from error
    escrow = file.escrow(money)
    session.confirm(f"Escrow {money.show(escrow)} in a new task?")
    calls = session.deposit(token, escrow)
    params = file.params(token.address, money, *_publish(session, file.spec()))
    grants = file.grants(session.address_of)
    done = session.act([*calls, session.ledger.create_task(params, escrow, grants)])
    created = [
        event
        for receipt in done.receipts
        for event in session.ledger.events_in(receipt, TaskCreated)
    ]
    number = created[0].task_id if created else None
    document = {
        **done.document(),
        "task": number,
        "name": file.task,
        "escrow": escrow,
        "verifiers": [grant.verifier for grant in grants],
    }
    rounds = "1 round" if file.rounds == 1 else f"{file.rounds} rounds"
    said = [f"Task {number} is created: {money.show(escrow)} for {rounds}."]
    if done.dry_run:
        said = [f"would escrow {money.show(escrow)} for {rounds}", *done.lines()]
    session.show("karat.task.create/1", document, said)


def _publish(session: Session, spec: "TaskSpec") -> "tuple[Content, Content]":
    """Store specification and first model; in a dry run only compute their digests."""
    from karat.protocol.content import Content, publish
    from learning.training import initial_model

    files = (spec.to_bytes(), initial_model(spec).to_bytes())
    if session.options.dry_run:
        first, second = (Content.of(data) for data in files)
    else:
        first, second = (publish(session.store, data, owner=session.address) for data in files)
    return first, second


@task.command()
@shared(*LOOK)
def show(session: Session, number: TaskArgument) -> None:
    """Show a task: money, rules, members, rounds."""
    money, history = session.money(number), session.history(number)
    state, params = session.ledger.task(number), history.params
    document: dict[str, Any] = {
        "task": number,
        "sponsor": history.sponsor,
        "closed": state.closed,
        "round": state.current_round,
        "rounds": params.max_rounds,
        "escrow": state.escrow,
        "token": {"address": params.token, "symbol": money.symbol, "decimals": money.decimals},
        "trainers": history.trainers,
        "verifiers": [
            {"address": one.verifier, "weight": one.weight, "joined": one.verifier in joined}
            for joined in [set(history.verifiers)]
            for one in session.ledger.verifiers(number)
        ],
        "spec": _cid(params.spec_digest, 0),
        "model": _cid(state.base_digest, state.base_size),
        "params": _params(params),
    }
    shown = {
        "task": number,
        "sponsor": history.sponsor,
        "state": "closed" if state.closed else "open",
        "round": f"{state.current_round} of {params.max_rounds}",
        "escrow": money.show(state.escrow),
        "per round": f"{money.show(params.trainer_budget)} for trainers, "
        f"{money.show(params.verifier_budget)} for verifiers",
        "stakes": f"trainer {money.show(params.trainer_stake)}, "
        f"verifier {money.show(params.verifier_stake)}",
        "windows": f"commit {params.commit_window} s, reveal {params.reveal_window} s, score "
        f"{params.score_commit_window} + {params.score_reveal_window} s",
        "trainers": len(history.trainers),
        "verifiers": f"{len(history.verifiers)} of {len(document['verifiers'])} appointed joined",
        "specification": document["spec"],
        "model": document["model"],
    }
    session.show("karat.task/1", document, pairs(shown))


def _cid(digest: bytes, size: int) -> str:
    from karat.protocol.content import Content

    return str(Content(digest, size).cid)


def _params(params: "TaskParams") -> dict[str, Any]:
    values = {name: getattr(params, name) for name in params.NAMES}
    return {k: "0x" + v.hex() if isinstance(v, bytes) else v for k, v in values.items()}


@task.command(name="list")
@shared(*LOOK)
def list_(session: Session) -> None:
    """List all tasks of the network."""
    from chain.ledger.client import Token
    from karat.money import Money

    ledger, entries, rows = session.ledger, [], []
    units: dict[str, Money] = {}
    for number in range(1, ledger.task_count() + 1):
        state, params = ledger.task(number), ledger.task_params(number)
        if params.token not in units:
            units[params.token] = Money.of(Token(ledger.web3, params.token))
        entries.append(
            {
                "task": number,
                "sponsor": state.sponsor,
                "closed": state.closed,
                "round": state.current_round,
                "rounds": params.max_rounds,
                "trainers": state.trainers,
                "escrow": state.escrow,
            }
        )
        word = "closed" if state.closed else "open"
        progress = f"{state.current_round}/{params.max_rounds}"
        escrow = units[params.token].show(state.escrow)
        rows.append((number, word, progress, state.trainers, escrow, state.sponsor))
    header = ("task", "state", "round", "trainers", "escrow", "sponsor")
    if not rows:
        session.note("No task yet: `karat task create --spec FILE` makes one.")
    session.show("karat.task.list/1", {"tasks": entries}, table(header, rows) if rows else [])


@task.command()
@shared(*LOOK, *SIGN)
def top_up(
    session: Session,
    number: TaskArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In tokens.")],
) -> None:
    """Add to a task's escrow."""
    money, token = session.money(number), session.token(number)
    units = money.parse(amount)
    session.confirm(f"Pay {money.show(units)} into the escrow of task {number}?")
    done = session.act(
        [*session.deposit(token, units), session.ledger.fund(number, session.rules(number), units)]
    )
    escrow = session.ledger.task(number).escrow
    document = {**done.document(), "task": number, "amount": units, "escrow": escrow}
    said = f"The escrow of task {number} is now {money.show(escrow)}."
    session.show("karat.task.top-up/1", document, done.lines() if done.dry_run else [said])


@task.command()
@shared(*LOOK, *SIGN)
def close(session: Session, number: TaskArgument) -> None:
    """End a task and get the escrow back that nobody has earned; sponsor only."""
    money = session.money(number)
    escrow = session.ledger.task(number).escrow
    session.confirm(f"Close task {number} for good? {money.show(escrow)} come back.")
    done = session.act([session.ledger.close_task(number)])
    document = {**done.document(), "task": number, "amount": escrow}
    said = f"Task {number} is closed; {money.show(escrow)} came back."
    session.show("karat.task.close/1", document, done.lines() if done.dry_run else [said])
