"""One of several processes that add, unpin and collect in the same store.

Usage: crowd_worker.py STORE SEED ROUNDS. Prints the CIDs it left pinned.
"""

import random
import sys
from pathlib import Path

from chain.store import LocalStore
from tests.ipfs.hostile import MIB, pattern

store = LocalStore(Path(sys.argv[1]))
owner = sys.argv[2]
rng = random.Random(int(owner))
kept = set()
for number in range(int(sys.argv[3])):
    # Few seeds, so that the processes work on the same blocks.
    data = pattern(rng.choice([1, 1000, MIB, 2 * MIB + 5, 3 * MIB]), rng.randrange(4))
    cid = store.add(data, owner=owner, round=number)
    action = rng.randrange(4)
    if action == 0:
        store.unpin(cid, owner=owner)
        kept.discard(cid)
    else:
        kept.add(cid)
    if action == 1:
        store.collect()
    assert all(store.has(each) for each in kept)
print(*map(str, kept))
