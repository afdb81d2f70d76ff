// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IReputationInputs} from "./interfaces/IReputationInputs.sol";
import {IStandingAnchor, Rules, Standing} from "./interfaces/IStandingAnchor.sol";
import {Claims} from "./reputation/Claims.sol";
import {Disclosure} from "./reputation/Disclosure.sol";
import {FraudProofs} from "./reputation/FraudProofs.sol";
import {PositionalTree} from "./reputation/PositionalTree.sol";
import {NodeProof, RangeProof, RankProof} from "./reputation/StandingTypes.sol";

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
    function prove(uint256 scope, NodeProof calldata node, RangeProof calldata range) external {
        Final storage f = _final[scope];
        (uint64 score, uint32 best, uint32 worst) = (node.leaf.score, range.first.index, range.last.index);
        bool proven = verify(scope, node) && _scores(f, range.first, best, score, true);
        if (worst != best) proven = proven && _scores(f, range.last, worst, score, true);
        // Ranks descend: where a neighbour has another score, nobody beyond it has this one.
        if (best > 0) proven = proven && _scores(f, range.before, best - 1, score, false);
        if (worst + 1 < f.nodes) proven = proven && _scores(f, range.behind, worst + 1, score, false);
        if (!proven) revert NoProof();
        _proven[scope][node.leaf.account] = Proven(score, best, worst, f.day);
        emit StandingProven(scope, f.day, node.leaf.account, score, best, worst);
    }

    /// @inheritdoc IStandingAnchor
    function reputationOf(uint256 scope, address account, uint256 maxAge) external view returns (Standing memory) {
        Proven storage p = _proven[scope][account];
        Final storage f = _final[scope];
        uint256 age = block.timestamp - f.day * uint256(1 days);
        if (p.day == 0 || p.day != f.day || age > maxAge) revert NoFreshStanding(scope, account);
        return Standing(p.score, p.bestRank, p.worstRank, f.nodes, f.day, uint40(age));
    }

    /// @inheritdoc IStandingAnchor
    function tryAll(bytes[] calldata calls) external {
        for (uint256 i; i < calls.length; ++i) {
            // What is refused changes nothing, and no money comes along: only the caller can lose by a call.
            (bool done,) = address(this).delegatecall(calls[i]);
            if (!done) emit Refused(i);
        }
    }

    /// @dev Whether this is the rank at a place, and has that score, or another.
    function _scores(Final storage f, RankProof calldata rank, uint256 place, uint64 score, bool same)
        private
        view
        returns (bool)
    {
        return (rank.leaf.score == score) == same && rank.index == place
            && f.rankRoot.holds(f.nodes, place, keccak256(abi.encode(rank.leaf)), rank.path);
    }
}
