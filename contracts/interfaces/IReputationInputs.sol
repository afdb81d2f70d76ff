// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

/// @title IReputationInputs
/// @author Karat
/// @notice What standings follow from: who joined a scope, in which order, what each earned, and whom each vouches for.
/// A scope is whatever the implementation keeps apart, such as a task. Every value is the one at the time when `round`
/// was settled; the implementation answers for the last settled round, and for the round of a claim that is pending.
/// @dev An account's row is the concatenation, in ascending order of target, of 6 bytes for each account that it
/// vouches for: uint32 index of the target, uint16 weight. The implementation takes a row only if it has at most 32
/// entries, each with a weight above zero and a target that joined later than the account itself: so the graph has no
/// cycle, and nobody's statement changes its own standing.
interface IReputationInputs {
    /// @notice What is asked of this round is no longer known, or not yet.
    error RoundNotKept(uint32 round, uint32 current);

    /// @notice How many seconds, at least, a round's values are known after the next one has begun.
    function keptFor() external view returns (uint32);

    /// @notice The last round of a scope that was settled; 0 if there is none.
    function settledRound(uint256 scope) external view returns (uint32);

    /// @notice How many accounts had joined.
    function members(uint256 scope, uint32 round) external view returns (uint32);

    /// @notice The account that joined as number `index`; never changes.
    function memberAt(uint256 scope, uint32 index) external view returns (address);

    /// @notice What an account has earned in the scope.
    function gainAt(uint256 scope, uint32 round, uint32 index) external view returns (uint128);

    /// @notice The first 28 bytes of the keccak256 hash of an account's row; 0 if it vouches for nobody.
    function rowAt(uint256 scope, uint32 round, uint32 index) external view returns (bytes28);
}
