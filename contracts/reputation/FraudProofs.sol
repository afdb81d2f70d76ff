// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IStandingAnchor} from "../interfaces/IStandingAnchor.sol";
import {Claims} from "./Claims.sol";
import {PositionalTree} from "./PositionalTree.sol";
import {Claim, Edge, EdgeProof, Fault, NeighboursProof, Node, NodeProof, Rank, RankProof} from "./StandingTypes.sol";

/// @title FraudProofs
/// @author Karat
/// @notice One proof for each way in which a claim can be wrong; each takes a constant number of paths, whatever the
/// degree of a node. If none of them holds anywhere, then by induction over the order of joining the scores are right.
abstract contract FraudProofs is Claims {
    using PositionalTree for bytes32;

    uint32 internal constant NONE = type(uint32).max;
    uint32 internal constant MIXED = type(uint32).max - 1;
    uint256 private constant ENTRY = 6; // bytes of a row's entry

    /// @inheritdoc IStandingAnchor
    function disproveInput(Claim calldata claim, uint256 number, NodeProof calldata node)
        external
        against(claim, number)
    {
        _check(claim, node);
        bool right = node.leaf.account == INPUTS.memberAt(claim.scope, node.index)
            && node.leaf.gain == INPUTS.gainAt(claim.scope, claim.day, node.index);
        _end(claim, right, Fault.Input);
    }

    /// @inheritdoc IStandingAnchor
    function disproveGainSum(Claim calldata claim, uint256 number, NodeProof calldata previous, NodeProof calldata node)
        external
        against(claim, number)
    {
        _check(claim, node);
        uint256 before;
        if (node.index > 0) {
            _follows(previous.index, node.index);
            _check(claim, previous);
            before = previous.leaf.gainSum;
        }
        bool right = node.leaf.gainSum == before + node.leaf.gain
            && (node.index + 1 < claim.nodes || node.leaf.gainSum == claim.totalGain);
        _end(claim, right, Fault.GainSum);
    }

    /// @inheritdoc IStandingAnchor
    function disproveOrder(Claim calldata claim, uint256 number, EdgeProof calldata previous, EdgeProof calldata edge)
        external
        against(claim, number)
    {
        _follows(previous.index, edge.index);
        _check(claim, previous);
        _check(claim, edge);
        _end(claim, _key(previous.leaf) < _key(edge.leaf), Fault.Order);
    }

    /// @inheritdoc IStandingAnchor
    function disproveEdgeSum(Claim calldata claim, uint256 number, EdgeProof calldata previous, EdgeProof calldata edge)
        external
        against(claim, number)
    {
        _check(claim, edge);
        Edge calldata e = edge.leaf;
        (uint256 sum, uint32 via) = (0, NONE);
        if (edge.index > 0) {
            _follows(previous.index, edge.index);
            _check(claim, previous);
            if (previous.leaf.target == e.target) (sum, via) = (previous.leaf.sum, previous.leaf.via);
        }
        if (e.flow > 0) via = via == NONE || via == e.top ? e.top : MIXED;
        _end(claim, e.sum == sum + e.flow && e.via == via, Fault.EdgeSum);
    }

    /// @inheritdoc IStandingAnchor
    function disproveWeight(Claim calldata claim, uint256 number, EdgeProof calldata edge, bytes calldata row)
        external
        against(claim, number)
    {
        _check(claim, edge);
        Edge calldata e = edge.leaf;
        bool right = e.weight > 0 && e.source < e.target && e.target < claim.nodes;
        if (right) {
            _checkRow(claim, e.source, row);
            right = e.weight == _weight(row, e.target);
        }
        _end(claim, right, Fault.Weight);
    }

    /// @inheritdoc IStandingAnchor
    function disproveOmission(
        Claim calldata claim,
        uint256 number,
        uint32 source,
        uint32 target,
        bytes calldata row,
        uint32 place,
        EdgeProof calldata before,
        EdgeProof calldata behind
    ) external against(claim, number) {
        if (source >= claim.nodes || place > claim.edges) revert NoProof();
        _checkRow(claim, source, row);
        uint256 key = (uint256(target) << 32) | source;
        if (place > 0) {
            _follows(before.index, place);
            _check(claim, before);
            if (_key(before.leaf) >= key) revert NoProof();
        }
        if (place < claim.edges) {
            _same(behind.index, place);
            _check(claim, behind);
            if (_key(behind.leaf) <= key) revert NoProof();
        }
        _end(claim, _weight(row, target) == 0, Fault.Omission);
    }

    /// @inheritdoc IStandingAnchor
    function disproveOutWeight(Claim calldata claim, uint256 number, NodeProof calldata node, bytes calldata row)
        external
        against(claim, number)
    {
        _check(claim, node);
        _checkRow(claim, node.index, row);
        uint256 sum;
        for (uint256 p; p < row.length; p += ENTRY) {
            sum += _entry(row, p) & 0xffff;
        }
        _end(claim, node.leaf.outWeight == sum, Fault.OutWeight);
    }

    /// @inheritdoc IStandingAnchor
    function disproveFlow(Claim calldata claim, uint256 number, EdgeProof calldata edge, NodeProof calldata source)
        external
        against(claim, number)
    {
        _check(claim, edge);
        _check(claim, source);
        _same(source.index, edge.leaf.source);
        uint256 whole = PARTS * uint256(source.leaf.outWeight);
        uint256 share = (PARTS - ALPHA) * uint256(source.leaf.visits) * edge.leaf.weight;
        bool right = whole > 0 && edge.leaf.flow == share / whole && edge.leaf.top == source.leaf.top;
        _end(claim, right, Fault.Flow);
    }

    /// @inheritdoc IStandingAnchor
    function disproveEdgesEnd(Claim calldata claim, uint256 number, NodeProof calldata node, EdgeProof calldata edge)
        external
        against(claim, number)
    {
        _check(claim, node);
        uint256 end = node.leaf.edgesEnd;
        bool right = end <= claim.edges;
        if (right) {
            _check(claim, edge);
            right = (edge.index < end) == (edge.leaf.target <= node.index);
        }
        _end(claim, right, Fault.EdgesEnd);
    }

    /// @inheritdoc IStandingAnchor
    function disproveScore(Claim calldata claim, uint256 number, NodeProof calldata node, EdgeProof calldata last)
        external
        against(claim, number)
    {
        _check(claim, node);
        Node calldata n = node.leaf;
        uint256 visits =
            claim.totalGain == 0 ? 0 : (PARTS - ALPHA) * ONE * uint256(n.gain) / (PARTS * uint256(claim.totalGain));
        uint32 top = node.index;
        bool direct = visits > 0;
        if (n.edgesEnd > 0) {
            _check(claim, last);
            _follows(last.index, n.edgesEnd);
            if (last.leaf.target == node.index) {
                visits += last.leaf.sum;
                if (!direct && last.leaf.via < MIXED) top = last.leaf.via;
            }
        }
        uint256 score = top == node.index ? visits : visits * (PARTS - BETA) / PARTS;
        _end(claim, n.visits == visits && n.top == top && n.score == score, Fault.Score);
    }

    /// @inheritdoc IStandingAnchor
    function disproveRankOrder(
        Claim calldata claim,
        uint256 number,
        RankProof calldata better,
        RankProof calldata worse
    ) external against(claim, number) {
        _follows(better.index, worse.index);
        _check(claim, better);
        _check(claim, worse);
        (Rank calldata a, Rank calldata b) = (better.leaf, worse.leaf);
        _end(claim, _isAbove(a.index, a.score, b.index, b.score), Fault.Rank);
    }

    /// @inheritdoc IStandingAnchor
    function disproveRank(Claim calldata claim, uint256 number, RankProof calldata rank, NodeProof calldata node)
        external
        against(claim, number)
    {
        _check(claim, rank);
        bool right = rank.leaf.index < claim.nodes;
        if (right) {
            _check(claim, node);
            if (rank.index == 0 && node.index != rank.leaf.index) {
                right = !_isAbove(node.index, node.leaf.score, rank.leaf.index, rank.leaf.score);
            } else {
                _same(node.index, rank.leaf.index);
                right = rank.leaf.score == node.leaf.score;
            }
        }
        _end(claim, right, Fault.Rank);
    }

    /// @inheritdoc IStandingAnchor
    function disproveRankOmission(
        Claim calldata claim,
        uint256 number,
        NodeProof calldata node,
        NeighboursProof calldata ranks
    ) external against(claim, number) {
        _check(claim, node);
        _check(claim, ranks);
        uint64 score = node.leaf.score;
        bool between = _isAbove(ranks.better.index, ranks.better.score, node.index, score)
            && _isAbove(node.index, score, ranks.worse.index, ranks.worse.score);
        _end(claim, !between, Fault.Rank);
    }

    /// @dev Whoever disproves a claim shows something of it that is not right.
    modifier against(Claim calldata claim, uint256 number) {
        _require(claim, number);
        _;
    }

    function _end(Claim calldata claim, bool right, Fault fault) private {
        if (right) revert NoFault(fault);
        _disprove(claim, fault, msg.sender);
    }

    function _check(Claim calldata claim, NodeProof calldata p) internal pure {
        if (!claim.nodeRoot.holds(claim.nodes, p.index, keccak256(abi.encode(p.leaf)), p.path)) revert NoProof();
    }

    function _check(Claim calldata claim, EdgeProof calldata p) private pure {
        if (!claim.edgeRoot.holds(claim.edges, p.index, keccak256(abi.encode(p.leaf)), p.path)) revert NoProof();
    }

    function _check(Claim calldata claim, RankProof calldata p) private pure {
        if (!claim.rankRoot.holds(claim.nodes, p.index, keccak256(abi.encode(p.leaf)), p.path)) revert NoProof();
    }

    function _check(Claim calldata claim, NeighboursProof calldata p) private pure {
        (bytes32 better, bytes32 worse) = (keccak256(abi.encode(p.better)), keccak256(abi.encode(p.worse)));
        if (!claim.rankRoot.holdsBoth(claim.nodes, p.index, better, worse, p.path)) revert NoProof();
    }

    function _checkRow(Claim calldata claim, uint32 index, bytes calldata row) private view {
        bytes28 right = INPUTS.rowAt(claim.scope, claim.day, index);
        if ((row.length == 0 ? bytes28(0) : bytes28(keccak256(row))) != right) revert NoProof();
    }

    function _follows(uint256 previous, uint256 index) private pure {
        if (previous + 1 != index) revert NoProof();
    }

    function _same(uint256 index, uint256 wanted) private pure {
        if (index != wanted) revert NoProof();
    }

    /// @dev Whether one account comes before another in the ranking.
    function _isAbove(uint32 index, uint64 score, uint32 otherIndex, uint64 otherScore) private pure returns (bool) {
        return score > otherScore || (score == otherScore && index < otherIndex);
    }

    function _key(Edge calldata edge) private pure returns (uint256) {
        return (uint256(edge.target) << 32) | edge.source;
    }

    /// @dev The weight that a row gives to a target; 0 if it is not in it.
    function _weight(bytes calldata row, uint32 target) private pure returns (uint256) {
        unchecked {
            for (uint256 p; p < row.length; p += ENTRY) {
                uint256 entry = _entry(row, p);
                if (entry >> 16 == target) return entry & 0xffff;
            }
        }
        return 0;
    }

    /// @dev The six bytes of a row's entry; the row has the hash that the inputs have, so it has whole entries.
    function _entry(bytes calldata row, uint256 at) private pure returns (uint256 entry) {
        assembly ("memory-safe") {
            entry := shr(208, calldataload(add(row.offset, at)))
        }
    }
}
