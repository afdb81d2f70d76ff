// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IReputationInputs} from "../../../contracts/interfaces/IReputationInputs.sol";

/// @notice Inputs of standings that a test sets as it likes.
contract InputsDouble is IReputationInputs {
    struct Scope {
        uint32 day;
        address[] accounts;
        uint128[] gains;
        bytes32[] rows;
    }

    mapping(uint256 scope => Scope) private _scopes;

    function set(
        uint256 scope,
        uint32 day,
        address[] calldata accounts,
        uint128[] calldata gains,
        bytes32[] calldata rows
    ) external {
        _scopes[scope] = Scope(day, accounts, gains, rows);
    }

    function keptFor() external pure returns (uint32) {
        return type(uint32).max;
    }

    function latestDay(uint256 scope) external view returns (uint32) {
        return _scopes[scope].day;
    }

    function members(uint256 scope, uint32) external view returns (uint32) {
        return uint32(_scopes[scope].accounts.length);
    }

    function memberAt(uint256 scope, uint32 index) external view returns (address) {
        return _scopes[scope].accounts[index];
    }

    function gainAt(uint256 scope, uint32, uint32 index) external view returns (uint128) {
        return _scopes[scope].gains[index];
    }

    function rowAt(uint256 scope, uint32, uint32 index) external view returns (bytes28) {
        return bytes28(_scopes[scope].rows[index]);
    }
}
