// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReputationAnchor, Leaf} from "../../contracts/interfaces/IReputationAnchor.sol";

/// @title ReputationGate
/// @notice Admits accounts whose reputation in one task is high enough. Anyone may bring the proof: it speaks of
/// `leaf.node` alone, and nobody has to be believed but the task's verifiers.
contract ReputationGate {
    IReputationAnchor public immutable ANCHOR;
    uint256 public immutable TASK_ID;
    /// On the Q40 grid: 2**40 is one.
    uint256 public immutable LEAST_SCORE;

    mapping(address account => bool) public isAdmitted;

    event Admitted(address indexed account, uint64 epoch, uint256 score);

    error OldEpoch(uint64 epoch, uint64 last);
    error NotProven(address account);
    error ScoreTooLow(uint256 score, uint256 least);

    constructor(IReputationAnchor anchor, uint256 taskId, uint256 leastScore) {
        ANCHOR = anchor;
        TASK_ID = taskId;
        LEAST_SCORE = leastScore;
    }

    /// @notice Admits `leaf.node` if the latest epoch's root holds its score, and the score is high enough.
    function admit(uint64 epoch, Leaf calldata leaf, bytes32[] calldata proof) external {
        uint64 last = ANCHOR.lastEpoch(TASK_ID);
        if (epoch != last) revert OldEpoch(epoch, last);
        if (!ANCHOR.verify(TASK_ID, epoch, leaf, proof)) revert NotProven(leaf.node);
        if (leaf.score < LEAST_SCORE) revert ScoreTooLow(leaf.score, LEAST_SCORE);
        isAdmitted[leaf.node] = true;
        emit Admitted(leaf.node, epoch, leaf.score);
    }

    /// @notice The cheaper way for many contracts: read what somebody proved to the anchor before. Only the last epoch
    /// counts, or a score that was lost since would still open the gate.
    function isTrusted(address account) external view returns (bool) {
        (uint192 score, uint64 epoch) = ANCHOR.reputationOf(TASK_ID, account);
        return epoch != 0 && epoch == ANCHOR.lastEpoch(TASK_ID) && score >= LEAST_SCORE;
    }
}
