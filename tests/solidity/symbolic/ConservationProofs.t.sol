// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Role} from "../../../contracts/interfaces/LedgerTypes.sol";
import {Task} from "../../../contracts/ledger/State.sol";

/// @notice Proofs for halmos: `halmos --contract ConservationProofs` (see docs/protocol.md). The ledger's own steps between
/// escrow, rewards and stakes lose and make no unit, for all amounts that the ledger can hold. That rewards do not exceed
/// the budget is arithmetic: a sum of rounded quotients is no larger than the quotient of the sum.
contract ConservationProofs {
    Task private task;

    /// @notice A claim leaves escrow, owed and credited rewards the same together; after the last record nothing is owed.
    function check_discharge(uint112 escrow, uint112 owed, uint32 open, uint112 credited, uint32 updates) external {
        if (uint256(escrow) + owed > type(uint112).max || credited > owed || updates > open) return;
        (task.escrow, task.owed, task.openRecords) = (escrow, owed, open);
        task.discharge(1, credited, updates);
        assert(uint256(task.escrow) + task.owed + credited == uint256(escrow) + owed);
        assert(task.openRecords == open - updates);
        assert(task.openRecords != 0 || task.owed == 0);
    }

    /// @notice A slash moves stake to the escrow, whole, and no more of it than there is or than was asked for.
    function check_takeStake(address account, uint112 stake, uint112 required, uint112 asked) external {
        task.params.trainerStake = required;
        (task.members[account].role, task.members[account].stake) = (Role.Trainer, stake);
        uint256 taken = task.takeStake(1, account, asked);
        assert(taken + task.members[account].stake == stake);
        assert(taken <= asked && (taken == asked || task.members[account].stake == 0));
        assert(task.members[account].suspended == (stake - taken < required));
        assert(task.records[account].ring.suspended() == task.members[account].suspended);
    }
}
