"""Exit codes, and the edge where exceptions become one clear sentence.

==== =========================================
code meaning
==== =========================================
0    success
1    failure
2    usage: a flag or an argument is wrong
3    configuration or key
4    a node or a store cannot be reached
5    a transaction was reverted
6    an update was rejected
==== =========================================
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit status of every ``karat`` command."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    CONFIG = 3
    UNREACHABLE = 4
    REVERTED = 5
    REJECTED = 6


# Exceptions are matched by qualified name, so that listing them imports neither torch nor web3.
# The first class in the exception's MRO that is listed decides.
_CODES: dict[str, Exit] = {
    "chain.errors.NodeError": Exit.UNREACHABLE,
    "chain.errors.RpcError": Exit.FAILURE,  # it was reached, and said no
    "chain.errors.WrongChain": Exit.CONFIG,
    "chain.errors.BadAddress": Exit.CONFIG,
    "chain.errors.KeystoreError": Exit.CONFIG,
    "chain.errors.ProfileError": Exit.CONFIG,
    "chain.errors.ContractError": Exit.CONFIG,
    "chain.errors.TransactionReverted": Exit.REVERTED,
    "chain.store.errors.InvalidCID": Exit.USAGE,
    "chain.store.errors.InvalidStoreURL": Exit.USAGE,
    "chain.store.errors.StoreDamaged": Exit.UNREACHABLE,
    "chain.store.errors.StoreUnreachable": Exit.UNREACHABLE,
    "karat.errors.ConfigError": Exit.CONFIG,
    "learning.errors.ArenaError": Exit.USAGE,
    "learning.errors.AttackError": Exit.USAGE,
    "learning.errors.DeviceError": Exit.USAGE,
    "learning.errors.MalformedUpdate": Exit.REJECTED,
    "learning.errors.PluginError": Exit.USAGE,
    "learning.errors.UnknownNameError": Exit.USAGE,
    "reputation.errors.GraphError": Exit.USAGE,
    "reputation.errors.ParameterError": Exit.USAGE,
    "reputation.errors.UnknownNodeError": Exit.USAGE,
}


def exit_code(error: BaseException) -> Exit:
    """The exit code documented for ``error``; :attr:`Exit.FAILURE` if none is."""
    for cls in type(error).__mro__:
        code = _CODES.get(f"{cls.__module__}.{cls.__qualname__}")
        if code is not None:
            return code
    return Exit.FAILURE
