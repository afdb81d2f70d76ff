// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {ILedger} from "./ILedger.sol";
import {IReputationInputs} from "./IReputationInputs.sol";

/// @title ITaskInputs
/// @author Karat
/// @notice The inputs of standings in a ledger's tasks: a scope is a task. Nodes are the task's trainers in the order of joining, gains what
/// their updates scored above zero as far as it was claimed (nothing for who was ever convicted), rows what they state of
/// those who joined later.
interface ITaskInputs is IReputationInputs {
    /// @notice An account states whom it vouches for, in place of what it stated before; in force from the next day on.
    event RowStated(uint256 indexed scope, address indexed account, uint32 indexed day, uint32 index, bytes row);

    /// @notice A row needs 1 to 32 entries (or none at all), in ascending order, with weights, of accounts that joined later.
    error BadRow(uint256 length, uint256 entry);
    /// @notice A row can be replaced two days after it was stated.
    error RowTooNew(uint32 day, uint32 today);
    /// @notice Only a trainer of the task in good standing states anything.
    error NotInGoodStanding(address account, uint256 scope);

    /// @notice The ledger whose tasks these are.
    function LEDGER() external view returns (ILedger);

    /// @notice States whom the caller vouches for: 6 bytes for each, uint32 index in the order of joining, uint16 weight.
    /// @dev Access: a trainer whose stake suffices. State: its last row is two days old.
    function stateRow(uint256 scope, bytes calldata row) external;

    /// @notice Accounts and gains of `count` places from `first` on, to read many at once.
    function slice(uint256 scope, uint32 day, uint32 first, uint32 count)
        external
        view
        returns (address[] memory accounts, uint128[] memory gains);
}
