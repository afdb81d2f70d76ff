// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

/// @title IReputationInputs
/// @author Karat
/// @notice What standings follow from: who joined a scope, in which order, what each earned, and whom each vouches for.
/// A scope is whatever the implementation keeps apart, such as a task. Every value is the one as a `day`, counted from 1970,
/// began; the implementation answers for the day that can be claimed, and for the day of a claim that is pending.
/// @dev An account's row is the concatenation, in ascending order of target, of 6 bytes for each account that it
/// vouches for: uint32 index of the target, uint16 weight. The implementation takes a row only if it has at most 32
/// entries, each with a weight above zero and a target that joined later than the account itself: so the graph has no
/// cycle, and nobody's statement changes its own standing.
interface IReputationInputs {
    /// @notice What is asked of this day is no longer known, or not yet.
    error DayNotKept(uint32 day, uint32 current);

    /// @notice How many seconds, at least, a day's values are known after the next one has begun.
    function keptFor() external view returns (uint32);

    /// @notice The day whose standings can be claimed now; 0 if nobody had joined the scope as it began.
    function latestDay(uint256 scope) external view returns (uint32);

    /// @notice How many accounts had joined.
    function members(uint256 scope, uint32 day) external view returns (uint32);

    /// @notice The account that joined as number `index`; never changes.
    function memberAt(uint256 scope, uint32 index) external view returns (address);

    /// @notice What an account has earned in the scope.
    function gainAt(uint256 scope, uint32 day, uint32 index) external view returns (uint128);

    /// @notice The first 28 bytes of the keccak256 hash of an account's row; 0 if it vouches for nobody.
    function rowAt(uint256 scope, uint32 day, uint32 index) external view returns (bytes28);
}
