// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {
    Claim,
    EdgeProof,
    Fault,
    NeighboursProof,
    NodeProof,
    RangeProof,
    RankProof,
    Tree
} from "../reputation/StandingTypes.sol";
import {IReputationInputs} from "./IReputationInputs.sol";

/// @notice Fixed when the anchor is deployed. `bond` in wei, times in seconds, alpha and beta in 1/10,000.
struct Rules {
    uint128 bond;
    /// How long a claim can be disproved before it is final.
    uint32 window;
    /// How long either side of a challenge has for its next answer.
    uint32 response;
    uint16 alpha;
    uint16 beta;
}

/// @notice A standing that was proven. `score`: 2**40 is one. Accounts of equal score share the ranks from `bestRank` to
/// `worstRank`; 0 is the best of `nodes`. `age`: how many seconds ago the `day` began that it is of.
struct Standing {
    uint64 score;
    uint32 bestRank;
    uint32 worstRank;
    uint32 nodes;
    uint32 day;
    uint40 age;
}

/// @title IStandingAnchor
/// @author Karat
/// @notice Standings that need no trust: anybody claims them against a bond, anybody disproves a wrong claim while the
/// window is open and gets half of the bond, and what nobody could disprove is final. In all proofs a leaf that a comment
/// says is not looked at may be anything. `number` is the one that `ClaimProposed` gave to the claim.
interface IStandingAnchor {
    /// @notice Somebody claims the standings of a scope; `number` is the claim's.
    event ClaimProposed(
        uint256 indexed scope,
        uint32 indexed day,
        bytes32 indexed claimHash,
        address proposer,
        uint256 number,
        Claim claim
    );
    /// @notice Nobody could disprove the claim.
    event ClaimFinal(uint256 indexed scope, uint32 indexed day, bytes32 indexed claimHash, bytes32 nodeRoot);
    /// @notice Somebody showed what is wrong with the claim.
    event ClaimDisproved(uint256 indexed scope, uint32 indexed day, bytes32 indexed claimHash, Fault fault, address by);
    /// @notice Somebody asks for the way down to a leaf of a tree.
    event Challenged(
        uint256 indexed scope,
        bytes32 indexed claimHash,
        uint256 indexed id,
        Tree tree,
        address challenger,
        uint40 deadline
    );
    /// @notice The hashes up to four levels under (`height`, `position`); leaves have height 0.
    event Disclosed(
        bytes32 indexed claimHash, uint256 indexed id, uint8 height, uint32 position, bytes32[] hashes, uint40 deadline
    );
    /// @notice The challenger asks for what is under this place.
    event Descended(bytes32 indexed claimHash, uint256 indexed id, uint8 height, uint32 position, uint40 deadline);
    /// @notice A leaf was shown, and the challenge answered.
    event LeafDisclosed(bytes32 indexed claimHash, uint256 indexed id, Tree tree, uint32 index, bytes leaf);
    /// @notice The challenger did not go on in time; its bond is the proposer's.
    event ChallengeDropped(bytes32 indexed claimHash, uint256 indexed id);
    /// @notice A challenge's bond has found its owner.
    event ChallengeSettled(bytes32 indexed claimHash, uint256 indexed id, address winner);
    /// @notice An account's standing was proven against the last final claim.
    event StandingProven(
        uint256 indexed scope,
        uint32 indexed day,
        address indexed account,
        uint64 score,
        uint32 bestRank,
        uint32 worstRank
    );
    /// @notice One of several calls was refused.
    event Refused(uint256 call);
    /// @notice An account took out what it was owed.
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice Bond, window and response must be above zero, alpha in (0, 1), beta at most 1; and the window with 18
    /// responses, which is the longest that a claim can be disputed, no longer than the inputs of its day are known.
    error BadRules();
    /// @notice Only one claim of a scope can be pending.
    error ClaimPending(uint256 scope, bytes32 claimHash);
    /// @notice This claim is not pending: never proposed, final, or disproved.
    error NotPending(uint256 scope);
    /// @notice A claim is of the latest day, once.
    error WrongDay(uint32 day, uint32 latest);
    /// @notice A claim has as many nodes as accounts have joined, and at most 32 edges for each.
    error WrongCount(uint256 claimed, uint32 nodes);
    /// @notice Exactly the bond must be sent along.
    error WrongBond(uint256 sent, uint128 bond);
    /// @notice The window is open, or challenges are.
    error NotYetFinal(uint256 from, uint32 challenges);
    /// @notice Challenges are opened within the window.
    error WindowOver(uint40 windowEnd);
    /// @notice What was given does not lead to the claim's roots or the inputs, or is not where it should be.
    error NoProof();
    /// @notice What was shown is right.
    error NoFault(Fault fault);
    /// @notice There is no such challenge of the pending claim, or it is the other side's turn.
    error NoChallenge(uint256 id);
    /// @notice Only the challenger says where to go on.
    error NotChallenger(address account, address challenger);
    /// @notice The deadline is over.
    error TooLate(uint40 deadline);
    /// @notice The deadline is not over yet.
    error NotYet(uint40 deadline);
    /// @notice The account refused its money.
    error NotPaid(address account, uint256 amount);
    /// @notice The account's standing of the last final day was not proven, or is older than asked for.
    error NoFreshStanding(uint256 scope, address account);

