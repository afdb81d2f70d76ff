// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ReputationAnchor} from "../../contracts/ReputationAnchor.sol";
import {IReputationAnchor, Leaf, Statement} from "../../contracts/interfaces/IReputationAnchor.sol";
import {TaskParams} from "../../contracts/interfaces/LedgerTypes.sol";
import {LedgerTest} from "./utils/LedgerTest.sol";

/// @notice attest, verify, cacheReputation, attestPeers.
contract ReputationAnchorTest is LedgerTest {
    ReputationAnchor private anchor;
    Leaf private first = Leaf(0, address(0xA), 2 ** 39, 5, keccak256("row 0"));
    Leaf private second = Leaf(1, address(0xB), 2 ** 38, 6, keccak256("row 1"));

    event StatementAttested(
        uint256 indexed taskId,
        uint64 indexed epoch,
        address indexed verifier,
        bytes32 statementHash,
        uint256 weight,
        uint256 totalWeight
    );
    event EpochAnchored(uint256 indexed taskId, uint64 indexed epoch, bytes32 statementHash, Statement statement);
    event PeersAttested(uint256 indexed taskId, address indexed from, uint32 round, bytes edges);

    function setUp() public override {
        super.setUp();
        anchor = new ReputationAnchor(ledger);
        uint16[] memory weights = new uint16[](3);
        (weights[0], weights[1], weights[2]) = (2, 1, 1);
        _createTask(_params(), weights, 1);
        ledger.openRound(taskId);
    }

    function _statement() private view returns (Statement memory) {
        (bytes32 a, bytes32 b) = (anchor.leafHash(first), anchor.leafHash(second));
        return Statement({
            root: a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a)),
            graphDigest: keccak256("graph"),
            documentDigest: keccak256("document"),
            ego: sponsor,
            alphaNumerator: 1,
            alphaDenominator: 3,
            nodes: 2,
            fromBlock: 1,
            toBlock: uint64(block.number - 1)
        });
    }

    function _attest(uint256 verifier, Statement memory statement) private {
        vm.prank(verifierAt(verifier));
        anchor.attest(taskId, 1, statement);
    }

    function _proof(Leaf memory other) private view returns (bytes32[] memory proof) {
        proof = new bytes32[](1);
        proof[0] = anchor.leafHash(other);
    }

    function _anchorIt() private {
        _attest(0, _statement());
        _attest(1, _statement());
    }

    function _refuses(Statement memory statement, string memory name, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.BadStatement.selector, name, value));
        _attest(0, statement);
    }

    function test_attest_revertsForOthersAndOtherEpochs() public {
        Statement memory statement = _statement();
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.NotVerifier.selector, address(this), taskId));
        anchor.attest(taskId, 1, statement);
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.WrongEpoch.selector, 2, 1));
        anchor.attest(taskId, 2, statement);
        _attest(0, statement);
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.AlreadyAttested.selector, verifierAt(0), 1));
        _attest(0, statement);
    }

    function test_attest_refusesWhatCannotBeRecomputed() public {
        Statement memory statement = _statement();
        statement.root = 0;
        _refuses(statement, "root", 0);
        statement = _statement();
        statement.nodes = 0;
        _refuses(statement, "nodes", 0);
        statement = _statement();
        statement.alphaNumerator = 0;
        _refuses(statement, "alphaNumerator", 0);
        statement.alphaNumerator = 3;
        _refuses(statement, "alphaNumerator", 3);
        statement = _statement();
        statement.fromBlock = statement.toBlock + 1;
        _refuses(statement, "fromBlock", statement.fromBlock);
        statement = _statement();
        statement.toBlock = uint64(block.number);
        _refuses(statement, "toBlock", block.number);
    }

    function test_attest_anchorsOnlyAboveHalfOfTheWeight() public {
        Statement memory statement = _statement();
        bytes32 hash = keccak256(abi.encode(taskId, uint64(1), statement));
        expectEvent(address(anchor));
        emit StatementAttested(taskId, 1, verifierAt(0), hash, 2, 4);
        _attest(0, statement);
        assertEq(anchor.lastEpoch(taskId), 0, "half is not enough");
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.NotAnchored.selector, taskId, 1));
        anchor.statementOf(taskId, 1);
        expectEvent(address(anchor));
        emit StatementAttested(taskId, 1, verifierAt(1), hash, 3, 4);
        expectEvent(address(anchor));
        emit EpochAnchored(taskId, 1, hash, statement);
        _attest(1, statement);
        assertEq(anchor.lastEpoch(taskId), 1, "anchored");
        assertEq(keccak256(abi.encode(anchor.statementOf(taskId, 1))), keccak256(abi.encode(statement)), "kept");
    }

    function test_attest_letsAVerifierChangeItsMind() public {
        Statement memory wrong = _statement();
        wrong.root = keccak256("wrong");
        _attest(0, wrong);
        _attest(1, _statement());
        _attest(2, _statement());
        assertEq(anchor.lastEpoch(taskId), 0, "two of four");
        _attest(0, _statement());
        assertEq(anchor.statementOf(taskId, 1).root, _statement().root, "anchored");
    }

    function test_attest_countsNobodyThatIsNoLongerActive() public {
        _attest(1, _statement());
        vm.startPrank(verifierAt(1));
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 1000);
        ledger.leave(taskId);
        vm.stopPrank();
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, verifierAt(3), 1);
        _purse(verifierAt(3));
        vm.prank(verifierAt(3));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        ledger.closeReveal(taskId, 1); // nobody committed
        ledger.openRound(taskId);
        bytes32 hash = keccak256(abi.encode(taskId, uint64(1), _statement()));
        expectEvent(address(anchor));
        emit StatementAttested(taskId, 1, verifierAt(3), hash, 1, 4);
        _attest(3, _statement());
        _attest(2, _statement());
        assertEq(anchor.lastEpoch(taskId), 0, "the one that left and came back by another name counts once");
        _attest(0, _statement());
        assertEq(anchor.lastEpoch(taskId), 1, "four of four");
    }

    function test_verify_checksRows() public {
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.NotAnchored.selector, taskId, 1));
        anchor.verify(taskId, 1, first, new bytes32[](0));
        _anchorIt();
        assertTrue(anchor.verify(taskId, 1, first, _proof(second)), "a row of the root");
        Leaf memory forged = first;
        forged.score += 1;
        assertTrue(!anchor.verify(taskId, 1, forged, _proof(second)), "a higher score");
        assertTrue(!anchor.verify(taskId, 1, first, _proof(first)), "a wrong proof");
    }

    function test_cacheReputation_keepsTheNewestScore() public {
        _anchorIt();
        Leaf memory forged = first;
        forged.score += 1;
        bytes32[] memory proof = _proof(second);
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.InvalidProof.selector, taskId, 1, first.node));
        anchor.cacheReputation(taskId, 1, forged, proof);
        anchor.cacheReputation(taskId, 1, first, proof);
        anchor.cacheReputation(taskId, 1, first, proof);
        (uint192 score, uint64 epoch) = anchor.reputationOf(taskId, first.node);
        assertEq(score, 2 ** 39, "score");
        assertEq(epoch, 1, "epoch");
        (, uint64 none) = anchor.reputationOf(taskId, address(0xC));
        assertEq(none, 0, "unknown");
    }

    function _next(bytes32 root, uint64 toBlock) private view returns (Statement memory statement) {
        statement = _statement();
        (statement.root, statement.toBlock) = (root, toBlock);
    }

    function _attestAs(uint64 epoch, Statement memory statement) private {
        vm.prank(verifierAt(0));
        anchor.attest(taskId, epoch, statement);
        vm.prank(verifierAt(1));
        anchor.attest(taskId, epoch, statement);
    }

    function test_attest_anchorsOneEpochABlockAndNeverGoesBack() public {
        vm.roll(block.number + 100);
        (Statement memory again, Statement memory two) = (_next("one again", 50), _next("two", 60));
        _attestAs(1, _next("one", 50));
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.WrongEpoch.selector, 2, 2));
        anchor.attest(taskId, 2, two);
        vm.roll(block.number + 1);
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.BadStatement.selector, "toBlock", 50));
        anchor.attest(taskId, 2, again);
        _attestAs(2, two);
        assertEq(anchor.statementOf(taskId, 2).root, bytes32("two"), "the next");
    }

    function test_attest_countsWeightThatWasGrantedToTheAbsent() public {
        uint16[] memory weights = new uint16[](5);
        for (uint256 i; i < 5; ++i) {
            weights[i] = 1;
        }
        _createTask(_params(), weights, 1);
        ledger.openRound(taskId);
        for (uint256 i = 1; i < 5; ++i) {
            vm.prank(verifierAt(i));
            ledger.requestLeave(taskId);
        }
        _attest(0, _statement());
        assertEq(anchor.lastEpoch(taskId), 0, "one of five");
    }

    function test_cacheReputation_takesTheLastEpochOnly() public {
        vm.roll(block.number + 100);
        (bytes32 high, bytes32 low) = (anchor.leafHash(first), anchor.leafHash(second));
        _attestAs(1, _next(high, 50));
        anchor.cacheReputation(taskId, 1, first, new bytes32[](0));
        (, uint64 epoch) = anchor.reputationOf(taskId, first.node);
        assertEq(epoch, anchor.lastEpoch(taskId), "fresh");
        vm.roll(block.number + 1);
        _attestAs(2, _next(low, 60));
        (, epoch) = anchor.reputationOf(taskId, first.node);
        assertTrue(epoch != anchor.lastEpoch(taskId), "what it had is not what it has");
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.WrongEpoch.selector, 1, 2));
        anchor.cacheReputation(taskId, 1, first, new bytes32[](0));
    }

    function test_contradict_endsAnEpochWithTwoRowsForOneNode() public {
        Leaf memory flattered = Leaf(1, first.node, 2 ** 50, 5, first.rowHash);
        (bytes32 x, bytes32 y) = (anchor.leafHash(first), anchor.leafHash(flattered));
        vm.roll(block.number + 100);
        _attestAs(1, _next(x < y ? keccak256(abi.encode(x, y)) : keccak256(abi.encode(y, x)), 50));
        (bytes32[] memory one, bytes32[] memory other) = (new bytes32[](1), new bytes32[](1));
        (one[0], other[0]) = (y, x);
        anchor.cacheReputation(taskId, 1, flattered, other);
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.InvalidProof.selector, taskId, 1, first.node));
        anchor.contradict(taskId, 1, first, one, first, one);
        anchor.contradict(taskId, 1, first, one, flattered, other);
        assertTrue(!anchor.verify(taskId, 1, first, one), "none of its rows counts");
        (uint192 score, uint64 epoch) = anchor.reputationOf(taskId, first.node);
        assertEq(score, 0, "nor what was proven before");
        assertEq(epoch, 0, "as if it had not been");
    }

    function test_attestPeers_revertsForOutsidersAndBadEdges() public {
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.NotInGoodStanding.selector, address(this), taskId));
        anchor.attestPeers(taskId, "");
        vm.startPrank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.BadEdges.selector, 0, 0));
        anchor.attestPeers(taskId, "");
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.BadEdges.selector, 23, 1));
        anchor.attestPeers(taskId, new bytes(23));
        bytes memory own = abi.encodePacked(address(0xB), int16(5), trainerAt(0), int16(5));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.BadEdges.selector, 44, 1));
        anchor.attestPeers(taskId, own);
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.BadEdges.selector, 22, 0));
        anchor.attestPeers(taskId, abi.encodePacked(address(0xB), int16(0)));
        vm.stopPrank();
    }

    function test_attestPeers_isBoundedPerRound() public {
        _createTask(_params(), _equalWeights(1), 1);
        bytes memory edges;
        for (uint256 i; i < 32; ++i) {
            edges = bytes.concat(edges, abi.encodePacked(address(uint160(0x100 + i)), int16(-7)));
        }
        expectEvent(address(anchor));
        emit PeersAttested(taskId, trainerAt(0), 0, edges);
        vm.startPrank(trainerAt(0));
        anchor.attestPeers(taskId, edges);
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.TooManyAttestations.selector, 1, 0));
        anchor.attestPeers(taskId, abi.encodePacked(address(0xB), int16(1)));
        ledger.openRound(taskId);
        anchor.attestPeers(taskId, abi.encodePacked(address(0xB), int16(1)));
        vm.stopPrank();
    }

    /// Who joins once a round is open, in the transaction or long after, has no say: its stake is bound for nothing yet.
    function test_attest_countsNobodyWhoJoinedForTheMoment() public {
        TaskParams memory params = _params();
        params.openVerifiers = true;
        _createTask(params, new uint16[](0), 1);
        for (uint256 i; i < 4; ++i) {
            if (i == 3) ledger.openRound(taskId);
            if (i == 3) vm.warp(block.timestamp + 50);
            _purse(verifierAt(i));
            bytes32 rules = ledger.rulesHash(taskId);
            vm.prank(verifierAt(i));
            ledger.joinVerifier(taskId, rules, VERIFIER_STAKE * (i == 3 ? 40 : 1));
        }
        Statement memory statement = _statement();
        vm.prank(verifierAt(3));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.NotVerifier.selector, verifierAt(3), taskId));
        anchor.attest(taskId, 1, statement);
        _attest(0, statement);
    }

    function test_attest_waitsForTheFirstRound() public {
        _createTask(_params(), _equalWeights(1), 1);
        Statement memory statement = _statement();
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(IReputationAnchor.NotVerifier.selector, verifierAt(0), taskId));
        anchor.attest(taskId, 1, statement);
        ledger.openRound(taskId);
        _attest(0, statement);
        assertEq(anchor.lastEpoch(taskId), 1, "anchored");
    }
}
