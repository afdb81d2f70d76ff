"""Who has earned whose trust: reputations of a task's participants, and why.

python examples/trust.py [NETWORK]
"""

import sys

from karat import connect

net = connect(sys.argv[1] if len(sys.argv) > 1 else "local")

for rank, (address, score) in enumerate(net.reputation.top(5), 1):
    print(f"{rank}. {address}  {score:.4f}")

best, _ = net.reputation.top(1)[0]
print(f"\n{best} has {net.reputation.of(best):.4f} in the sponsor's eyes, by")
for path in net.reputation.explain(best).paths:
    print(f"  {path.share:.0%}  " + " → ".join(map(str, path.nodes)))
