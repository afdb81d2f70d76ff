"""The contracts' interfaces, for programs in other languages."""

from chain.ledger.artifact import load_artifact
from chain.ledger.profiles import LOCAL, Profile, known_profiles
from karat.config import Settings
from karat.errors import NotAvailable
from karat.sdk.connection import NOT_NAMED, Contracts, profile_of
from karat.sdk.documents import ContractInterface, Interfaces

_FIELDS = {  # of a profile, that have the addresses
    "Ledger": "ledger",
    "ReputationAnchor": "anchor",
    "StandingAnchor": "standings",
    "DevToken": "token",
}
_NAMES = (*_FIELDS, "TaskInputs", "Royalties")


def interfaces(
    contract: str | None, settings: Settings, contracts: Contracts = NOT_NAMED
) -> Interfaces:
    """The ABI of a contract, or of all (None), and where the settings' network has them.

    Addresses are None if no network was begun on this machine, and none is asked for.

    Raises:
        NotAvailable: there is no such contract.
        ProfileError: the settings name a network that is not known.
    """
    if contract is not None and contract not in _NAMES:
        raise NotAvailable(f"there is no contract {contract!r}; there are {', '.join(_NAMES)}")
    unknown = settings.network == LOCAL and LOCAL not in known_profiles()
    profile = None if unknown else profile_of(settings, contracts)
    return Interfaces(
        network=profile.name if profile else None,
        chain_id=profile.chain_id if profile else None,
        contracts=[
            ContractInterface(
                contract=name, address=_address(name, profile), abi=load_artifact(name)["abi"]
            )
            for name in (_NAMES if contract is None else (contract,))
        ],
    )


def _address(name: str, profile: Profile | None) -> str | None:
    if profile is None or name not in _FIELDS:
        return None
    address: str | None = getattr(profile, _FIELDS[name])
    return address
