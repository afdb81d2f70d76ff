// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ReputationAnchor} from "../../contracts/ReputationAnchor.sol";
import {TaskInputs} from "../../contracts/TaskInputs.sol";
import {Leaf, Statement} from "../../contracts/interfaces/IReputationAnchor.sol";
import {LedgerTest} from "./utils/LedgerTest.sol";

/// @notice The gas of single calls, for `.gas-snapshot`: `forge snapshot --match-contract GasTest`. Everything that
/// leads up to a call is not metered; storage is warm from it, so whole transactions are in benchmarks/gas.py.
contract GasTest is LedgerTest {
    ReputationAnchor private anchor;
    Leaf private leaf = Leaf(0, address(0xA), 2 ** 39, 5, keccak256("row"));
    bytes32[] private proof;
    uint16[] private codes;
    uint32 private round;
    uint256 private anchored;

    function setUp() public override {
        super.setUp();
        anchor = new ReputationAnchor(ledger);
        _createTask(_params(), _equalWeights(3), 16);
        anchored = taskId;
        ledger.openRound(anchored);
        for (uint256 i; i < 16; ++i) {
            codes.push(uint16(ZERO + 100 + i));
        }
        bytes32 node = anchor.leafHash(leaf);
        for (uint256 i; i < 10; ++i) {
            proof.push(keccak256(abi.encode(i)));
            node = node < proof[i] ? keccak256(abi.encode(node, proof[i])) : keccak256(abi.encode(proof[i], node));
        }
        Statement memory statement = Statement({
            root: node,
            graphDigest: keccak256("graph"),
            documentDigest: keccak256("document"),
            ego: sponsor,
            alphaNumerator: 1,
            alphaDenominator: 3,
            nodes: 1024,
            fromBlock: 1,
            toBlock: uint64(block.number - 1)
        });
        for (uint256 i; i < 2; ++i) {
            vm.prank(verifierAt(i));
            anchor.attest(anchored, 1, statement);
        }
        _createTask(_params(), _equalWeights(3), 16);
    }

    function test_gas_commit() public {
        vm.pauseGasMetering();
        round = ledger.openRound(taskId);
        bytes32 commitment = _updateCommitment(round, trainerAt(0));
        vm.prank(trainerAt(0));
        vm.resumeGasMetering();
        ledger.commit(taskId, round, commitment);
    }

    function test_gas_reveal() public {
        vm.pauseGasMetering();
        round = ledger.openRound(taskId);
        _commit(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        (bytes32 digest, bytes32 salt) = (_digest(round, trainerAt(0)), _salt(trainerAt(0)));
        vm.prank(trainerAt(0));
        vm.resumeGasMetering();
        ledger.reveal(taskId, round, digest, 777, salt);
    }

    function test_gas_revealScoresOfSixteen() public {
        vm.pauseGasMetering();
        round = _runUpdates(16);
        uint256[] memory words = _pack(codes);
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), words);
        }
        (bytes memory mixed, bytes32 salt) = (mixture, _salt(verifierAt(0)));
        vm.prank(verifierAt(0));
        vm.resumeGasMetering();
        ledger.revealScores(taskId, round, words, mixed, keccak256("evidence"), salt);
    }

    function test_gas_settleSixteenByThree() public {
        vm.pauseGasMetering();
        round = _runUpdates(16);
        uint16[][] memory votes = new uint16[][](3);
        (votes[0], votes[1], votes[2]) = (codes, codes, codes);
        uint256[][] memory vectors = _score(round, votes);
        bytes32[] memory tails = new bytes32[](3);
        vm.resumeGasMetering();
        ledger.settle(taskId, round, 0, vectors, tails);
    }

    function test_gas_claim() public {
        vm.pauseGasMetering();
        uint32[] memory rounds = _rounds(_runRound(codes));
        vm.resumeGasMetering();
        ledger.claim(taskId, trainerAt(0), rounds);
    }

    function test_gas_claimOfFive() public {
        vm.pauseGasMetering();
        uint32[] memory rounds = new uint32[](5);
        for (uint256 i; i < 5; ++i) {
            rounds[i] = _runRound(codes);
            vm.warp(block.timestamp + 200);
        }
        vm.resumeGasMetering();
        ledger.claim(taskId, trainerAt(0), rounds);
    }

    function test_gas_stateRowOf32() public {
        vm.pauseGasMetering();
        (bytes memory row, bytes32 rules) = ("", ledger.rulesHash(taskId));
        for (uint256 i = 16; i < 48; ++i) {
            _purse(trainerAt(i));
            vm.prank(trainerAt(i));
            ledger.joinTrainer(taskId, rules, STAKE);
            row = abi.encodePacked(row, uint32(i), uint16(1 + i));
        }
        TaskInputs inputs = new TaskInputs(ledger);
        vm.warp(20_000 days);
        vm.prank(trainerAt(0));
        vm.resumeGasMetering();
        inputs.stateRow(taskId, row);
    }

    function test_gas_withdraw() public {
        vm.pauseGasMetering();
        _claim(trainerAt(0), _runRound(codes));
        vm.resumeGasMetering();
        ledger.withdraw(taskId, trainerAt(0));
    }

    function test_gas_verifyReputationOf1024() public {
        vm.pauseGasMetering();
        (Leaf memory row, bytes32[] memory path) = (leaf, proof);
        vm.resumeGasMetering();
        assertTrue(anchor.verify(anchored, 1, row, path), "row");
    }

    function test_gas_cacheReputationOf1024() public {
        vm.pauseGasMetering();
        (Leaf memory row, bytes32[] memory path) = (leaf, proof);
        vm.resumeGasMetering();
        anchor.cacheReputation(anchored, 1, row, path);
    }

    function test_gas_reputationOf() public {
        vm.pauseGasMetering();
        anchor.cacheReputation(anchored, 1, leaf, proof);
        vm.resumeGasMetering();
        anchor.reputationOf(anchored, leaf.node);
    }
}
