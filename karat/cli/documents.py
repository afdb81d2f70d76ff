"""The documents that ``--json`` prints, by their ``schema``.

Amounts are integers in base units of the task's token, times are seconds since 1970, addresses
are checksummed. A document never loses a field within its version; it may gain some.
"""

from typing import Any

from typing_extensions import TypedDict


class Transaction(TypedDict):
    """One transaction; ``hash`` is null in a dry run, ``gas`` null where it cannot be known."""

    operation: str
    hash: str | None
    gas: int | None


class Sent(TypedDict):
    """What every command says that sends transactions."""

    schema: str
    dry_run: bool
    transactions: list[Transaction]


class NamedAddress(TypedDict):
    """An account."""

    name: str
    address: str


class Up(TypedDict):
    """``karat up``."""

    schema: str
    network: str
    node: str
    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    token: str | None
    is_new: bool
    accounts: list[NamedAddress]


class Down(TypedDict):
    """``karat down``."""

    schema: str
    network: str
    was_running: bool
    wiped: bool


class Status(TypedDict):
    """``karat status``."""

    schema: str
    network: str
    rpc_url: str
    chain_id: int
    ledger: str
    anchor: str | None
    token: str | None
    from_block: int
    block: int
    timestamp: int
    tasks: int
    node: str | None
    pid: int | None


class Finding(TypedDict):
    """One check of ``karat doctor``; ``status`` is ok, warning or failed."""

    name: str
    status: str
    found: str
    fix: str


class Doctor(TypedDict):
    """``karat doctor``."""

    schema: str
    ok: bool
    checks: list[Finding]


class Setting(TypedDict):
    """One setting and where it comes from."""

    name: str
    value: Any
    origin: str


class Config(TypedDict):
    """``karat config show``."""

    schema: str
    settings: list[Setting]
    config_dir: str
    data_dir: str
    networks: list[str]


class Account(TypedDict):
    """``karat account new`` and ``import``."""

    schema: str
    name: str
    address: str
    path: str
    funded: bool


class StoredAccount(TypedDict):
    """One entry of ``karat account list``."""

    name: str
    address: str
    path: str


class AccountList(TypedDict):
    """``karat account list``."""

    schema: str
    folder: str
    accounts: list[StoredAccount]


class AccountAddress(TypedDict):
    """``karat account export-address``."""

    schema: str
    name: str
    address: str


class AccountFund(TypedDict):
    """``karat account fund``."""

    schema: str
    address: str


class TaskCreate(Sent):
    """``karat task create``; ``task`` is null in a dry run."""

    task: int | None
    name: str
    escrow: int
    verifiers: list[str]


class Token(TypedDict):
    """A token and its unit: one token is 10**decimals base units."""

    address: str
    symbol: str
    decimals: int


class Appointed(TypedDict):
    """An appointed verifier."""

    address: str
    weight: int
    joined: bool


class Task(TypedDict):
    """``karat task show``; ``spec`` and ``model`` are CIDs, ``params`` the ledger's rules."""

    schema: str
    task: int
    sponsor: str
    closed: bool
    round: int
    rounds: int
    escrow: int
    token: Token
    trainers: list[str]
    verifiers: list[Appointed]
    spec: str
    model: str
    params: dict[str, Any]


class TaskEntry(TypedDict):
    """One entry of ``karat task list``."""

    task: int
    sponsor: str
    closed: bool
    round: int
    rounds: int
    trainers: int
    escrow: int


class TaskList(TypedDict):
    """``karat task list``."""

    schema: str
    tasks: list[TaskEntry]


class TaskTopUp(Sent):
    """``karat task top-up``; ``escrow`` is what it holds afterwards."""

    task: int
    amount: int
    escrow: int


class TaskClose(Sent):
    """``karat task close``."""

    task: int
    amount: int


class Deadlines(TypedDict):
    """Ends of a round's phases; null where they are not fixed yet."""

    commit: int
    reveal: int
    score_commit: int | None
    score_reveal: int | None


class Update(TypedDict):
    """An update; ``scores`` by verifier, ``median``, ``verdict`` once settled."""

    index: int
    trainer: str
    cid: str
    size: int
    scores: dict[str, int]
    median: int | None
    verdict: str | None
    weight: int


