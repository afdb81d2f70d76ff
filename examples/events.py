"""Follow what happens on a network: its rounds, as events, in chain order.

python examples/events.py [NETWORK]
"""

import sys

from chain.ledger.bindings.ledger_events import RewardsClaimed, RoundOpened, RoundSettled
from karat import connect

net = connect(sys.argv[1] if len(sys.argv) > 1 else "local")

for event in net.events(RoundOpened, RoundSettled, RewardsClaimed):
    block = event.at.block_number
    match event:
        case RoundOpened():
            print(f"block {block}: task {event.task_id} opens round {event.round}")
        case RoundSettled():
            print(f"block {block}: round {event.round} is settled, {event.count} updates")
        case RewardsClaimed():
            print(f"block {block}: {event.trainer} claims {sum(event.amounts)} base units")
