"""What members of a task must have at stake."""

from chain.ledger.bindings.structs import TaskParams


def required_stake(params: TaskParams, role: str, weight: int = 1) -> int:
    """The least stake of a member, in base units, by the ledger's rule (``State.requiredStake``).

    ``role`` is trainer or verifier; ``weight`` is a verifier's, which its stake has bought where
    anyone may be a verifier.
    """
    if role == "trainer":
        return params.trainer_stake
    return params.verifier_stake * (weight if params.open_verifiers else 1)