    /// @notice Where the inputs come from.
    function INPUTS() external view returns (IReputationInputs);

    /// @notice The anchor's rules.
    function rules() external view returns (Rules memory);

    /// @notice Makes several calls in one transaction, and passes over those that are refused: so nobody makes many answers
    /// late by being faster with one of them.
    /// @dev Access: as of each. Without money, so that it neither claims nor challenges.
    function tryAll(bytes[] calldata calls) external;

    /// @notice What an account can withdraw.
    function owed(address account) external view returns (uint256);

    /// @notice Pays out what the caller is owed.
    function withdraw() external;

    /// @notice Claims the standings as the latest day began, against the bond.
    /// @dev Access: anyone. State: no claim of the scope is pending, and none of this day is final.
    function propose(Claim calldata claim) external payable;

    /// @notice The pending claim of a scope; zeros if there is none.
    function pendingOf(uint256 scope)
        external
        view
        returns (bytes32 claimHash, address proposer, uint40 windowEnd, uint40 holdUntil, uint32 challenges);

    /// @notice Makes a claim final that nobody has disproved; the proposer gets its bond back.
    /// @dev Access: anyone. State: the window is over, no challenge is open, and the time to use the last disclosure.
    function finalize(Claim calldata claim, uint256 number) external;

    /// @notice The last final claim of a scope; zeros if there is none.
    function finalOf(uint256 scope) external view returns (bytes32 nodeRoot, bytes32 rankRoot, uint32 day, uint32 nodes);

    /// @notice Whether a row belongs to the last final claim.
    function verify(uint256 scope, NodeProof calldata node) external view returns (bool);

    /// @notice Keeps a proven standing, so that contracts can read it.
    /// @dev Access: anyone. State: row and ranks belong to the last final claim, and the ranks are those of the row's score.
    function prove(uint256 scope, NodeProof calldata node, RangeProof calldata range) external;

    /// @notice An account's standing, if it was proven against the last final claim, and the day it is of began at most
    /// `maxAge` seconds ago; reverts with `NoFreshStanding` otherwise.
    function reputationOf(uint256 scope, address account, uint256 maxAge) external view returns (Standing memory);

    /// @notice A node's account or gain is not that of the inputs.
    function disproveInput(Claim calldata claim, uint256 number, NodeProof calldata node) external;

    /// @notice A running sum of gains is wrong; for the first node `previous` is not looked at.
    function disproveGainSum(Claim calldata claim, uint256 number, NodeProof calldata previous, NodeProof calldata node)
        external;

    /// @notice Two neighbouring edges do not ascend.
    function disproveOrder(Claim calldata claim, uint256 number, EdgeProof calldata previous, EdgeProof calldata edge)
        external;

