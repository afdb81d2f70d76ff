// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ILedger} from "./interfaces/ILedger.sol";
import {IReputationAnchor, Leaf, Statement} from "./interfaces/IReputationAnchor.sol";
import {Member, Role, VerifierGrant} from "./interfaces/LedgerTypes.sol";

/// @title ReputationAnchor
/// @author Karat
/// @notice The reputation scores of every task and epoch, as the majority of the task's verifiers attested them.
contract ReputationAnchor is IReputationAnchor {
    /// @dev A score that was proven, and when.
    struct Reputation {
        uint192 score;
        uint64 epoch;
    }

    /// @dev How many edges a member has attested in a round.
    struct Allowance {
        uint32 round;
        uint32 used;
    }

    uint256 private constant EDGE_BYTES = 22;
    uint256 private constant EDGES_PER_ROUND = 32;

    /// @inheritdoc IReputationAnchor
    ILedger public immutable LEDGER;

    /// @inheritdoc IReputationAnchor
    mapping(uint256 taskId => uint64 epoch) public lastEpoch;

    /// @inheritdoc IReputationAnchor
    mapping(uint256 taskId => mapping(uint64 epoch => bool)) public isContradicted;

    mapping(uint256 taskId => uint256 blockNumber) private _anchoredIn;
    mapping(uint256 taskId => mapping(uint64 epoch => Statement)) private _statements;
    mapping(uint256 taskId => mapping(uint64 epoch => mapping(address verifier => bytes32 statementHash))) private
        _attested;
    mapping(uint256 taskId => mapping(address node => Reputation)) private _reputations;
    mapping(uint256 taskId => mapping(address member => Allowance)) private _allowances;

    constructor(ILedger ledger) {
        LEDGER = ledger;
    }

    /// @inheritdoc IReputationAnchor
    function attest(uint256 taskId, uint64 epoch, Statement calldata statement) external {
        if (LEDGER.servingWeight(taskId, msg.sender) == 0) revert NotVerifier(msg.sender, taskId);
        uint64 expected = lastEpoch[taskId] + 1;
        // One a block: or whoever has the majority for a moment could fill as many epochs as it likes.
        if (epoch != expected || _anchoredIn[taskId] == block.number) revert WrongEpoch(epoch, expected);
        _validate(statement, _statements[taskId][expected - 1].toBlock);
        bytes32 statementHash = keccak256(abi.encode(taskId, epoch, statement));
        mapping(address verifier => bytes32 statementHash) storage attested = _attested[taskId][epoch];
        if (attested[msg.sender] == statementHash) revert AlreadyAttested(msg.sender, epoch);
        attested[msg.sender] = statementHash;
        (uint256 behind, uint256 total) = _weightBehind(taskId, attested, statementHash);
        emit StatementAttested(taskId, epoch, msg.sender, statementHash, behind, total);
        if (2 * behind <= total) return;
        (lastEpoch[taskId], _anchoredIn[taskId]) = (epoch, block.number);
        _statements[taskId][epoch] = statement;
        emit EpochAnchored(taskId, epoch, statementHash, statement);
    }

    /// @inheritdoc IReputationAnchor
    function statementOf(uint256 taskId, uint64 epoch) public view returns (Statement memory) {
        if (epoch == 0 || epoch > lastEpoch[taskId]) revert NotAnchored(taskId, epoch);
        return _statements[taskId][epoch];
    }

    /// @inheritdoc IReputationAnchor
    function verify(uint256 taskId, uint64 epoch, Leaf calldata leaf, bytes32[] calldata proof)
        public
        view
        returns (bool)
    {
        if (epoch == 0 || epoch > lastEpoch[taskId]) revert NotAnchored(taskId, epoch);
        if (isContradicted[taskId][epoch]) return false;
        return MerkleProof.verifyCalldata(proof, _statements[taskId][epoch].root, leafHash(leaf));
    }

    /// @inheritdoc IReputationAnchor
    function leafHash(Leaf calldata leaf) public pure returns (bytes32) {
        return
            keccak256(
                bytes.concat(keccak256(abi.encode(leaf.index, leaf.node, leaf.score, leaf.outWeight, leaf.rowHash)))
            );
    }

    /// @inheritdoc IReputationAnchor
    function cacheReputation(uint256 taskId, uint64 epoch, Leaf calldata leaf, bytes32[] calldata proof) external {
        if (!verify(taskId, epoch, leaf, proof) || leaf.score > type(uint192).max) {
            revert InvalidProof(taskId, epoch, leaf.node);
        }
        if (epoch != lastEpoch[taskId]) revert WrongEpoch(epoch, lastEpoch[taskId]);
        Reputation storage kept = _reputations[taskId][leaf.node];
        if (kept.epoch == epoch) return;
        (kept.score, kept.epoch) = (uint192(leaf.score), epoch);
        emit ReputationCached(taskId, epoch, leaf.node, leaf.score);
    }

    /// @inheritdoc IReputationAnchor
    function contradict(
        uint256 taskId,
        uint64 epoch,
        Leaf calldata one,
        bytes32[] calldata proof,
        Leaf calldata other,
        bytes32[] calldata otherProof
    ) external {
        bool same = one.node == other.node || one.index == other.index;
        bool differ = leafHash(one) != leafHash(other);
        if (!same || !differ || !verify(taskId, epoch, one, proof) || !verify(taskId, epoch, other, otherProof)) {
            revert InvalidProof(taskId, epoch, other.node);
        }
        isContradicted[taskId][epoch] = true;
        emit EpochContradicted(taskId, epoch, one.node);
    }

    /// @inheritdoc IReputationAnchor
    function reputationOf(uint256 taskId, address node) external view returns (uint192 score, uint64 epoch) {
        Reputation storage kept = _reputations[taskId][node];
        if (isContradicted[taskId][kept.epoch]) return (0, 0);
        return (kept.score, kept.epoch);
    }

    /// @inheritdoc IReputationAnchor
    function attestPeers(uint256 taskId, bytes calldata edges) external {
        Member memory member = LEDGER.member(taskId, msg.sender);
        if (member.role == Role.None || member.suspended) revert NotInGoodStanding(msg.sender, taskId);
        uint256 count = edges.length / EDGE_BYTES;
        if (count == 0 || edges.length % EDGE_BYTES != 0) revert BadEdges(edges.length, count);
        for (uint256 i; i < count; ++i) {
            bytes22 edge = bytes22(edges[i * EDGE_BYTES:]);
            bool weightless = uint176(edge) & 0xffff == 0;
            if (weightless || address(bytes20(edge)) == msg.sender) revert BadEdges(edges.length, i);
        }
        uint32 round = LEDGER.task(taskId).currentRound;
        Allowance storage allowance = _allowances[taskId][msg.sender];
        uint256 used = allowance.round == round ? allowance.used : 0;
        if (used + count > EDGES_PER_ROUND) revert TooManyAttestations(count, EDGES_PER_ROUND - used);
        (allowance.round, allowance.used) = (round, uint32(used + count));
        emit PeersAttested(taskId, msg.sender, round, edges);
    }

    /// @dev The weight of the verifiers that stand behind a statement, and the weight that was granted in all, whether or
    /// not its holders have joined. Counted anew each time, as one that attested and left must not count, let alone twice
    /// after it has come back by another name. The ledger lists at most 64.
    function _weightBehind(
        uint256 taskId,
        mapping(address verifier => bytes32 statementHash) storage attested,
        bytes32 statementHash
    ) private view returns (uint256 weight, uint256 total) {
        VerifierGrant[] memory listed = LEDGER.verifiers(taskId);
        for (uint256 i; i < listed.length; ++i) {
            address verifier = listed[i].verifier;
            // slither-disable-next-line calls-loop
            uint256 active = LEDGER.servingWeight(taskId, verifier);
            total += active > listed[i].weight ? active : listed[i].weight;
            if (attested[verifier] == statementHash) weight += active;
        }
    }

    /// @dev Refuses statements that cannot be recomputed.
    function _validate(Statement calldata statement, uint64 lastBlock) private view {
        if (statement.root == 0) revert BadStatement("root", 0);
        if (statement.nodes == 0) revert BadStatement("nodes", 0);
        if (statement.alphaNumerator == 0 || statement.alphaNumerator >= statement.alphaDenominator) {
            revert BadStatement("alphaNumerator", statement.alphaNumerator);
        }
        if (statement.fromBlock > statement.toBlock) revert BadStatement("fromBlock", statement.fromBlock);
        if (statement.toBlock >= block.number || statement.toBlock <= lastBlock) {
            revert BadStatement("toBlock", statement.toBlock);
        }
    }
}
