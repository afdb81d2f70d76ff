// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IReputationInputs} from "../interfaces/IReputationInputs.sol";
import {IStandingAnchor, Rules} from "../interfaces/IStandingAnchor.sol";
import {Claim, Fault} from "./StandingTypes.sol";

/// @title Claims
/// @author Karat
/// @notice Claims and their bonds: proposed, pending, and in the end final or disproved.
abstract contract Claims is IStandingAnchor {
    /// @dev The pending claim of a scope. `holdUntil`: time to use what was disclosed late in the window. `challenges` are
    /// open, `challenged` if there ever was one.
    struct Pending {
        bytes32 claimHash;
        address proposer;
        uint40 windowEnd;
        uint40 holdUntil;
        uint32 challenges;
        bool challenged;
    }

    /// @dev The last final claim of a scope.
    struct Final {
        bytes32 nodeRoot;
        bytes32 rankRoot;
        uint32 day;
        uint32 nodes;
    }

    /// @inheritdoc IStandingAnchor
    IReputationInputs public immutable INPUTS;

    uint128 internal immutable BOND;
    uint32 internal immutable WINDOW;
    uint32 internal immutable RESPONSE;
    uint16 internal immutable ALPHA;
    uint16 internal immutable BETA;
    uint256 internal constant ONE = 2 ** 40;
    uint256 internal constant PARTS = 10_000;
    uint256 private constant LONGEST = 18;

    /// @inheritdoc IStandingAnchor
    mapping(address account => uint256) public owed;

    uint256 private _lastClaim;
    mapping(uint256 scope => Pending) internal _pending;
    mapping(uint256 scope => Final) internal _final;
    /// @dev Whether a claim that was challenged was disproved; false while it is pending and when it is final.
    mapping(bytes32 claimId => bool) internal _disproved;

    constructor(IReputationInputs inputs, Rules memory rules_) {
        if (rules_.bond == 0 || rules_.window == 0 || rules_.response == 0) revert BadRules();
        // A claim must be over while what it follows from is still known: its window, then a challenge that takes two
        // answers for each four levels of the largest tree, and the time to use what that has shown.
        if (rules_.window + LONGEST * uint256(rules_.response) > inputs.keptFor()) revert BadRules();
        if (rules_.alpha == 0 || rules_.alpha >= PARTS || rules_.beta > PARTS) revert BadRules();
        INPUTS = inputs;
        (BOND, WINDOW, RESPONSE) = (rules_.bond, rules_.window, rules_.response);
        (ALPHA, BETA) = (rules_.alpha, rules_.beta);
    }

    /// @inheritdoc IStandingAnchor
    function rules() external view returns (Rules memory) {
        return Rules(BOND, WINDOW, RESPONSE, ALPHA, BETA);
    }

    /// @inheritdoc IStandingAnchor
    function propose(Claim calldata claim) external payable {
        uint256 scope = claim.scope;
        Pending storage pending = _pending[scope];
        if (pending.proposer != address(0)) revert ClaimPending(scope, pending.claimHash);
        uint32 latest = INPUTS.latestDay(scope);
        if (claim.day != latest || latest <= _final[scope].day) revert WrongDay(claim.day, latest);
        uint32 nodes = INPUTS.members(scope, latest);
        if (claim.nodes != nodes || nodes == 0) revert WrongCount(claim.nodes, nodes);
        if (claim.edges > 32 * uint256(nodes)) revert WrongCount(claim.edges, nodes);
        if (msg.value != BOND) revert WrongBond(msg.value, BOND);
        uint256 number = ++_lastClaim;
        pending.claimHash = keccak256(abi.encode(claim, msg.sender, number));
        pending.proposer = msg.sender;
        pending.windowEnd = uint40(block.timestamp) + WINDOW;
        emit ClaimProposed(scope, claim.day, pending.claimHash, msg.sender, number, claim);
    }

    /// @inheritdoc IStandingAnchor
    function finalize(Claim calldata claim, uint256 number) external {
        Pending storage pending = _require(claim, number);
        uint256 from = pending.windowEnd > pending.holdUntil ? pending.windowEnd : pending.holdUntil;
        if (block.timestamp < from || pending.challenges != 0) revert NotYetFinal(from, pending.challenges);
        uint256 scope = claim.scope;
        _final[scope] = Final(claim.nodeRoot, claim.rankRoot, claim.day, claim.nodes);
        owed[pending.proposer] += BOND;
        emit ClaimFinal(scope, claim.day, pending.claimHash, claim.nodeRoot);
        delete _pending[scope];
    }

    /// @inheritdoc IStandingAnchor
    function withdraw() external {
        uint256 amount = owed[msg.sender];
        owed[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool paid,) = msg.sender.call{value: amount}("");
        if (!paid) revert NotPaid(msg.sender, amount);
    }

    /// @inheritdoc IStandingAnchor
    function pendingOf(uint256 scope)
        external
        view
        returns (bytes32 claimHash, address proposer, uint40 windowEnd, uint40 holdUntil, uint32 challenges)
    {
        Pending storage p = _pending[scope];
        return (p.claimHash, p.proposer, p.windowEnd, p.holdUntil, p.challenges);
    }

    /// @dev The pending claim, which `claim` and the block it was proposed in must be.
    function _require(Claim calldata claim, uint256 number) internal view returns (Pending storage pending) {
        pending = _pending[claim.scope];
        bytes32 claimHash = keccak256(abi.encode(claim, pending.proposer, number));
        if (pending.proposer == address(0) || pending.claimHash != claimHash) revert NotPending(claim.scope);
    }

    /// @dev Ends a claim: half of the bond to who disproved it, half stays here for ever, or an accomplice's proof would
    /// bring all of it back.
    function _disprove(Claim calldata claim, Fault fault, address by) internal {
        Pending storage pending = _pending[claim.scope];
        // Only challengers ask for it.
        if (pending.challenged) _disproved[pending.claimHash] = true;
        owed[by] += BOND / 2;
        emit ClaimDisproved(claim.scope, claim.day, pending.claimHash, fault, by);
        delete _pending[claim.scope];
    }
}