    /// @notice A running sum of flows, or a running label, is wrong; for the first edge `previous` is not looked at.
    function disproveEdgeSum(Claim calldata claim, uint256 number, EdgeProof calldata previous, EdgeProof calldata edge)
        external;

    /// @notice An edge cannot be (weightless, or not from an earlier account to a later one; then the row is not looked
    /// at), or has another weight than in its source's row.
    function disproveWeight(Claim calldata claim, uint256 number, EdgeProof calldata edge, bytes calldata row) external;

    /// @notice A row's entry is no edge: it would have to be at `place`, between `before` and `behind`. At either end of
    /// the tree the one that is not there is not looked at.
    function disproveOmission(
        Claim calldata claim,
        uint256 number,
        uint32 source,
        uint32 target,
        bytes calldata row,
        uint32 place,
        EdgeProof calldata before,
        EdgeProof calldata behind
    ) external;

    /// @notice A node's sum of weights is not that of its row.
    function disproveOutWeight(Claim calldata claim, uint256 number, NodeProof calldata node, bytes calldata row)
        external;

    /// @notice An edge's flow or top does not follow from its source.
    function disproveFlow(Claim calldata claim, uint256 number, EdgeProof calldata edge, NodeProof calldata source)
        external;

    /// @notice A node's edges do not end where it says: `edge` is before that and goes to a later node, or the other way
    /// round; not looked at if the end is beyond all edges.
    function disproveEdgesEnd(Claim calldata claim, uint256 number, NodeProof calldata node, EdgeProof calldata edge)
        external;

    /// @notice A node's visits, top or score do not follow from its gain and its last edge, the one before `edgesEnd`; not
    /// looked at if that is 0.
    function disproveScore(Claim calldata claim, uint256 number, NodeProof calldata node, EdgeProof calldata last)
        external;

    /// @notice Two neighbouring ranks are out of order.
    function disproveRankOrder(
        Claim calldata claim,
        uint256 number,
        RankProof calldata better,
        RankProof calldata worse
    ) external;

    /// @notice A rank has another score than its node, or the first one is not above another node; `node` is not looked at if
    /// the rank's does not exist.
    function disproveRank(Claim calldata claim, uint256 number, RankProof calldata rank, NodeProof calldata node)
        external;

    /// @notice A node has no rank where it would have to be, between two neighbours. So the first wrong rank disproves a
    /// ranking, wherever the other ranks are.
    function disproveRankOmission(
        Claim calldata claim,
        uint256 number,
        NodeProof calldata node,
        NeighboursProof calldata ranks
    ) external;

    /// @notice Asks, against the bond, for the way down to a leaf of one of the claim's trees.
    /// @dev Access: anyone. State: within the window. The bond comes back if the claim is disproved, by whatever proof;
    /// else it is the proposer's.
    function challenge(Claim calldata claim, uint256 number, Tree tree) external payable returns (uint256 id);

    /// @notice Answers with the hashes up to four levels further down.
    /// @dev Access: anyone who knows them. State: the proposer's turn.
    function disclose(Claim calldata claim, uint256 number, uint256 id, bytes32[] calldata hashes) external;

    /// @notice Says under which of the disclosed hashes to go on.
    /// @dev Access: the challenger. State: its turn.
    function descend(Claim calldata claim, uint256 number, uint256 id, bytes32[] calldata hashes, uint256 index)
        external;

    /// @notice Answers with a leaf, ABI-encoded.
    /// @dev Access: anyone who knows it. State: the proposer's turn, at height 0.
    function discloseLeaf(Claim calldata claim, uint256 number, uint256 id, bytes calldata leaf) external;

    /// @notice Ends a challenge whose deadline is over: the claim is disproved if the proposer owes an answer, else the
    /// challenger's bond is the proposer's.
    function lapse(Claim calldata claim, uint256 number, uint256 id) external;

    /// @notice Gives the bond of a challenge to whom it belongs, once its claim is final or disproved.
    function settleChallenge(Claim calldata claim, address proposer, uint256 number, uint256 id) external;
}
