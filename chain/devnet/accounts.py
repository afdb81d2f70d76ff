"""Public keys for devnets: anyone can compute them."""

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from chain.errors import Hint, KeystoreError
from chain.ledger.profiles import Profile


def dev_accounts(seed: int, count: int) -> list[LocalAccount]:
    """``count`` keys that anyone can compute from ``seed``; whatever they hold is anyone's."""
    return [
        Account.from_key(keccak(text=f"karat development key {seed} {index}"))
        for index in range(count)
    ]


def require_devnet(profile: Profile) -> None:
    """Check that a network may be used with development keys.

    Raises:
        KeystoreError: it is a live network, where these keys would lose real money.
    """
    if not profile.is_devnet:
        raise KeystoreError(
            f"development keys are public and work on devnets only, and the network "
            f"{profile.name!r} (chain {profile.chain_id}) is a live one"
        ).with_hint(Hint.NEW_ACCOUNT)
