"""Every update of a task with its verdict, as records for pandas.

python examples/updates.py [NETWORK] [TASK]
"""

import sys

import pandas as pd

from karat import connect
from karat.sdk import to_records

network = sys.argv[1] if len(sys.argv) > 1 else "local"
task = connect(network).task(int(sys.argv[2]) if len(sys.argv) > 2 else 1)

updates = pd.DataFrame(to_records(task.updates))
print(updates[["round", "index", "trainer", "size", "verdict", "weight"]].to_string(index=False))

people = pd.DataFrame(to_records(task.participants))
print(
    people[["address", "role", "stake", "reward", "slashed", "reputation"]].to_string(index=False)
)
