// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors} from "../interfaces/ILedgerErrors.sol";
import {Task} from "./State.sol";

/// @notice What a trainer has earned in a task, in steps of the grid. `place` counts in the order of joining, from 1;
/// `day` is that of the last change; `start` what was earned when that day began, `before` when the day before it did.
struct Earned {
    uint24 place;
    bool convicted;
    uint32 day;
    uint64 gain;
    uint64 start;
    uint64 before;
}

/// @notice How many accounts have joined as trainers: now, when the `day` of the last one began, and when the day before
/// it did.
struct Joined {
    uint24 count;
    uint32 day;
    uint24 start;
    uint24 before;
}

/// @title Gains
/// @author Karat
/// @notice What reputations follow from: who joined a task in which order, and what each earned, as it was when this day
/// or the day before began. One slot for each trainer, which outlives its leaving.
library Gains {
    /// @notice Gives an account its place in the order of joining, unless it has one.
    function enlist(Task storage task, address account) internal {
        Earned storage earned = task.earned[account];
        if (earned.place != 0) return;
        Joined memory joined = task.joined;
        uint32 day = today();
        if (joined.day != day) {
            (joined.before, joined.start) = (joined.day + 1 == day ? joined.start : joined.count, joined.count);
            joined.day = day;
        }
        task.accounts[joined.count] = account;
        (earned.place, earned.day) = (++joined.count, day);
        task.joined = joined;
    }

    /// @notice Adds what a claim brought to light; who was convicted has earned nothing, for good.
    function earn(Task storage task, address account, uint256 gain, bool convicted) internal {
        Earned memory earned = task.earned[account];
        if (earned.convicted) return;
        uint32 day = today();
        if (earned.day != day) {
            (earned.before, earned.start) = (earned.day + 1 == day ? earned.start : earned.gain, earned.gain);
            earned.day = day;
        }
        earned.gain = convicted ? 0 : earned.gain + uint64(gain);
        earned.convicted = convicted;
        task.earned[account] = earned;
    }

    /// @notice How many had joined when a day began: this day or the day before.
    function joinedAt(Task storage task, uint32 day) internal view returns (uint24) {
        _requireKept(day);
        Joined memory joined = task.joined;
        if (day > joined.day) return joined.count;
        return day == joined.day ? joined.start : joined.before;
    }

    /// @notice What an account had earned when a day began: this day or the day before.
    function at(Task storage task, address account, uint32 day) internal view returns (uint64) {
        _requireKept(day);
        Earned memory earned = task.earned[account];
        if (day > earned.day) return earned.gain;
        return day == earned.day ? earned.start : earned.before;
    }

    /// @notice The day, counted from 1970.
    function today() internal view returns (uint32) {
        return uint32(block.timestamp / 1 days);
    }

    function _requireKept(uint32 day) private view {
        uint32 current = today();
        if (day > current || day + 1 < current) revert ILedgerErrors.DayNotKept(day, current);
    }
}
