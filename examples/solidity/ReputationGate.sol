// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IStandingAnchor, Standing} from "../../contracts/interfaces/IStandingAnchor.sol";
import {NodeProof, RangeProof} from "../../contracts/reputation/StandingTypes.sol";

/// @title ReputationGate
/// @notice Admits the best trainers of a task, by standings that anybody could have disproved; where equals share
/// the last place, none of them. Anyone may bring the proof:
/// it speaks of one account, and nobody has to be believed.
contract ReputationGate {
    IStandingAnchor public immutable ANCHOR;
    uint256 public immutable TASK_ID;
    /// How many of the best are admitted.
    uint32 public immutable PLACES;
    /// How old the standings may be, in seconds.
    uint256 public immutable MAX_AGE;

    mapping(address account => bool) public isAdmitted;

    event Admitted(address indexed account, uint32 rank);

    error NotTrusted(address account);

    constructor(IStandingAnchor anchor, uint256 taskId, uint32 places, uint256 maxAge) {
        (ANCHOR, TASK_ID, PLACES, MAX_AGE) = (anchor, taskId, places, maxAge);
    }

    /// @notice Admits the account of `node`, for good, if the last final standings rank it high enough.
    function admit(NodeProof calldata node, RangeProof calldata range) external {
        ANCHOR.prove(TASK_ID, node, range);
        address account = node.leaf.account;
        if (!isTrusted(account)) revert NotTrusted(account);
        isAdmitted[account] = true;
        emit Admitted(account, range.last.index);
    }

    /// @notice Whether an account ranks high enough now, as far as somebody has proven it to the anchor.
    function isTrusted(address account) public view returns (bool) {
        try ANCHOR.reputationOf(TASK_ID, account, MAX_AGE) returns (Standing memory standing) {
            return standing.score > 0 && standing.worstRank < PLACES;
        } catch {
            return false;
        }
    }
}
