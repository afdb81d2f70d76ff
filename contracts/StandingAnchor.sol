// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IReputationInputs} from "./interfaces/IReputationInputs.sol";
import {IStandingAnchor, Rules, Standing} from "./interfaces/IStandingAnchor.sol";
import {Claims} from "./reputation/Claims.sol";
import {Disclosure} from "./reputation/Disclosure.sol";
import {FraudProofs} from "./reputation/FraudProofs.sol";
import {PositionalTree} from "./reputation/PositionalTree.sol";
import {NodeProof, Rank, RankProof} from "./reputation/StandingTypes.sol";

/// @title StandingAnchor
/// @author Karat
/// @notice MeritRank standings on chain that stand because nobody could disprove them: no vote, no committee, no owner.
contract StandingAnchor is FraudProofs, Disclosure {
    using PositionalTree for bytes32;

    /// @dev A standing that was proven.
    struct Proven {
        uint64 score;
        uint32 bestRank;
        uint32 worstRank;
        uint32 day;
    }

    mapping(uint256 scope => mapping(address account => Proven)) private _proven;

    constructor(IReputationInputs inputs, Rules memory rules_) Claims(inputs, rules_) {}

    /// @inheritdoc IStandingAnchor
    function finalOf(uint256 scope)
        external
        view
        returns (bytes32 nodeRoot, bytes32 rankRoot, uint32 day, uint32 nodes)
    {
        Final storage f = _final[scope];
        return (f.nodeRoot, f.rankRoot, f.day, f.nodes);
    }

    /// @inheritdoc IStandingAnchor
    function verify(uint256 scope, NodeProof calldata node) public view returns (bool) {
        Final storage f = _final[scope];
        return f.nodeRoot.holds(f.nodes, node.index, keccak256(abi.encode(node.leaf)), node.path);
    }

    /// @inheritdoc IStandingAnchor
    function prove(uint256 scope, NodeProof calldata node, RankProof calldata rank) external {
        Final storage f = _final[scope];
        bool ranked = rank.leaf.index == node.index
            && f.rankRoot.holds(f.nodes, rank.index, keccak256(abi.encode(rank.leaf)), rank.path);
        if (!ranked || !verify(scope, node)) revert NoProof();
        Rank calldata r = rank.leaf;
        _proven[scope][node.leaf.account] = Proven(r.score, r.best, r.worst, f.day);
        emit StandingProven(scope, f.day, node.leaf.account, r.score, r.best, r.worst);
    }

    /// @inheritdoc IStandingAnchor
    function reputationOf(uint256 scope, address account, uint256 maxAge) external view returns (Standing memory) {
        Proven storage p = _proven[scope][account];
        Final storage f = _final[scope];
        uint256 age = block.timestamp - f.day * uint256(1 days);
        if (p.day == 0 || p.day != f.day || age > maxAge) revert NoFreshStanding(scope, account);
        return Standing(p.score, p.bestRank, p.worstRank, f.nodes, f.day, uint40(age));
    }
}
