"""A demo's chain that stays, as a network that other commands can name."""

from collections.abc import Iterator
from contextlib import contextmanager

from chain.ledger.profiles import Profile, delete_profile, save_profile
from karat.demo.run import Played

NETWORK = "demo"


@contextmanager
def lasting(end: Played) -> Iterator[Profile]:
    """The profile of a demo's chain, which is there as ``demo`` until the block is left.

    Raises:
        ProfileError: it cannot be written.
    """
    stage = end.stage
    profile = Profile(
        name=NETWORK,
        kind="devnet",
        rpc_url=str(stage.devnet.rpc_url),
        chain_id=stage.devnet.chain_id,
        ledger=stage.ledger.address,
        anchor=stage.anchor.address,
        token=stage.token.address,
    )
    save_profile(profile)
    try:
        yield profile
    finally:
        delete_profile(NETWORK)
