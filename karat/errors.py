"""Exceptions of ``karat``, as a tree.

::

    KaratError
    ├── ConfigError      a setting, a profile or a file of settings is missing or wrong
    ├── ProtocolError    the chain or the store says something that cannot be (hostile or broken)
    └── NotAvailable     what was asked for is not there yet (no such task, round, epoch)
"""


class KaratError(Exception):
    """Base of everything that ``karat`` raises on purpose."""


class ConfigError(KaratError):
    """A setting or a file of settings is missing or wrong."""


class ProtocolError(KaratError):
    """The chain or the store holds something that the protocol does not allow."""


class NotAvailable(KaratError):
    """What was asked for does not exist (yet)."""
