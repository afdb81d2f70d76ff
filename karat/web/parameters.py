"""What the API may be asked: the parameters of its paths and queries."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chain.evm.addresses import checked_address

MOST_ITEMS = 200


Number = Annotated[int, Field(ge=1, le=2**31)]
AnAddress = Annotated[
    str, Field(max_length=42, description="0x and 40 hexadecimal digits."),
    AfterValidator(checked_address),
]  # fmt: skip


class Parameters(BaseModel):
    """Base of all; anything else in a query is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Paged(Parameters):
    """A part of a long list."""

    offset: int = Field(default=0, ge=0, le=2**31, description="Items to pass over.")
    limit: int = Field(default=50, ge=1, le=MOST_ITEMS, description="Most items to return.")


class TaskPath(Parameters):
    """A task."""

    task: Number = Field(description="Number of the task.")


class TaskPage(TaskPath, Paged):
    """Part of a list of a task."""


class RoundPath(TaskPath):
    """A round."""

    round: Number = Field(description="Number of the round.")


class RoundPage(RoundPath, Paged):
    """Part of a list of a round."""

    verdict: Literal["", "paid", "unpaid", "refused"] = Field(
        default="", description="Only such updates; refused: with another verdict than ok."
    )


class UpdatePath(RoundPath):
    """An update."""

    index: int = Field(ge=0, lt=2**16, description="Index of the update in its round.")


class MemberPath(TaskPath):
    """A participant."""

    address: AnAddress


class View(Parameters):
    """Reputations over all tasks, or of one."""

    task: Number | None = Field(default=None, description="Only this task.")
    ego: AnAddress | None = Field(
        default=None, description="A sponsor whose view it is; by default that of the first task's."
    )


class MemberView(View):
    """A participant, over all tasks or in one."""

    address: AnAddress


class MemberPage(TaskPage):
    """Part of the list of participants."""

    role: Literal["", "trainer", "verifier"] = Field(default="", description="Only this role.")
    order: Literal["joined", "reputation", "earned", "slashed", "stake"] = Field(
        default="joined", description="Largest first; joined: earliest first."
    )
    search: str = Field(default="", max_length=64, description="In address or name.")


class AccountPath(Parameters):
    """An account of the network."""

    address: AnAddress


class AccountPage(Paged):
    """Part of the list of accounts."""

    search: str = Field(default="", max_length=64, description="In address or name.")


class Latest(Parameters):
    """The end of a long list."""

    limit: int = Field(default=20, ge=1, le=100, description="Most items to return.")
