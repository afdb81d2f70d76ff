"""What block explorers verify the contracts with: ``python -m tools.explorer input.json``.

The standard JSON input of the compiler, with the addresses that the ledger's libraries have on
every chain (``chain.ledger.everywhere``).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from chain.ledger.everywhere import library_addresses
from tools.build import TARGETS, compiler_input


def explorer_input() -> dict[str, Any]:
    """The compiler's input; raises as :func:`tools.build.sources`."""
    given = compiler_input()
    given["settings"]["libraries"] = {
        TARGETS[name]: {name: address} for name, address in library_addresses().items()
    }
    return given


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.explorer", description=__doc__)
    parser.add_argument("file", type=Path, help="what to write")
    parser.parse_args().file.write_text(json.dumps(explorer_input(), indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
