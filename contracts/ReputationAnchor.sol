// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ILedger} from "./interfaces/ILedger.sol";
import {IReputationAnchor, Leaf, Statement} from "./interfaces/IReputationAnchor.sol";

/// @title ReputationAnchor
/// @author Karat
/// @notice The reputation scores of every task and epoch, as the majority of the task's verifiers attested them.
contract ReputationAnchor is IReputationAnchor {
    /// @dev What a verifier stands behind in an epoch.
    struct Attestation {
        bytes32 statementHash;
        uint16 weight;
    }

    /// @inheritdoc IReputationAnchor
    ILedger public immutable LEDGER;

    /// @inheritdoc IReputationAnchor
    mapping(uint256 taskId => uint64 epoch) public lastEpoch;

    mapping(uint256 taskId => mapping(uint64 epoch => Statement)) private _statements;
    mapping(uint256 taskId => mapping(uint64 epoch => mapping(address verifier => Attestation))) private _attestations;
    mapping(bytes32 statementHash => uint256 weight) private _weights;

    constructor(ILedger ledger) {
        LEDGER = ledger;
    }

    /// @inheritdoc IReputationAnchor
    function attest(uint256 taskId, uint64 epoch, Statement calldata statement) external {
        uint16 weight = LEDGER.verifierWeight(taskId, msg.sender);
        if (weight == 0) revert NotVerifier(msg.sender, taskId);
        uint64 expected = lastEpoch[taskId] + 1;
        if (epoch != expected) revert WrongEpoch(epoch, expected);
        _validate(statement);
        bytes32 statementHash = keccak256(abi.encode(taskId, epoch, statement));
        uint256 total = LEDGER.totalVerifierWeight(taskId);
        uint256 behind = _record(_attestations[taskId][epoch][msg.sender], statementHash, weight, epoch);
        emit StatementAttested(taskId, epoch, msg.sender, statementHash, behind, total);
        if (2 * behind <= total) return;
        lastEpoch[taskId] = epoch;
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
        external
        view
        returns (bool)
    {
        if (epoch == 0 || epoch > lastEpoch[taskId]) revert NotAnchored(taskId, epoch);
        return MerkleProof.verifyCalldata(proof, _statements[taskId][epoch].root, leafHash(leaf));
    }

    /// @inheritdoc IReputationAnchor
    function leafHash(Leaf calldata leaf) public pure returns (bytes32) {
        return
            keccak256(
                bytes.concat(keccak256(abi.encode(leaf.index, leaf.node, leaf.score, leaf.outWeight, leaf.rowHash)))
            );
    }

    /// @dev Moves the caller's weight behind a statement; returns the weight that stands behind it now.
    function _record(Attestation storage mine, bytes32 statementHash, uint16 weight, uint64 epoch)
        private
        returns (uint256 behind)
    {
        if (mine.statementHash == statementHash) revert AlreadyAttested(msg.sender, epoch);
        if (mine.weight != 0) _weights[mine.statementHash] -= mine.weight;
        (mine.statementHash, mine.weight) = (statementHash, weight);
        behind = _weights[statementHash] + weight;
        _weights[statementHash] = behind;
    }

    /// @dev Refuses statements that cannot be recomputed.
    function _validate(Statement calldata statement) private view {
        if (statement.root == 0) revert BadStatement("root", 0);
        if (statement.nodes == 0) revert BadStatement("nodes", 0);
        if (statement.alphaNumerator == 0 || statement.alphaNumerator >= statement.alphaDenominator) {
            revert BadStatement("alphaNumerator", statement.alphaNumerator);
        }
        if (statement.fromBlock > statement.toBlock) revert BadStatement("fromBlock", statement.fromBlock);
        if (statement.toBlock >= block.number) revert BadStatement("toBlock", statement.toBlock);
    }
}
