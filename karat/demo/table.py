"""The demo's result for people: tables on the terminal, drawn with Rich."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from karat.demo.result import ATTACKER_ROLES, DemoResult, ParticipantResult


def render(result: DemoResult) -> RenderableType:
    """Everything a run shows at its end, as one Rich renderable."""
    return Group(
        _participants(result), Text(), _rounds(result), Text(), _gas(result), Text(), _close(result)
    )


def show(result: DemoResult, console: Console) -> None:
    """Print :func:`render` on ``console``."""
    console.print(render(result))


def _participants(result: DemoResult) -> Table:
    table = _table(
        "Participants",
        ("participant", "role", "verdicts"),
        ("score", "reward", "slashed", "reputation"),
    )
    for participant in result.participants:
        table.add_row(*_row(participant, result), style=_style(participant))
    return table


def _table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for name in texts:
        table.add_column(name, no_wrap=name != "verdicts")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _row(p: ParticipantResult, result: DemoResult) -> tuple[str, ...]:
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(p.verdicts.items()))
    score = "" if p.mean_score is None else f"{p.mean_score:+.3f}"
    decimals = int(result.token["decimals"])
    return (
        p.name,
        p.role,
        verdicts,
        score,
        _amount(p.reward, decimals),
        _amount(p.slashed, decimals),
        "" if p.role == "sponsor" else f"{p.reputation:+.4f}",
    )


def _style(participant: ParticipantResult) -> str:
    if participant.role in ATTACKER_ROLES:
        return "red"
    return "" if participant.role == "honest" else "dim"


def _amount(base_units: int, decimals: int) -> str:
    return f"{base_units / 10**decimals:,.2f}" if base_units else "–"


def _rounds(result: DemoResult) -> Table:
    numbers = [str(row.round) for row in result.rounds]
    table = _table("Accuracy on the private test set, by round", ("",), numbers)
    table.add_row("Karat", *(f"{r.accuracy:.1%}" for r in result.rounds))
    table.add_row(
        "a federation of plain averaging",
        *(f"{r.accuracy_plain_average:.1%}" for r in result.rounds),
    )
    return table


def _gas(result: DemoResult) -> Table:
    table = _table("Gas per transaction", ("step",), ("count", "mean", "max"))
    for step, use in result.gas.items():
        table.add_row(step, f"{use.count}", f"{use.mean:,.0f}", f"{use.max:,}")
    return table


def _close(result: DemoResult) -> Text:
    decimals = int(result.token["decimals"])
    paid_in = _amount(result.conservation["paid_in"], decimals)
    lines = [
        f"Attackers' share of the trainers' rewards: {result.attacker_reward_share:.2%}",
        f"Every token is accounted for: {paid_in} paid in = escrow + forfeited + stakes + rewards",
        f"Reputation root {result.anchor['root'][:18]}… is anchored; the contract checked a proof:"
        f" {'it holds' if result.anchor['proof_holds'] else 'IT DOES NOT HOLD'}",
        f"{result.chain['kind']}, chain {result.chain['chain_id']}; {result.store['kind']} store;"
        f" {result.seconds:.0f} s",
        *(f"{name}: {path}" for name, path in result.outputs.items()),
    ]
    return Text("\n".join(lines))
