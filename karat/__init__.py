"""Karat: incentives and reputation for collaborative machine learning.

``chain``, ``learning`` and ``reputation`` are generic names, so another package of the same name
may shadow ours. Importing ``karat`` checks that the three it finds are its own siblings.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from karat.participants.sponsor.authoring import Task as Task
    from karat.sdk import connect as connect

__version__ = "0.2.0"
__all__ = ["Task", "__version__", "connect"]


def _check_siblings() -> None:
    home = Path(__file__).resolve().parent.parent
    for name in ("chain", "learning", "reputation"):
        spec = find_spec(name)
        found = spec.origin if spec is not None else None
        if found is None or Path(found).resolve() != home / name / "__init__.py":
            raise ImportError(
                f"karat needs its own package {name!r} at {home / name}, but Python finds "
                f"{found or 'none'}. Rename or remove that one, or install karat in an "
                "environment of its own."
            )


_check_siblings()


def __getattr__(name: str) -> Any:
    # `connect` pulls in web3; `karat --help` must not wait for it.
    if name == "connect":
        from karat.sdk import connect  # noqa: PLC0415

        return connect
    if name == "Task":
        from karat.participants.sponsor.authoring import Task  # noqa: PLC0415

        return Task
    raise AttributeError(f"module 'karat' has no attribute {name!r}")
