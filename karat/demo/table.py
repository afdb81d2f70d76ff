"""The demo's result for people: tables on the terminal, drawn with Rich."""

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
    table = Table(title="Participants", title_justify="left")
    for name in ("participant", "role", "verdicts"):
        table.add_column(name)
    for name in ("score", "reward", "slashed", "reputation"):
        table.add_column(name, justify="right")
    for participant in result.participants:
        table.add_row(*_row(participant, result), style=_style(participant))
    return table


def _row(p: ParticipantResult, result: DemoResult) -> tuple[str, ...]:
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in p.verdicts.items())
    score = "" if p.mean_score is None else f"{p.mean_score:+.3f}"
    decimals = int(result.token["decimals"])
    return (
        f"{p.name} {p.address[:8]}…",
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
    table = Table(title="Accuracy on the private test set", title_justify="left")
    table.add_column("round")
    for row in result.rounds:
        table.add_column(str(row.round), justify="right")
    table.add_row("Karat", *(f"{r.accuracy:.1%}" for r in result.rounds))
    table.add_row(
        "plain average of the same updates",
        *(f"{r.accuracy_plain_average:.1%}" for r in result.rounds),
    )
    return table


def _gas(result: DemoResult) -> Table:
    table = Table(title="Gas per transaction", title_justify="left")
    table.add_column("step")
    for name in ("count", "mean", "max"):
        table.add_column(name, justify="right")
    for step, use in result.gas.items():
        table.add_row(step, f"{use.count}", f"{use.mean:,.0f}", f"{use.max:,}")
    return table


def _close(result: DemoResult) -> Text:
    lines = [
        f"Attackers' share of the rewards: {result.attacker_reward_share:.2%}",
        f"Ledger: {result.conservation['paid_in']} paid in"
        f" = {result.conservation['accounted']} accounted for (base units)",
        f"Reputation root {result.anchor['root']} anchored;"
        f" one proof checked on chain: {result.anchor['proof_holds']}",
        f"{result.chain['kind']} chain {result.chain['chain_id']}, {result.store['kind']} store,"
        f" {result.seconds:.0f} s",
        *(f"{name}: {path}" for name, path in result.outputs.items()),
    ]
    return Text("\n".join(lines))
