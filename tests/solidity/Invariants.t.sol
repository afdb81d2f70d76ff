// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {
    Committee,
    LedgerTest,
    Member,
    Phase,
    Role,
    RoundView,
    TaskParams,
    TaskView,
    VoteState
} from "./utils/LedgerTest.sol";
import {Test} from "./utils/Test.sol";

/// @notice Every actor of a task, doing whatever the fuzzer picks, whenever it is allowed to. What is not allowed at
/// the moment is skipped, so that long sequences get far.
contract Handler is LedgerTest {
    uint256 public constant TRAINERS = 5;
    uint256 public constant VERIFIERS = 7;
    uint112 private constant BOND = 10e18;

    uint256 public paidOut;
    uint256 public backwards;
    uint256 public changedMedians;
    uint256 public settledRounds;
    uint256 public appeals;

    address private immutable TEST = msg.sender;

    mapping(uint32 round => Phase) private seen;
    mapping(uint32 round => uint256) private settledMedians;
    mapping(address verifier => uint256[]) private vectors;
    mapping(uint256 index => mapping(address juror => uint16 vote)) private ballots;

    /// @dev Once: the fuzzer calls this too.
    function setUp() public override {
        if (address(ledger) != address(0)) return;
        super.setUp();
        TaskParams memory params = _params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, BOND);
        _createTask(params, _equalWeights(VERIFIERS), TRAINERS);
        _purse(address(this));
        token.approve(address(ledger), type(uint256).max);
        ledger.fund(taskId, _rules(taskId), 100_000e18);
    }

    // --------------------------------------------------------------- actions

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 150));
        vm.roll(block.number + 1);
        _observe();
    }

    /// @notice A whole round up to its settlement, as far as everyone may act.
    function playRound(uint256 seed) external {
        this.openRound();
        for (uint256 i; i < TRAINERS; ++i) {
            this.commit(i);
        }
        vm.warp(block.timestamp + 100);
        for (uint256 i; i < TRAINERS; ++i) {
            if ((seed >> i) & 7 != 0) this.reveal(i);
        }
        vm.warp(block.timestamp + 100);
        this.closeReveal();
        for (uint256 i; i < 3; ++i) {
            this.commitScores(i, seed % 5 == 0 ? seed ^ i : seed);
        }
        for (uint256 i; i < 3; ++i) {
            this.revealScores(i);
        }
        this.settleOrVoid();
    }

    function openRound() external {
        try ledger.openRound(taskId) {} catch {}
        _observe();
    }

    function commit(uint256 who) external {
        uint32 round = ledger.task(taskId).currentRound;
        address trainer = trainerAt(bound(who, 0, TRAINERS - 1));
        bytes32 commitment = _updateCommitment(round, trainer);
        vm.prank(trainer);
        try ledger.commit(taskId, round, commitment) {} catch {}
        _observe();
    }

    function reveal(uint256 who) external {
        uint32 round = ledger.task(taskId).currentRound;
        address trainer = trainerAt(bound(who, 0, TRAINERS - 1));
        try ledger.revealFor(taskId, round, trainer, _digest(round, trainer), 777, _salt(trainer)) {} catch {}
        _observe();
    }

    function closeReveal() external {
        uint32 round = ledger.task(taskId).currentRound;
        try ledger.closeReveal(taskId, round) {} catch {}
        vm.roll(block.number + 1);
        try ledger.closeReveal(taskId, round) {} catch {}
        _observe();
    }

    function commitScores(uint256 who, uint256 seed) external {
        uint32 round = ledger.task(taskId).currentRound;
        Committee memory seats = ledger.committee(taskId, round);
        if (seats.verifiers.length == 0) return;
        address verifier = seats.verifiers[bound(who, 0, seats.verifiers.length - 1)];
        uint16[] memory codes = new uint16[](ledger.roundInfo(taskId, round).count);
        for (uint256 i; i < codes.length; ++i) {
            uint256 r = uint256(keccak256(abi.encode(seed, i)));
            codes[i] = r % 3 == 0 ? uint16(1 + (r >> 8) % 5) : uint16(8 + (r >> 8) % 32_760);
        }
        uint256[] memory words = _pack(codes);
        _mixAll(round);
        bytes32 commitment = _scoreCommitment(round, verifier, words);
        vm.prank(verifier);
        try ledger.commitScores(taskId, round, commitment) {
            vectors[verifier] = words;
        } catch {}
        _observe();
    }

    function revealScores(uint256 who) external {
        uint32 round = ledger.task(taskId).currentRound;
        Committee memory seats = ledger.committee(taskId, round);
        if (seats.verifiers.length == 0) return;
        address verifier = seats.verifiers[bound(who, 0, seats.verifiers.length - 1)];
        bytes32 salt = _salt(verifier);
        vm.prank(verifier);
        try ledger.revealScores(taskId, round, vectors[verifier], mixture, keccak256("evidence"), salt) {} catch {}
        _observe();
    }

    function settleOrVoid() external {
        uint32 round = ledger.task(taskId).currentRound;
        uint256[][] memory revealed = _revealed(round);
        try ledger.settle(taskId, round, 0, revealed, new bytes32[](revealed.length)) {
            ++settledRounds;
        } catch {
            try ledger.voidRound(taskId, round) {} catch {}
        }
        _observe();
    }

    function appeal(uint256 index) external {
        uint32 round = ledger.task(taskId).currentRound;
        try ledger.appeal(taskId, _rules(taskId), round, bound(index, 0, TRAINERS - 1)) {
            ++appeals;
        } catch {}
        _observe();
    }

    function voteOnAppeal(uint256 index, uint256 who, uint16 code) external {
        uint32 round = ledger.task(taskId).currentRound;
        uint256 at = bound(index, 0, TRAINERS - 1);
        address juror = verifierAt(bound(who, 0, VERIFIERS - 1));
        uint16 vote = uint16(bound(code, 8, 32_767));
        bytes32 commitment = keccak256(
            abi.encode(
                block.chainid, address(ledger), taskId, round, at, juror, vote, uint16(0), bytes32(0), bytes32(0)
            )
        );
        vm.prank(juror);
        try ledger.commitAppealVote(taskId, round, at, commitment) {} catch {}
        ballots[at][juror] = vote;
        _observe();
    }

    function revealOnAppeal(uint256 index, uint256 who) external {
        uint32 round = ledger.task(taskId).currentRound;
        uint256 at = bound(index, 0, TRAINERS - 1);
        address juror = verifierAt(bound(who, 0, VERIFIERS - 1));
        uint16 vote = ballots[at][juror];
        vm.prank(juror);
        try ledger.revealAppealVote(taskId, round, at, vote, 0, 0, 0) {} catch {}
        _observe();
    }

    function resolveAppeal(uint256 index) external {
        uint32 round = ledger.task(taskId).currentRound;
        uint256 at = bound(index, 0, TRAINERS - 1);
        try ledger.resolveAppeal(taskId, round, at, _revealed(round)) {
            settledMedians[round] = ledger.medians(taskId, round, 0);
        } catch {}
        _observe();
    }

    function claim(uint256 who, uint256 which) external {
        address trainer = trainerAt(bound(who, 0, TRAINERS - 1));
        uint32[] memory pending = ledger.pendingRounds(taskId, trainer);
        if (pending.length == 0) return;
        try ledger.claim(taskId, trainer, _rounds(pending[bound(which, 0, pending.length - 1)])) {} catch {}
        _observe();
    }

    function withdraw(uint256 who, bool isVerifier) external {
        address account = isVerifier ? verifierAt(bound(who, 0, VERIFIERS - 1)) : trainerAt(bound(who, 0, TRAINERS - 1));
        uint256 before = token.balanceOf(account);
        uint256 owed = ledger.member(taskId, account).balance;
        ledger.withdraw(taskId, account);
        paidOut += token.balanceOf(account) - before;
        assertEq(token.balanceOf(account) - before, owed, "paid what was owed, once");
        _observe();
    }

    function topUp(uint256 who, bool isVerifier) external {
        address account = isVerifier ? verifierAt(bound(who, 0, VERIFIERS - 1)) : trainerAt(bound(who, 0, TRAINERS - 1));
        try ledger.topUp(taskId, _rules(taskId), account, 20e18) {} catch {}
        _observe();
    }

    function leaveOrJoin(uint256 who) external {
        address trainer = trainerAt(bound(who, 0, TRAINERS - 1));
        vm.startPrank(trainer);
        try ledger.requestLeave(taskId) {} catch {}
        try ledger.leave(taskId) {
            ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        } catch {}
        vm.stopPrank();
        _observe();
    }

    function leaveOrJoinAsVerifier(uint256 who) external {
        address verifier = verifierAt(bound(who, 0, VERIFIERS - 1));
        vm.prank(verifier);
        try ledger.requestLeave(taskId) {} catch {}
        vm.prank(verifier);
        try ledger.leave(taskId) {
            vm.prank(sponsor);
            ledger.appointVerifier(taskId, verifier, 1);
            vm.prank(verifier);
            ledger.joinVerifier(taskId, _rules(taskId), VERIFIER_STAKE);
        } catch {}
        _observe();
    }

    /// @notice Takes every step that is left, lets everyone leave and the sponsor close the task. For the test alone.
    function finish() external {
        if (msg.sender != TEST) return;
        if (ledger.task(taskId).currentRound != 0) _endRound();
        for (uint256 i; i < TRAINERS; ++i) {
            ledger.claim(taskId, trainerAt(i), ledger.pendingRounds(taskId, trainerAt(i)));
        }
        for (uint256 leaving; leaving < 2; ++leaving) {
            for (uint256 i; i < TRAINERS + VERIFIERS; ++i) {
                vm.startPrank(i < TRAINERS ? trainerAt(i) : verifierAt(i - TRAINERS));
                if (leaving == 1) ledger.leave(taskId);
                else try ledger.requestLeave(taskId) {} catch {}
                vm.stopPrank();
            }
            vm.warp(block.timestamp + 1000);
        }
        ledger.withdraw(taskId, address(this));
        vm.prank(sponsor);
        ledger.closeTask(taskId);
    }

    /// @dev Moves the current round on to its end, whatever it is waiting for.
    function _endRound() private {
        vm.warp(block.timestamp + 200);
        this.closeReveal();
        vm.warp(block.timestamp + 200);
        this.settleOrVoid();
        vm.warp(block.timestamp + 300);
        for (uint256 i; i < TRAINERS; ++i) {
            this.resolveAppeal(i);
        }
    }

    // ---------------------------------------------------------- observations

    /// @notice The money of the task, from its parts: escrow, budgets, owed, forfeited, stakes, balances, bonds.
    function accounted() external view returns (uint256 total) {
        TaskView memory task = ledger.task(taskId);
        total = uint256(task.escrow) + task.owed + task.forfeited;
        uint32 current = task.currentRound;
        for (uint32 round = 1; round <= current; ++round) {
            RoundView memory state = ledger.roundInfo(taskId, round);
            total += uint256(state.openAppeals) * BOND;
            Phase phase = ledger.phase(taskId, round);
            if (phase < Phase.Appeal) total += uint256(state.budget) + VERIFIER_BUDGET;
        }
        for (uint256 i; i < TRAINERS; ++i) {
            total += _worth(trainerAt(i));
        }
        for (uint256 i; i < VERIFIERS; ++i) {
            total += _worth(verifierAt(i));
        }
        total += _worth(address(this));
    }

    /// @notice The active weight, from the members.
    function activeWeight() external view returns (uint256 total) {
        for (uint256 i; i < VERIFIERS; ++i) {
            total += ledger.verifierWeight(taskId, verifierAt(i));
        }
    }

    /// @notice The active weight, as the ledger keeps it.
    function weight() external view returns (uint256) {
        return ledger.totalVerifierWeight(taskId);
    }

    /// @notice Whether every trainer's suspension, its stake and its ring agree.
    function suspensionsAgree() external view returns (bool) {
        for (uint256 i; i < TRAINERS; ++i) {
            Member memory state = ledger.member(taskId, trainerAt(i));
            bool expected = state.leaveAt != 0 || state.stake < STAKE;
            if (state.role != Role.Trainer || state.suspended != expected) return false;
            if (ledger.record(taskId, trainerAt(i), 0).suspended != expected) return false;
        }
        return true;
    }

    function books() external view returns (uint256 held, uint256 booked) {
        return (token.balanceOf(address(ledger)), ledger.booked(address(token)));
    }

    function _worth(address account) private view returns (uint256) {
        Member memory state = ledger.member(taskId, account);
        return uint256(state.stake) + state.balance;
    }

    function _revealed(uint32 round) private view returns (uint256[][] memory revealed) {
        Committee memory seats = ledger.committee(taskId, round);
        uint256 count;
        for (uint256 i; i < seats.states.length; ++i) {
            if (seats.states[i] == VoteState.Revealed) ++count;
        }
        revealed = new uint256[][](count);
        count = 0;
        for (uint256 i; i < seats.states.length; ++i) {
            if (seats.states[i] == VoteState.Revealed) revealed[count++] = vectors[seats.verifiers[i]];
        }
    }

    /// @dev Phases only move forward, and settled medians change by appeals alone.
    function _observe() private {
        uint32 current = ledger.task(taskId).currentRound;
        for (uint32 round = 1; round <= current; ++round) {
            Phase phase = ledger.phase(taskId, round);
            if (phase < seen[round]) ++backwards;
            if (phase >= Phase.Appeal && phase != Phase.Void) {
                uint256 medians = ledger.medians(taskId, round, 0);
                if (seen[round] >= Phase.Appeal && medians != settledMedians[round]) ++changedMedians;
                settledMedians[round] = medians;
            }
            seen[round] = phase;
        }
    }
}

