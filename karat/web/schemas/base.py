"""What all answers are made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Address = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$", description="Checksummed address.")]
Amount = Annotated[
    str, Field(pattern="^-?[0-9]+$", description="Base units of the token, in decimal.")
]
Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$", description="32 bytes.")]
Cid = Annotated[str, Field(pattern="^b[a-z2-7]+$", description="CIDv1, as IPFS names content.")]
Time = Annotated[int, Field(description="Seconds since 1970, in the chain's time.")]
Verdict = Literal["ok", "harmful", "malformed", "duplicate", "stale", "unavailable", "void"]
Phase = Literal[
    "none", "commit", "reveal", "close", "score-commit", "score-reveal", "settle", "appeal",
    "final", "void",
]  # fmt: skip


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Answer):
    """Why there is no answer."""

    error: str


class Token(Answer):
    """A token; one is 10**decimals base units."""

    address: Address
    symbol: str
    decimals: int


class Place(Answer):
    """Where on the chain something happened."""

    block: int
    transaction: Hash
