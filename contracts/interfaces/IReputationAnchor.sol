// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {ILedger} from "./ILedger.sol";

/// @notice What verifiers attest about an epoch: the Merkle root of its MeritRank scores and everything needed to
/// recompute it.
struct Statement {
    /// Root over the leaves, in index order.
    bytes32 root;
    /// Digest of the feedback graph that the scores were computed from.
    bytes32 graphDigest;
    /// sha2-256 digest of the document in the content store that holds parameters, graph and scores.
    bytes32 documentDigest;
    /// The ego from which the scores were computed.
    address ego;
    /// Transitivity decay alpha = alphaNumerator / alphaDenominator.
    uint32 alphaNumerator;
    uint32 alphaDenominator;
    /// How many nodes, so leaves, there are.
    uint32 nodes;
    /// The blocks whose events made the graph, both included.
    uint64 fromBlock;
    uint64 toBlock;
}

/// @notice One node's row. `score` and `outWeight` are on the Q40 grid (1.0 = 2**40).
struct Leaf {
    uint256 index;
    address node;
    uint256 score;
    uint256 outWeight;
    bytes32 rowHash;
}

/// @title IReputationAnchor
/// @author Karat
/// @notice Records, per task and epoch, the root of the MeritRank scores once more than half of the verifiers' weight
/// attests the same statement, and checks scores against it for other contracts.
interface IReputationAnchor {
    /// @notice A verifier attested a statement; `weight` of `totalWeight` stand behind it now.
    event StatementAttested(
        uint256 indexed taskId,
        uint64 indexed epoch,
        address indexed verifier,
        bytes32 statementHash,
        uint256 weight,
        uint256 totalWeight
    );

    /// @notice A statement got more than half of the weight.
    event EpochAnchored(uint256 indexed taskId, uint64 indexed epoch, bytes32 statementHash, Statement statement);

    /// @notice A member attested others: 22 bytes each, an address and a signed 16-bit weight (negative: distrust).
    event PeersAttested(uint256 indexed taskId, address indexed from, uint32 round, bytes edges);

    /// @notice A score was proven against the epoch's root and is kept for integrators.
    event ReputationCached(uint256 indexed taskId, uint64 indexed epoch, address indexed node, uint256 score);

    /// @notice An epoch's root holds two rows for one node or place, so none of its rows counts.
    event EpochContradicted(uint256 indexed taskId, uint64 indexed epoch, address indexed node);

    /// @notice Only members of the task with their full stake may attest others.
    error NotInGoodStanding(address account, uint256 taskId);
    /// @notice The packed attestations are empty, not a multiple of 22 bytes, or name the sender or a zero weight.
    error BadEdges(uint256 length, uint256 position);
    /// @notice The member has used up its attestations of this round.
    error TooManyAttestations(uint256 wanted, uint256 left);
    /// @notice The row does not belong to the epoch's root.
    error InvalidProof(uint256 taskId, uint64 epoch, address node);
    /// @notice Only a verifier of the task may attest.
    error NotVerifier(address account, uint256 taskId);
    /// @notice The verifier stands behind this statement already.
    error AlreadyAttested(address verifier, uint64 epoch);
    /// @notice The epoch is not the next one to anchor, or another was anchored in this block; or, in a proof, not the
    /// latest.
    error WrongEpoch(uint64 epoch, uint64 expected);
    /// @notice The statement's field `name` is out of range.
    error BadStatement(string name, uint256 value);
    /// @notice Nothing is anchored for this epoch.
    error NotAnchored(uint256 taskId, uint64 epoch);

    /// @notice The ledger whose verifiers attest.
    function LEDGER() external view returns (ILedger);

    /// @notice Attests a statement for the next epoch of a task, in place of what the caller attested for it before;
    /// records it when more than half of the weight stands behind it.
    /// @dev Access: a verifier of the task. State: `epoch` is the last anchored one plus one, and its blocks end later.
    /// What counts is the weight of active verifiers that were so when the current round opened, of all that was granted: who
    /// joins for a moment attests nothing, and before the first round nobody does.
    function attest(uint256 taskId, uint64 epoch, Statement calldata statement) external;

    /// @notice The last epoch that was anchored; epochs count from 1.
    function lastEpoch(uint256 taskId) external view returns (uint64);

    /// @notice The statement anchored for an epoch.
    function statementOf(uint256 taskId, uint64 epoch) external view returns (Statement memory);

    /// @notice The hash of a row: keccak256(bytes.concat(keccak256(abi.encode(index, node, score, outWeight,
    /// rowHash)))).
    function leafHash(Leaf calldata leaf) external pure returns (bytes32);

    /// @notice Whether a row belongs to the epoch's root; pairs are sorted as in OpenZeppelin's MerkleProof.
    /// @dev Access: anyone. State: `epoch` is anchored.
    function verify(uint256 taskId, uint64 epoch, Leaf calldata leaf, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice Checks a row and keeps its score, so that other contracts can read it with `reputationOf`.
    /// @dev Access: anyone. State: `epoch` is the last one anchored.
    function cacheReputation(uint256 taskId, uint64 epoch, Leaf calldata leaf, bytes32[] calldata proof) external;

    /// @notice Shows two different rows of an epoch's root for one node, or for one place: from then on none of its rows
    /// counts.
    /// @dev Access: anyone. State: `epoch` is anchored.
    function contradict(
        uint256 taskId,
        uint64 epoch,
        Leaf calldata one,
        bytes32[] calldata proof,
        Leaf calldata other,
        bytes32[] calldata otherProof
    ) external;

    /// @notice Whether somebody has shown that an epoch's root contradicts itself.
    function isContradicted(uint256 taskId, uint64 epoch) external view returns (bool);

    /// @notice The last cached score of a node, on the Q40 grid, and its epoch (0: none cached).
    function reputationOf(uint256 taskId, address node) external view returns (uint192 score, uint64 epoch);

    /// @notice Attests other accounts, as edges of the feedback graph; only the event keeps them.
    /// @dev Access: a trainer or verifier of the task with its full stake. State: at most 32 edges per member and
    /// round, so that what an attacker can say is bounded by what it stakes.
    /// @param edges 22 bytes each: address, then int16 weight, big-endian.
    function attestPeers(uint256 taskId, bytes calldata edges) external;
}
