"""Every update of the latest task with its verdict, as records for pandas.

python examples/updates.py [NETWORK]
"""

import sys

import pandas as pd

from karat import connect
from karat.sdk import to_records

net = connect(sys.argv[1] if len(sys.argv) > 1 else "local")
task = net.tasks[-1]

updates = pd.DataFrame(to_records(task.updates))
print(updates[["round", "index", "trainer", "size", "verdict", "weight"]].to_string(index=False))

people = pd.DataFrame(to_records(task.participants))
print(
    people[["address", "role", "stake", "reward", "slashed", "reputation"]].to_string(index=False)
)
