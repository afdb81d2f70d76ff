// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {StandingAnchor} from "../../contracts/StandingAnchor.sol";
import {TaskInputs} from "../../contracts/TaskInputs.sol";
import {IStandingAnchor, Rules} from "../../contracts/interfaces/IStandingAnchor.sol";
import {LedgerViews} from "../../contracts/ledger/LedgerViews.sol";
import {
    Claim,
    Edge,
    EdgeProof,
    NeighboursProof,
    Node,
    NodeProof,
    RangeProof,
    Rank,
    RankProof,
    Tree
} from "../../contracts/reputation/StandingTypes.sol";
import {LedgerTest} from "./utils/LedgerTest.sol";

/// @notice What each fraud proof costs as a whole transaction, data and its floor (EIP-7623) included, in a claim of
/// 2**17 nodes and 2**20 edges: the trees have one leaf that counts, or two neighbours, and random siblings.
contract StandingProofsTest is LedgerTest {
    event log_named_uint(string what, uint256 gas); // forge prints it

    uint256 private constant LIMIT = 100_000;
    uint256 private constant BOND = 1 ether;

    TaskInputs private inputs;
    StandingAnchor private anchor;
    bytes private row;
    Claim private claim;
    uint256 private number;

    NodeProof private node;
    NodeProof private nextNode;
    EdgeProof private edge;
    EdgeProof private nextEdge;
    RankProof private rank;
    RankProof private nextRank;

    /// Inputs of 2**17 accounts in a real ledger, written where they are kept.
    function _inputs() private {
        vm.warp(20_000 days);
        _createTask(_params(), _equalWeights(3), 3);
        uint256 task = uint256(keccak256(abi.encode(taskId, 1)));
        uint256 joined = task;
        while (uint256(vm.load(address(ledger), bytes32(joined))) != (uint256(20_000) << 24) + 3) ++joined;
        vm.store(address(ledger), bytes32(joined), bytes32((uint256(19_999) << 24) + 2 ** 17));
        bytes32 account = keccak256(abi.encode(uint256(60_000), joined + 1));
        vm.store(address(ledger), account, bytes32(uint256(0xBAD)));
        inputs = new TaskInputs(ledger);
        bytes32 place = keccak256(abi.encode(uint256(60_000), keccak256(abi.encode(taskId, uint256(0)))));
        uint256 stated = uint256(uint224(bytes28(keccak256(row)))) | (uint256(19_000) << 224);
        vm.store(address(inputs), place, bytes32(stated));
        assertEq(inputs.members(taskId, 20_000), 2 ** 17, "members");
        assertEq(inputs.memberAt(taskId, 60_000), address(0xBAD), "account");
        assertEq(bytes32(inputs.rowAt(taskId, 20_000, 60_000)), bytes32(bytes28(keccak256(row))), "row");
    }

    function setUp() public override {
        super.setUp();
        for (uint32 i; i < 32; ++i) {
            row = bytes.concat(row, abi.encodePacked(uint32(70_001 + 1000 * i), uint16(60_000 + i)));
        }
        _inputs();
        anchor = new StandingAnchor(inputs, Rules(uint128(BOND), 3600, 600, 1500, 5000));
        vm.deal(address(this), 1000 ether);
        // Wrong everywhere: each proof finds its own fault.
        Node memory n = Node(address(0xBAD), 9 ** 9, 8 ** 20, 7 ** 9, 500_000, 66_666, 2 ** 39, 2 ** 39);
        Edge memory e = Edge(77_777, 60_000, 60_001, 2 ** 33, 44_444, 2 ** 38, 33_333);
        Rank memory r = Rank(60_000, 2 ** 38);
        (node.index, node.leaf, nextNode.index, nextNode.leaf) = (60_000, n, 60_001, n);
        (edge.index, edge.leaf, nextEdge.index, nextEdge.leaf) = (499_998, e, 499_999, e);
        (rank.index, rank.leaf, nextRank.index, nextRank.leaf) = (1000, r, 1001, r);
        (node.path, nextNode.path, claim.nodeRoot) = _pair(60_000, 17, keccak256(abi.encode(n)));
        (edge.path, nextEdge.path, claim.edgeRoot) = _pair(499_998, 20, keccak256(abi.encode(e)));
        (rank.path, nextRank.path, claim.rankRoot) = _pair(1000, 17, keccak256(abi.encode(r)));
        (claim.scope, claim.day, claim.nodes, claim.edges) = (taskId, 20_000, 2 ** 17, 2 ** 20);
        (claim.totalGain, claim.documentDigest) = (8 ** 21, keccak256("document"));
    }

    receive() external payable {}

    /// The same leaf at an even place and the next one.
    function _pair(uint256 index, uint256 depth, bytes32 leaf)
        private
        pure
        returns (bytes32[] memory path, bytes32[] memory next, bytes32 root)
    {
        (path, next) = (new bytes32[](depth), new bytes32[](depth));
        root = leaf;
        for (uint256 i; i < depth; ++i) {
            bytes32 sibling = i == 0 ? leaf : keccak256(abi.encode(index, i));
            (path[i], next[i]) = (sibling, sibling);
            root = (index >> i) & 1 == 0 ? keccak256(abi.encode(root, sibling)) : keccak256(abi.encode(sibling, root));
        }
    }

    function _propose() private {
        Claim memory c = claim;
        anchor.propose{value: BOND}(c);
        ++number;
    }

    /// The gas of a whole transaction with this data.
    function _measure(string memory what, bytes memory data, uint256 limit) private {
        uint256 tokens;
        for (uint256 i; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        // A transaction of its own finds nothing warm.
        vm.cool(address(anchor));
        vm.cool(address(inputs));
        vm.cool(address(ledger));
        vm.cool(address(LedgerViews));
        uint256 before = gasleft();
        (bool done, bytes memory answer) = address(anchor).call(data);
        uint256 execution = before - gasleft();
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        uint256 gas_ = 21_000 + 4 * tokens + execution;
        uint256 least = 21_000 + 10 * tokens;
        if (gas_ < least) gas_ = least;
        emit log_named_uint(what, gas_);
        assertTrue(gas_ <= limit, what);
    }

    function _prove(string memory what, bytes memory data) private {
        _propose();
        _measure(what, data, LIMIT);
        (bytes32 pending,,,,) = anchor.pendingOf(1);
        assertEq(uint256(pending), 0, "disproved");
    }

    function test_everyProofCostsAtMostAHundredThousand() public {
        Claim memory c = claim;
        _prove("input", abi.encodeCall(anchor.disproveInput, (c, 1, node)));
        _prove("sum of gains", abi.encodeCall(anchor.disproveGainSum, (c, 2, node, nextNode)));
        _prove("order", abi.encodeCall(anchor.disproveOrder, (c, 3, edge, nextEdge)));
        _prove("running sum", abi.encodeCall(anchor.disproveEdgeSum, (c, 4, edge, nextEdge)));
        _prove("weight", abi.encodeCall(anchor.disproveWeight, (c, 5, edge, row)));
        _prove("sum of weights", abi.encodeCall(anchor.disproveOutWeight, (c, 6, node, row)));
        _prove("flow", abi.encodeCall(anchor.disproveFlow, (c, 7, edge, node)));
        _prove("end of edges", abi.encodeCall(anchor.disproveEdgesEnd, (c, 8, node, edge)));
        _prove("score", abi.encodeCall(anchor.disproveScore, (c, 9, node, nextEdge)));
        _prove("order of ranks", abi.encodeCall(anchor.disproveRankOrder, (c, 10, rank, nextRank)));
        _prove("rank", abi.encodeCall(anchor.disproveRank, (c, 11, rank, node)));
        // The node stands between these two scores, and is neither; they meet at the root, so that they share no sibling.
        NeighboursProof memory ranks =
            NeighboursProof(2 ** 16 - 1, Rank(9, 2 ** 40), Rank(8, 2 ** 38), new bytes32[](32));
        (bytes32 left, bytes32 right) = (keccak256(abi.encode(ranks.better)), keccak256(abi.encode(ranks.worse)));
        for (uint256 i; i < 32; i += 2) {
            (ranks.path[i], ranks.path[i + 1]) = (keccak256(abi.encode(i)), keccak256(abi.encode(i + 1)));
            left = keccak256(abi.encode(ranks.path[i], left));
            right = keccak256(abi.encode(right, ranks.path[i + 1]));
        }
        claim.rankRoot = keccak256(abi.encode(left, right));
        c = claim;
        _prove("omitted rank", abi.encodeCall(anchor.disproveRankOmission, (c, 12, node, ranks)));
        _prove("first rank", _best());
        // The row names 70,001 + 32,000 too; no edge to it stands between these two.
        nextEdge.leaf.target = 2 ** 17 - 1;
        (edge.path, nextEdge.path) = (_siblings(edge, nextEdge), _siblings(nextEdge, edge));
        claim.edgeRoot = _root(edge.index, keccak256(abi.encode(edge.leaf)), edge.path);
        c = claim;
        bytes memory data = abi.encodeCall(
            anchor.disproveOmission, (c, 14, uint32(60_000), uint32(101_001), row, 499_999, edge, nextEdge)
        );
        _prove("omission", data);
    }

    function _best() private returns (bytes memory) {
        RankProof memory best;
        best.leaf = Rank(9, 2 ** 38);
        (best.path,, claim.rankRoot) = _pair(0, 17, keccak256(abi.encode(best.leaf)));
        Claim memory c = claim;
        return abi.encodeCall(anchor.disproveRank, (c, 13, best, node));
    }

    function _siblings(EdgeProof memory of_, EdgeProof memory other) private pure returns (bytes32[] memory path) {
        path = of_.path;
        path[0] = keccak256(abi.encode(other.leaf));
    }

    function _root(uint256 index, bytes32 leaf, bytes32[] memory path) private pure returns (bytes32 root) {
        root = leaf;
        for (uint256 i; i < path.length; ++i) {
            root = (index >> i) & 1 == 0 ? keccak256(abi.encode(root, path[i])) : keccak256(abi.encode(path[i], root));
        }
    }

    function test_whatTheHonestPay() public {
        // The best of all, whose score the next one has not.
        RangeProof memory range;
        (range.first.leaf, range.behind.leaf) = (Rank(60_000, node.leaf.score), Rank(7, 1));
        range.behind.index = 1;
        (range.first.path, range.behind.path, claim.rankRoot) = _pair(0, 17, 0);
        range.first.path[0] = keccak256(abi.encode(range.behind.leaf));
        range.behind.path[0] = keccak256(abi.encode(range.first.leaf));
        claim.rankRoot = _root(0, range.behind.path[0], range.first.path);
        Claim memory c = claim;
        uint256 before = gasleft();
        anchor.propose{value: BOND}(c);
        emit log_named_uint("propose, without the transaction's own", before - gasleft());
        vm.warp(block.timestamp + 4000);
        _measure("finalize", abi.encodeCall(anchor.finalize, (c, 1)), 135_000);
        _measure("prove", abi.encodeCall(anchor.prove, (1, node, range)), 125_000);
        assertEq(anchor.reputationOf(1, address(0xBAD), 5000).worstRank, 0, "proven");
    }

    function test_oneAnswerOfAChallengeCostsAtMostAHundredThousand() public {
        Claim memory c = claim;
        bytes32[] memory hashes = new bytes32[](16);
        for (uint256 i; i < 16; ++i) {
            hashes[i] = keccak256(abi.encode(i));
        }
        bytes32[] memory level = new bytes32[](16);
        for (uint256 i; i < 16; ++i) {
            level[i] = hashes[i];
        }
        for (uint256 width = 16; width > 1; width /= 2) {
            for (uint256 i; i < width / 2; ++i) {
                level[i] = keccak256(abi.encode(level[2 * i], level[2 * i + 1]));
            }
        }
        claim.edgeRoot = level[0];
        c = claim;
        _propose();
        uint256 id = anchor.challenge{value: BOND}(c, 1, Tree.Edges);
        _measure("disclose", abi.encodeCall(anchor.disclose, (c, 1, id, hashes)), LIMIT);
        _measure("descend", abi.encodeCall(anchor.descend, (c, 1, id, hashes, 7)), LIMIT);
    }
}
