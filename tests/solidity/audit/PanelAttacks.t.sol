// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, Member, Phase, TaskParams} from "../utils/LedgerTest.sol";
import {AuditBase} from "./AuditBase.sol";

/// @notice Attacks on who serves, and with what weight.
contract PanelAttacksTest is AuditBase {
    address private sock = address(0x50c);

    function _open(uint16 verifiers, uint16 mostTrainers) private {
        TaskParams memory params = _params();
        (params.openVerifiers, params.committeeSize, params.maxTrainers) = (true, 3, mostTrainers);
        _createTask(params, new uint16[](0), 1);
        for (uint256 i; i < verifiers; ++i) {
            _purse(verifierAt(i));
            vm.prank(verifierAt(i));
            ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        }
    }

    /// @notice Of two equal verifiers one raises nobody's score.
    function test_F6_exactlyHalfInflatesNothing() public {
        _createTask(_params(), _equalWeights(2), 3);
        uint32 round = _runUpdates(3);
        uint16[][] memory votes = new uint16[][](2);
        votes[0] = _codes(ZERO + 200, ZERO + 200, ZERO + 200);
        votes[1] = _codes(32_767, ZERO + 200, ZERO + 200);
        _settle(round, _score(round, votes));
        assertEq(ledger.scoreOf(taskId, round, 0), ZERO + 200, "the lesser score");
        assertEq(_claim(trainerAt(0), round), TRAINER_BUDGET / 3, "a third");
    }

    /// @notice A sock puppet of weight 30,000, appointed after trainers have committed, serves in a later round, and there
    /// with no more than a third.
    function test_F11_aLateSockPuppetDecidesNothing() public {
        TaskParams memory params = _params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, 30e18);
        _createTask(params, _equalWeights(9), 10);
        _purse(sock);
        uint32 round = ledger.openRound(taskId);
        for (uint256 i; i < 10; ++i) {
            _commit(round, trainerAt(i));
        }
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline - 1);
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, sock, 30_000);
        vm.prank(sock);
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        vm.warp(block.timestamp + 1);
        for (uint256 i; i < 10; ++i) {
            _reveal(round, trainerAt(i));
        }
        vm.warp(block.timestamp + 100);
        _closeReveal(round);
        address[] memory seats = ledger.committee(taskId, round).verifiers;
        for (uint256 i; i < 3; ++i) {
            assertTrue(seats[i] != sock, "not drawn");
        }
        uint16[] memory truth = _all(10, ZERO + 200);
        _settle(round, _score(round, _three(truth, truth, truth)));
        _purse(trainerAt(0));
        _appeal(trainerAt(0), round, 0);
        vm.prank(sock);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NotInJury.selector, sock, round, 0));
        ledger.commitAppealVote(taskId, round, 0, keccak256("vote"));
    }

    /// @notice Where four of nine are silent there is no quorum, so that three cannot convict.
    function test_F12_aThirdOfTheCommitteeConvictsNobody() public {
        TaskParams memory params = _params();
        params.committeeSize = 9;
        _createTask(params, _equalWeights(9), 1);
        uint32 round = _runUpdates(1);
        uint16[][] memory votes = new uint16[][](5);
        for (uint256 i; i < 5; ++i) {
            votes[i] = _all(1, i < 3 ? 1 : ZERO + 200);
        }
        uint256[][] memory vectors = _score(round, votes);
        vm.warp(ledger.roundInfo(taskId, round).scoreRevealDeadline);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.QuorumMissed.selector, 5, 9));
        _settle(round, vectors);
        ledger.voidRound(taskId, round);
        _claim(trainerAt(0), round);
        assertEq(ledger.member(taskId, trainerAt(0)).stake, STAKE, "nobody is convicted");
    }

    /// @notice Of three verifiers no one voids a round by holding its vote back.
    function test_F13_oneOfThreeVoidsNothing() public {
        _createTask(_params(), _equalWeights(3), 1);
        uint32 round = _runUpdates(1);
        uint256[] memory words = _pack(_all(1, ZERO + 200));
        uint256[][] memory vectors = new uint256[][](2);
        (vectors[0], vectors[1]) = (words, words);
        for (uint256 i; i < 3; ++i) {
            _commitScores(round, verifierAt(i), words);
        }
        for (uint256 i; i < 2; ++i) {
            _revealScores(round, verifierAt(i), words);
        }
        vm.warp(ledger.roundInfo(taskId, round).scoreRevealDeadline);
        _settle(round, vectors);
        assertEq(ledger.member(taskId, verifierAt(2)).stake, VERIFIER_STAKE * 9 / 10, "it alone pays");
    }

    /// @notice 64 squatters with the least stake do not keep a larger one out.
    function test_F8_aLargerStakeEvictsASquatter() public {
        _open(64, 64);
        address whale = address(0x3a1e);
        _purse(whale);
        vm.prank(whale);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TaskFull.selector, 64));
        ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        expectEvent(address(ledger));
        emit PlaceLost(taskId, verifierAt(0));
        vm.prank(whale);
        ledger.joinVerifier(taskId, _rules(taskId), 3 * VERIFIER_STAKE);
        assertEq(ledger.verifierWeight(taskId, whale), 3, "in");
        assertEq(ledger.verifierWeight(taskId, verifierAt(0)), 0, "out");
        assertEq(ledger.totalVerifierWeight(taskId), 66, "the weight is the sum");
        vm.prank(verifierAt(0));
        assertEq(ledger.leave(taskId), VERIFIER_STAKE, "with all of its stake, at once");
        assertEq(ledger.verifiers(taskId)[0].verifier, whale, "its place stays the whale's");
    }

    /// @notice Nobody is evicted while a round is open: its panel is fixed.
    function test_F8_nobodyIsEvictedDuringARound() public {
        _open(64, 64);
        vm.warp(block.timestamp + 1);
        ledger.openRound(taskId);
        _purse(sock);
        vm.prank(sock);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.RoundPending.selector, sock, 1));
        ledger.joinVerifier(taskId, _rules(taskId), 500 * VERIFIER_STAKE);
    }

    /// @notice A trainer that has not committed for eight rounds keeps nobody out.
    function test_F9_anIdleTrainersPlaceLapses() public {
        _open(3, 1);
        address honest = address(0xA0);
        _purse(honest);
        for (uint32 r = 1; r <= 8; ++r) {
            if (r == 8) {
                vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.PlaceInUse.selector, trainerAt(0), 0));
                ledger.lapse(taskId, trainerAt(0));
            }
            ledger.openRound(taskId);
            vm.warp(block.timestamp + 200);
            ledger.closeReveal(taskId, r);
        }
        ledger.lapse(taskId, trainerAt(0));
        vm.prank(honest);
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        assertEq(ledger.task(taskId).trainers, 1, "one place, taken anew");
        vm.prank(trainerAt(0));
        assertEq(ledger.leave(taskId), STAKE, "the idle one leaves with all it had");
        assertEq(ledger.task(taskId).trainers, 1, "and frees no second place");
    }

    /// @notice Who calls `closeReveal` cannot know the hash that it names, so a contract that draws only what it likes has
    /// nothing to look at.
    function test_F10_nobodyChoosesTheDraw() public {
        _open(9, 64);
        vm.warp(block.timestamp + 1);
        uint32 round = ledger.openRound(taskId);
        _commit(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        _reveal(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        Chooser chooser = new Chooser();
        for (uint256 tries; tries < 20; ++tries) {
            vm.roll(block.number + 1);
            uint256 held = vm.snapshotState();
            bool drawn = chooser.closeAndLook(address(ledger), taskId, round);
            assertTrue(!drawn, "nothing to see in the transaction that names the block");
            vm.revertToState(held);
        }
        ledger.closeReveal(taskId, round);
        uint256 named = block.number;
        bytes32 seed;
        for (uint256 later = 1; later <= 8; ++later) {
            uint256 held = vm.snapshotState();
            vm.roll(named + later);
            ledger.closeReveal(taskId, round);
            bytes32 got = ledger.roundInfo(taskId, round).seed;
            vm.revertToState(held);
            assertTrue(seed == 0 || got == seed, "the same draw, whoever calls and when");
            seed = got;
        }
    }

    /// @notice A block without a hash gives no seed.
    function test_G10_aZeroHashIsRefused() public {
        _createTask(_params(), _equalWeights(3), 1);
        uint32 round = ledger.openRound(taskId);
        _commit(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        _reveal(round, trainerAt(0));
        vm.warp(block.timestamp + 100);
        ledger.closeReveal(taskId, round);
        uint64 named = uint64(block.number);
        vm.roll(named + 1);
        vm.setBlockhash(named, bytes32(0));
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.NoBlockHash.selector, named));
        ledger.closeReveal(taskId, round);
        assertEq(uint256(ledger.phase(taskId, round)), uint256(Phase.Close), "still open");
    }

    /// @notice An appointment keeps nobody from joining as a trainer.
    function test_G8_anAppointmentCensorsNobody() public {
        _createTask(_params(), _equalWeights(3), 1);
        address trainer = address(0x7a11);
        _purse(trainer);
        vm.prank(sponsor);
        ledger.appointVerifier(taskId, trainer, 1);
        vm.prank(trainer);
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        Member memory member = ledger.member(taskId, trainer);
        assertEq(member.stake, STAKE, "joined");
        assertEq(ledger.verifiers(taskId)[3].verifier, address(0), "and is no verifier");
    }
}

interface IClosing {
    function closeReveal(uint256 taskId, uint32 round) external;
    function phase(uint256 taskId, uint32 round) external view returns (uint8);
}

/// @notice Closes the reveal phase as often as it can in one transaction, and looks whether anybody was drawn.
contract Chooser {
    function closeAndLook(address ledger, uint256 taskId, uint32 round) external returns (bool drawn) {
        for (uint256 i; i < 3; ++i) {
            IClosing(ledger).closeReveal(taskId, round);
            drawn = drawn || IClosing(ledger).phase(taskId, round) != uint8(Phase.Close);
        }
    }
}