class Appeal(TypedDict):
    """An appeal; ``stage`` is commit, reveal, due or resolved, ``votes`` maps jurors to codes.

    ``outcome`` is upheld or rejected; it, the verdicts and ``reward`` are null before the end.
    """

    index: int
    challenger: str
    bond: int
    stage: str
    commit_deadline: int
    reveal_deadline: int
    jurors: int
    jury_weight: int
    committed: int
    votes: dict[str, int]
    outcome: str | None
    old_verdict: str | None
    new_verdict: str | None
    reward: int | None


class Round(TypedDict):
    """``karat round show``."""

    schema: str
    task: int
    round: int
    phase: str
    outcome: str
    deadlines: Deadlines
    committed: list[str]
    committee: list[str]
    voted: list[str]
    seed: str | None
    updates: list[Update]
    appeals: list[Appeal]


class RoundAppeal(Sent):
    """``karat round appeal``; jurors and deadlines (0 in a dry run) are the ledger's."""

    task: int
    round: int
    index: int
    bond: int
    jurors: int
    commit_deadline: int
    reveal_deadline: int


class RoundOpen(Sent):
    """``karat round open``."""

    task: int
    round: int


class RoundSettle(Sent):
    """``karat round settle``; ``phase`` is where the round stands afterwards."""

    task: int
    round: int
    phase: str


class Join(Sent):
    """``karat trainer join`` and ``karat verifier join``."""

    task: int
    role: str
    address: str
    stake: int


class Leave(Sent):
    """``karat trainer leave`` and ``karat verifier leave``; ``state`` is leaving or left."""

    task: int
    state: str
    leave_at: int


class Member(TypedDict):
    """``karat verifier status``."""

    schema: str
    task: int
    address: str
    role: str
    stake: int
    balance: int
    suspended: bool
    leave_at: int | None
    rewarded: int
    slashed: int
    round: int
    phase: str


class OwnUpdate(TypedDict):
    """An update of one's own."""

    round: int
    cid: str
    verdict: str | None
    weight: int


class TrainerStatus(Member):
    """``karat trainer status``."""

    updates: list[OwnUpdate]


class Train(TypedDict):
    """``karat trainer train``; losses of the first and the last batch."""

    schema: str
    task: int
    round: int
    size: int
    loss_first: float
    loss_last: float


class Submit(Sent):
    """``karat trainer submit``; ``state`` is none, committed or revealed."""

    task: int
    round: int
    state: str


class Claim(Sent):
    """``karat trainer claim``."""

    task: int
    rounds: list[int]
    rewards: int


class VerifierClaim(Sent):
    """``karat verifier claim``."""

    task: int
    amount: int


class Run(TypedDict):
    """``karat trainer run`` and ``karat verifier run``, when they end."""

    schema: str
    task: int
    account: str


class Serve(TypedDict):
    """``karat serve``, once it answers."""

    schema: str
    url: str
    api: str
    network: str


DOCUMENTS: dict[str, type] = {
    "karat.up/1": Up,
    "karat.down/1": Down,
    "karat.status/1": Status,
    "karat.doctor/1": Doctor,
    "karat.config/1": Config,
    "karat.account/1": Account,
    "karat.account.list/1": AccountList,
    "karat.account.address/1": AccountAddress,
    "karat.account.fund/1": AccountFund,
    "karat.task/1": Task,
    "karat.task.create/1": TaskCreate,
    "karat.task.list/1": TaskList,
    "karat.task.top-up/1": TaskTopUp,
    "karat.task.close/1": TaskClose,
    "karat.round/1": Round,
    "karat.round.open/1": RoundOpen,
    "karat.round.appeal/1": RoundAppeal,
    "karat.round.settle/1": RoundSettle,
    "karat.trainer.join/1": Join,
    "karat.verifier.join/1": Join,
    "karat.leave/1": Leave,
    "karat.trainer.status/1": TrainerStatus,
    "karat.verifier.status/1": Member,
    "karat.trainer.train/1": Train,
    "karat.trainer.submit/1": Submit,
    "karat.trainer.claim/1": Claim,
    "karat.verifier.claim/1": VerifierClaim,
    "karat.trainer.run/1": Run,
    "karat.verifier.run/1": Run,
    "karat.serve/1": Serve,
}
