// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILedgerErrors, LedgerTest, Phase, RecordKind, TaskParams} from "./utils/LedgerTest.sol";

/// @notice commitBatch, revealBatch, endBatch: many signed updates in two transactions of a relayer.
contract BatchesTest is LedgerTest {
    uint256 private constant KEY = 0xB0000;
    uint256 private constant PRICE = 25e18; // half of a stake
    address private relayer = address(0x4E1A);
    uint32 private round;

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(3), 1);
        _purse(relayer);
        _enlist(0, 4);
        round = ledger.openRound(taskId);
    }

    function _enlist(uint256 from, uint256 n) private {
        for (uint256 i = from; i < from + n; ++i) {
            _purse(vm.addr(KEY + i));
            vm.prank(vm.addr(KEY + i));
            ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        }
    }

    function _domain() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Karat Ledger"),
                keccak256("1"),
                block.chainid,
                address(ledger)
            )
        );
    }

    /// @dev An entry that key `i` has signed.
    function _entry(uint256 i, bytes32 digest) private view returns (bytes memory) {
        bytes32 update = keccak256(
            abi.encode(
                keccak256("Update(uint256 taskId,uint32 round,bytes32 digest,uint64 size)"), taskId, round, digest, 777
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY + i, keccak256(abi.encodePacked(hex"1901", _domain(), update)));
        return abi.encodePacked(digest, uint32(777), r, uint256(s) | (uint256(v - 27) << 255));
    }

    function _entries(uint256 n) private view returns (bytes memory entries) {
        for (uint256 i; i < n; ++i) {
            entries = bytes.concat(entries, _entry(i, keccak256(abi.encode(i))));
        }
    }

    function _commitBatch(bytes memory entries) private {
        bytes32 rules = _rules(taskId);
        vm.prank(relayer);
        ledger.commitBatch(taskId, rules, round, keccak256(entries), uint16(entries.length / 100));
    }

    function _toReveal() private {
        vm.warp(ledger.roundInfo(taskId, round).commitDeadline);
    }

    function _kind(uint256 i) private view returns (uint256) {
        return uint256(ledger.record(taskId, vm.addr(KEY + i), round).kind);
    }

    function test_commitBatch_takesABondForEveryEntryOnce() public {
        bytes memory entries = _entries(4);
        uint256 purse = token.balanceOf(relayer);
        expectEvent(address(ledger));
        emit BatchCommitted(taskId, round, relayer, keccak256(entries), 4, 4 * PRICE);
        _commitBatch(entries);
        _commitBatch(entries);
        assertEq(purse - token.balanceOf(relayer), 4 * PRICE, "four bonds");
        bytes32 rules = _rules(taskId);
        vm.prank(relayer);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadBatch.selector, keccak256(entries), 3, 4));
        ledger.commitBatch(taskId, rules, round, keccak256(entries), 3);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadBatch.selector, bytes32(0), 0, 0));
        ledger.commitBatch(taskId, rules, round, 0, 0);
        _toReveal();
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, Phase.Reveal, Phase.Commit)
        );
        ledger.commitBatch(taskId, rules, round, 0, 1);
    }

    function test_commitBatch_withoutASlashTakesNoBond() public {
        TaskParams memory params = _params();
        (params.slashHarmful, params.slashMalformed, params.slashDuplicate, params.slashUnrevealed) = (0, 0, 0, 0);
        _createTask(params, _equalWeights(3), 0);
        _enlist(0, 1);
        round = ledger.openRound(taskId);
        uint256 purse = token.balanceOf(relayer);
        _commitBatch(_entries(1));
        assertEq(token.balanceOf(relayer), purse, "no bond");
        _toReveal();
        ledger.revealBatch(taskId, round, relayer, _entries(1));
        assertEq(_kind(0), uint256(RecordKind.Revealed), "revealed");
    }

    function test_revealBatch_revealsAllAndReturnsTheBond() public {
        _commit(round, trainerAt(0));
        bytes memory entries = _entries(4);
        _commitBatch(entries);
        _toReveal();
        _reveal(round, trainerAt(0));
        bytes memory updates;
        for (uint256 i; i < 4; ++i) {
            updates = bytes.concat(updates, abi.encodePacked(vm.addr(KEY + i), uint32(777), keccak256(abi.encode(i))));
        }
        expectEvent(address(ledger));
        emit BatchRevealed(taskId, round, relayer, keccak256(entries), 1, 0, updates);
        ledger.revealBatch(taskId, round, relayer, entries);
        ledger.revealBatch(taskId, round, relayer, entries); // again, without effect
        assertEq(ledger.roundInfo(taskId, round).count, 5, "updates");
        for (uint256 i; i < 4; ++i) {
            assertEq(ledger.record(taskId, vm.addr(KEY + i), round).index, i + 1, "index");
        }
        assertEq(ledger.member(taskId, relayer).balance, 4 * PRICE, "bond");
        uint256 word = ledger.forecasts(taskId, round, 0);
        for (uint256 i; i < 5; ++i) {
            assertEq(uint16(word >> (16 * i)), ZERO, "forecasts of newcomers");
        }
        assertEq(word >> 80, 0, "no more");
    }

    /// @notice Batched updates are settled, paid and forecast as others are, over several rounds and words.
    function test_revealBatch_isARoundLikeAnyOther() public {
        _enlist(4, 20);
        for (uint256 k = 1; k <= 6; ++k) {
            if (k > 1) round = ledger.openRound(taskId);
            _commitBatch(_entries(24));
            _toReveal();
            ledger.revealBatch(taskId, round, relayer, _entries(24));
            vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
            _closeReveal(round);
            uint16[] memory codes = new uint16[](24);
            for (uint256 i; i < 24; ++i) {
                codes[i] = uint16(ZERO + 10 * k + i);
                uint256 expected = k == 1 ? ZERO : ZERO + 10 * (k - 1) + i;
                assertEq(uint16(ledger.forecasts(taskId, round, i / 16) >> (16 * (i % 16))), expected, "forecast");
            }
            uint16[][] memory votes = new uint16[][](3);
            (votes[0], votes[1], votes[2]) = (codes, codes, codes);
            _settle(round, _score(round, votes));
            vm.warp(block.timestamp + 101);
            for (uint256 i; i < 24; ++i) {
                assertTrue(_claim(vm.addr(KEY + i), round) > 0, "paid");
            }
        }
    }

    function test_revealBatch_refusesWhatWasNotCommitted() public {
        bytes memory entries = _entries(2);
        _toReveal();
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownBatch.selector, relayer, keccak256(entries)));
        ledger.revealBatch(taskId, round, relayer, entries);
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, Phase.Close, Phase.Reveal)
        );
        ledger.revealBatch(taskId, round, relayer, entries);
    }

    function test_revealBatch_refusesAnotherNumberOfEntries() public {
        bytes memory entries = _entries(2);
        bytes32 rules = _rules(taskId);
        vm.prank(relayer);
        ledger.commitBatch(taskId, rules, round, keccak256(entries), 1);
        _toReveal();
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadBatch.selector, keccak256(entries), 200, 1));
        ledger.revealBatch(taskId, round, relayer, entries);
    }

    /// @notice A copy of the call, with another number of entries, does not take the relayer's place.
    function test_attack_aCopiedCommitBlocksNobody() public {
        bytes memory entries = _entries(4);
        address copier = address(0xC0B1);
        _purse(copier);
        bytes32 rules = _rules(taskId);
        vm.prank(copier);
        ledger.commitBatch(taskId, rules, round, keccak256(entries), 1);
        _commitBatch(entries);
        _toReveal();
        ledger.revealBatch(taskId, round, relayer, entries);
        assertEq(ledger.roundInfo(taskId, round).count, 4, "all");
    }

    /// @notice Whoever copies a reveal out of the mempool, into a batch of its own, harms nobody.
    function test_attack_aCopiedRevealCostsTheRelayerNothing() public {
        bytes memory entries = _entries(4);
        _commitBatch(entries);
        address copier = address(0xC0B1);
        _purse(copier);
        bytes32 rules = _rules(taskId);
        vm.prank(copier);
        ledger.commitBatch(taskId, rules, round, keccak256(entries), 4);
        _toReveal();
        ledger.revealBatch(taskId, round, copier, entries);
        ledger.revealBatch(taskId, round, relayer, entries);
        assertEq(ledger.roundInfo(taskId, round).count, 4, "once");
        assertEq(ledger.member(taskId, relayer).balance, 4 * PRICE, "the whole bond");
    }

    /// @notice Two updates in two batches, of which one is chosen when the others' are known: the second costs what a
    /// commit costs that is not revealed.
    function test_attack_choosingLateCostsTheWorstVerdict() public {
        bytes memory one = _entry(0, keccak256("one"));
        bytes memory other = _entry(0, keccak256("other"));
        _commitBatch(one);
        _commitBatch(other);
        _toReveal();
        ledger.revealBatch(taskId, round, relayer, other);
        ledger.revealBatch(taskId, round, relayer, one);
        assertEq(ledger.roundInfo(taskId, round).count, 1, "one update");
        assertEq(ledger.member(taskId, relayer).balance, PRICE, "one bond");
        assertEq(ledger.task(taskId).forfeited, PRICE, "the other is lost");
    }

    /// @notice The same within one batch, and entries of strangers, of the suspended, and without a signature.
    function test_attack_entriesThatNobodyCanTakeCostTheirBond() public {
        vm.prank(vm.addr(KEY + 1));
        ledger.requestLeave(taskId);
        bytes memory entries = bytes.concat(_entry(0, keccak256("one")), _entry(0, keccak256("two")));
        entries = bytes.concat(entries, _entry(1, keccak256("left")), _entry(99, keccak256("stranger")), new bytes(100));
        _commitBatch(entries);
        _toReveal();
        ledger.revealBatch(taskId, round, relayer, entries);
        assertEq(ledger.roundInfo(taskId, round).count, 1, "one update");
        assertEq(ledger.member(taskId, relayer).balance, PRICE, "its bond");
        assertEq(ledger.task(taskId).forfeited, 4 * PRICE, "the others'");
    }

    /// @notice A relayer that leaves a trainer out, or may do so, cannot keep it out: its own commit counts, at no cost to
    /// either.
    function test_attack_aCensoredTrainerCommitsByItself() public {
        _commitBatch(_entries(2));
        _commit(round, vm.addr(KEY));
        _toReveal();
        ledger.revealBatch(taskId, round, relayer, _entries(2));
        _reveal(round, vm.addr(KEY));
        assertEq(ledger.record(taskId, vm.addr(KEY), round).index, 1, "its own");
        assertEq(ledger.roundInfo(taskId, round).count, 2, "both");
        assertEq(ledger.member(taskId, relayer).balance, 2 * PRICE, "bond");
    }

    /// @notice A signature counts in its own round only.
    function test_attack_aSignatureOfAnotherRoundIsNone() public {
        bytes memory entries = _entries(1);
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        ledger.closeReveal(taskId, round);
        round = ledger.openRound(taskId);
        _commitBatch(entries);
        _toReveal();
        ledger.revealBatch(taskId, round, relayer, entries);
        assertEq(ledger.roundInfo(taskId, round).count, 0, "none");
    }

    function test_endBatch_forfeitsWhatWasHeldBack() public {
        bytes memory entries = _entries(4);
        _commitBatch(entries);
        _commit(round, trainerAt(0));
        vm.expectRevert(
            abi.encodeWithSelector(ILedgerErrors.WrongPhase.selector, taskId, round, Phase.Commit, Phase.Final)
        );
        ledger.endBatch(taskId, round, relayer, keccak256(entries));
        _toReveal();
        _reveal(round, trainerAt(0));
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        _closeReveal(round);
        vm.warp(block.timestamp + 1000);
        ledger.voidRound(taskId, round);
        expectEvent(address(ledger));
        emit BatchEnded(taskId, round, relayer, keccak256(entries), 4 * PRICE);
        ledger.endBatch(taskId, round, relayer, keccak256(entries));
        ledger.endBatch(taskId, round, relayer, keccak256(entries)); // again, without effect
        assertEq(ledger.task(taskId).forfeited, 4 * PRICE, "forfeited");
        assertEq(ledger.member(taskId, relayer).balance, 0, "nothing back");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownBatch.selector, relayer, bytes32(0)));
        ledger.endBatch(taskId, round, relayer, 0);
    }

    /// @notice Where nobody at all could reveal, the bond returns.
    function test_endBatch_blamesNobodyForAnOutage() public {
        bytes memory entries = _entries(4);
        _commitBatch(entries);
        vm.warp(ledger.roundInfo(taskId, round).revealDeadline);
        ledger.closeReveal(taskId, round);
        ledger.endBatch(taskId, round, relayer, keccak256(entries));
        assertEq(ledger.task(taskId).forfeited, 0, "nothing forfeited");
        uint256 purse = token.balanceOf(relayer);
        ledger.withdraw(taskId, relayer);
        assertEq(token.balanceOf(relayer) - purse, 4 * PRICE, "bond");
    }
}