/// @notice What holds after any sequence of calls.
contract InvariantsTest is Test {
    Handler private handler;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One function, so that forge runs one campaign for all of them.
    function invariant_ledger() public view {
        (uint256 held, uint256 booked) = handler.books();
        assertEq(held, booked, "balance = booked");
        assertEq(handler.accounted(), booked, "escrow + budgets + owed + stakes + balances + bonds = booked");
        assertEq(handler.backwards(), 0, "phases only move forward");
        assertEq(handler.changedMedians(), 0, "a settled round changes by appeals alone");
        assertEq(handler.activeWeight(), handler.weight(), "the active weight is the sum of the verifiers'");
        assertTrue(handler.suspensionsAgree(), "who has too small a stake is suspended, in every slot");
    }

    /// @notice After any sequence of calls nothing is stuck: everyone gets out, with all of the money.
    function afterInvariant() external {
        handler.finish();
        (uint256 held, uint256 booked) = handler.books();
        assertEq(held, 0, "nothing is left");
        assertEq(booked, 0, "nor booked");
    }

    /// @notice The handler reaches what it is for.
    function test_handlerReachesSettlementsAndAppeals() public {
        for (uint256 i = 1; i < 4; ++i) {
            handler.playRound(type(uint256).max - i);
            handler.appeal(i);
            for (uint256 j; j < handler.VERIFIERS(); ++j) {
                handler.voteOnAppeal(i, j, uint16(1000 * i));
            }
            handler.wait(99);
            for (uint256 j; j < handler.VERIFIERS(); ++j) {
                handler.revealOnAppeal(i, j);
            }
            handler.wait(149);
            handler.wait(149);
            handler.resolveAppeal(i);
            handler.claim(i, uint32(i));
            handler.withdraw(i, false);
            handler.wait(149);
            invariant_ledger();
        }
        assertEq(handler.settledRounds(), 3, "rounds");
        assertTrue(handler.appeals() > 0, "appeals");
    }
}
