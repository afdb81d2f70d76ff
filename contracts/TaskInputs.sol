// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedger} from "./interfaces/ILedger.sol";
import {IReputationInputs} from "./interfaces/IReputationInputs.sol";
import {ITaskInputs} from "./interfaces/ITaskInputs.sol";
import {Member, Role} from "./interfaces/LedgerTypes.sol";

/// @title TaskInputs
/// @author Karat
/// @notice What the standings of a ledger's tasks follow from: gains, which the ledger counts, and rows, which are kept
/// here. Nobody has a say in it but each trainer about its own row.
contract TaskInputs is ITaskInputs {
    /// @dev An account's row: the hash of the last one and the day it was stated, in one slot, and the one before.
    struct Row {
        bytes28 last;
        uint32 day;
        bytes28 previous;
    }

    uint256 private constant ENTRY = 6;
    uint256 private constant MOST_ENTRIES = 32;

    /// @inheritdoc ITaskInputs
    ILedger public immutable LEDGER;

    mapping(uint256 scope => mapping(uint32 index => Row)) private _rows;

    constructor(ILedger ledger) {
        LEDGER = ledger;
    }

    /// @inheritdoc ITaskInputs
    function stateRow(uint256 scope, bytes calldata row) external {
        Member memory member = LEDGER.member(scope, msg.sender);
        if (member.role != Role.Trainer || member.suspended) revert NotInGoodStanding(msg.sender, scope);
        uint32 index = LEDGER.placeOf(scope, msg.sender) - 1;
        _check(row, index, LEDGER.joined(scope));
        Row storage stated = _rows[scope][index];
        uint32 day = _today();
        // Two versions do then for every day that is asked for: this one and the one before.
        if (day < stated.day + 2) revert RowTooNew(stated.day, day);
        stated.previous = stated.last;
        (stated.last, stated.day) = (row.length == 0 ? bytes28(0) : bytes28(keccak256(row)), day);
        emit RowStated(scope, msg.sender, day, index, row);
    }

    /// @inheritdoc IReputationInputs
    function latestDay(uint256 scope) external view returns (uint32) {
        return members(scope, _today()) == 0 ? 0 : _today();
    }

    /// @inheritdoc IReputationInputs
    function members(uint256 scope, uint32 day) public view returns (uint32) {
        return LEDGER.joinedAt(scope, day);
    }

    /// @inheritdoc IReputationInputs
    function memberAt(uint256 scope, uint32 index) external view returns (address) {
        return LEDGER.accountAt(scope, index);
    }

    /// @inheritdoc IReputationInputs
    function gainAt(uint256 scope, uint32 day, uint32 index) public view returns (uint128) {
        return LEDGER.gainAt(scope, day, LEDGER.accountAt(scope, index));
    }

    /// @inheritdoc IReputationInputs
    function rowAt(uint256 scope, uint32 day, uint32 index) external view returns (bytes28) {
        uint32 today = _today();
        if (day > today || day + 1 < today) revert DayNotKept(day, today);
        Row storage stated = _rows[scope][index];
        return stated.day < day ? stated.last : stated.previous;
    }

    /// @inheritdoc IReputationInputs
    function keptFor() external pure returns (uint32) {
        return 1 days;
    }

    /// @inheritdoc ITaskInputs
    function slice(uint256 scope, uint32 day, uint32 first, uint32 count)
        external
        view
        returns (address[] memory accounts, uint128[] memory gains)
    {
        (accounts, gains) = (new address[](count), new uint128[](count));
        for (uint32 i; i < count; ++i) {
            // slither-disable-next-line calls-loop
            accounts[i] = LEDGER.accountAt(scope, first + i);
            // slither-disable-next-line calls-loop
            gains[i] = LEDGER.gainAt(scope, day, accounts[i]);
        }
    }

    /// @dev Refuses a row that is not of 6 bytes an entry, in ascending order, of weight, and of later accounts.
    function _check(bytes calldata row, uint256 before, uint256 joined) private pure {
        uint256 count = row.length / ENTRY;
        if (row.length % ENTRY != 0 || count > MOST_ENTRIES) revert BadRow(row.length, count);
        unchecked {
            for (uint256 i; i < count; ++i) {
                uint256 entry;
                assembly ("memory-safe") {
                    entry := shr(208, calldataload(add(row.offset, mul(i, ENTRY))))
                }
                uint256 target = entry >> 16;
                if (target <= before || target >= joined || entry & 0xffff == 0) revert BadRow(row.length, i);
                before = target;
            }
        }
    }

    function _today() private view returns (uint32) {
        return uint32(block.timestamp / 1 days);
    }
}
