"""Who has earned whose trust: reputations of a task's participants, and why.

python examples/trust.py [NETWORK] [TASK]
"""

import sys

from karat import connect

network = sys.argv[1] if len(sys.argv) > 1 else "local"
task = int(sys.argv[2]) if len(sys.argv) > 2 else 1
reputation = connect(network).reputation(task)

for rank, (address, score) in enumerate(reputation.top(5), 1):
    print(f"{rank}. {address}  {score:.4f}")

best, _ = reputation.top(1)[0]
print(f"\n{best} has {reputation.of(best):.4f} in the sponsor's eyes, by")
for path in reputation.explain(best).paths:
    print(f"  {path.share:.0%}  " + " → ".join(map(str, path.nodes)))
