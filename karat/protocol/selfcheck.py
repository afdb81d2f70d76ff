"""Whether every event of the contracts has a meaning: ``python -m karat.protocol.selfcheck``."""

import sys

from chain.evm.abi import Event
from chain.ledger.bindings.ledger_events import EVENTS as LEDGER_EVENTS
from chain.ledger.bindings.reputation_anchor_events import EVENTS as ANCHOR_EVENTS
from karat.protocol.reducer import HANDLED, IGNORED


def missing() -> list[type[Event]]:
    """The event classes that the history neither handles nor ignores on purpose."""
    kinds = [*LEDGER_EVENTS.values(), *ANCHOR_EVENTS.values()]
    return [kind for kind in kinds if kind not in HANDLED and kind not in IGNORED]


def main() -> int:
    """Print the counts; 1 if a class has no meaning."""
    nameless = missing()
    sys.stdout.write(
        f"event classes handled: {len(HANDLED)}, ignored: {len(IGNORED)}, "
        f"missing: {len(nameless)}\n"
    )
    for kind in nameless:
        sys.stdout.write(f"  {kind.__name__}\n")
    return 1 if nameless else 0


if __name__ == "__main__":
    sys.exit(main())
