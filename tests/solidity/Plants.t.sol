// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {LedgerTest, TaskParams} from "./utils/LedgerTest.sol";

/// @notice Planted updates: whoever knows an update's code beforehand, as it made the update for that, appeals where the
/// median is another. What verifiers lose who did not compute, and what whoever plants falsely does not gain.
contract PlantsTest is LedgerTest {
    uint112 private constant BOND = 60e18;
    /// What the planted update, number 0, is worth.
    uint16 private constant KNOWN = ZERO + 3000;
    address private planter = address(0xCA11);
    uint32 private round;
    uint256[][] private vectors;

    function _params() internal view override returns (TaskParams memory params) {
        params = super._params();
        (params.committeeSize, params.appealWindow, params.appealBond) = (3, 100, BOND);
    }

    /// @dev A round in which every member of the committee votes `codes`, and an appeal against update 0.
    function _settleAndAppeal(uint256 panel, uint16[] memory codes) private {
        _createTask(_params(), _equalWeights(panel), 3);
        _purse(planter);
        round = _runUpdates(3);
        uint16[][] memory votes = new uint16[][](3);
        (votes[0], votes[1], votes[2]) = (codes, codes, codes);
        vectors = _score(round, votes);
        _settle(round, vectors);
        vm.prank(planter);
        ledger.appeal(taskId, _rules(taskId), round, 0);
    }

    function _commitment(address juror, uint16 code) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid, address(ledger), taskId, round, 0, juror, code, uint16(0), bytes32(0), _salt(juror)
            )
        );
    }

    /// @dev The jury's votes, in order, and the end of the appeal.
    function _decide(address[] memory jurors, uint16[] memory codes) private {
        for (uint256 i; i < jurors.length; ++i) {
            bytes32 commitment = _commitment(jurors[i], codes[i]);
            vm.prank(jurors[i]);
            ledger.commitAppealVote(taskId, round, 0, commitment);
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).commitDeadline);
        for (uint256 i; i < jurors.length; ++i) {
            bytes32 salt = _salt(jurors[i]);
            vm.prank(jurors[i]);
            ledger.revealAppealVote(taskId, round, 0, codes[i], 0, 0, salt);
        }
        vm.warp(ledger.appealInfo(taskId, round, 0).revealDeadline);
        ledger.resolveAppeal(taskId, round, 0, vectors);
    }

    /// @dev Everybody on a panel of `panel` who is in the committee, or who is not.
    function _who(uint256 panel, bool seated) private view returns (address[] memory members) {
        address[] memory committee = ledger.committee(taskId, round).verifiers;
        if (seated) return committee;
        members = new address[](panel - committee.length);
        uint256 next;
        for (uint256 i; i < panel; ++i) {
            bool isSeated;
            for (uint256 j; j < committee.length; ++j) {
                isSeated = isSeated || committee[j] == verifierAt(i);
            }
            if (!isSeated) members[next++] = verifierAt(i);
        }
    }

    function _same(uint256 count, uint16 code) private pure returns (uint16[] memory codes) {
        codes = new uint16[](count);
        for (uint256 i; i < count; ++i) {
            codes[i] = code;
        }
    }

    /// @dev What the members have, stakes and balances together.
    function _wealth(address[] memory members) private view returns (uint256 sum) {
        for (uint256 i; i < members.length; ++i) {
            sum += uint256(ledger.member(taskId, members[i]).stake) + ledger.member(taskId, members[i]).balance;
        }
    }

    /// @notice A committee that calls everything "no effect" earns nothing, and loses two bonds to one plant.
    function test_plant_costsALazyCommittee() public {
        _settleAndAppeal(9, _same(3, ZERO));
        address[] memory lazy = _who(9, true);
        _decide(_who(9, false), _same(6, KNOWN));
        assertEq(ledger.scoreOf(taskId, round, 0), KNOWN, "corrected");
        assertEq(_wealth(lazy), 3 * uint256(VERIFIER_STAKE) - 2 * BOND, "no pay, and two bonds lost");
        assertEq(ledger.member(taskId, planter).balance, 2 * BOND, "bond and a half of the fines");
        _assertWealth();
    }

    /// @notice Agreement on random numbers is paid as if somebody had computed; a plant takes more than that.
    function test_plant_costsACommitteeThatAgreesOnRandomNumbersMoreThanItsPay() public {
        _settleAndAppeal(9, _codes(ZERO + 17, ZERO + 4711, ZERO + 815));
        address[] memory lazy = _who(9, true);
        uint256 paid = _wealth(lazy) - 3 * uint256(VERIFIER_STAKE);
        assertTrue(paid > 0, "agreement is paid");
        _decide(_who(9, false), _same(6, KNOWN));
        assertLe(_wealth(lazy), 3 * uint256(VERIFIER_STAKE) - 1, "less than without a round");
        assertLe(paid, 2 * BOND - 1, "two bonds are more than its pay");
        _assertWealth();
    }

    /// @notice Where the whole panel was lazy, its own majority has to look: those who do get back a part, those who insist
    /// pay twice, and all pay for what they voted first.
    function test_plant_costsALazyPanelThatLooksWhenAsked() public {
        _settleAndAppeal(3, _same(3, ZERO));
        address[] memory panel = _who(3, true);
        uint16[] memory codes = _codes(KNOWN, KNOWN, ZERO);
        _decide(panel, codes);
        assertEq(ledger.scoreOf(taskId, round, 0), KNOWN, "corrected");
        (address[] memory looked, address[] memory insisted) = (new address[](1), new address[](1));
        (looked[0], insisted[0]) = (panel[0], panel[2]);
        assertEq(
            _wealth(looked), VERIFIER_STAKE - 2 * BOND / 4 + BOND / 2, "a quarter of the fines, half of the reward"
        );
        assertEq(_wealth(insisted), VERIFIER_STAKE - BOND, "half of the fines");
        _assertWealth();
    }

    /// @notice Whoever claims to have planted what it did not convicts nobody: the panel looks at the update, not at who
    /// says what of it.
    function test_plant_thatIsFalseCostsItsBondAlone() public {
        uint16[] memory honest = _codes(KNOWN, ZERO, ZERO + 500);
        _settleAndAppeal(9, honest);
        address[] memory committee = _who(9, true);
        uint256 before = _wealth(committee);
        _decide(_who(9, false), _same(6, KNOWN));
        assertEq(ledger.scoreOf(taskId, round, 0), KNOWN, "as it was");
        assertEq(_wealth(committee), before, "nobody is fined");
        assertEq(ledger.member(taskId, planter).balance, 0, "the bond is lost");
        _assertWealth();
    }

    /// @notice A panel whose majority agrees to insist keeps its lie: a plant is no defence against more than half.
    function test_plant_doesNotBeatAMajorityOfThePanelThatInsists() public {
        _settleAndAppeal(3, _same(3, ZERO));
        address[] memory panel = _who(3, true);
        _decide(panel, _codes(KNOWN, ZERO, ZERO));
        assertEq(ledger.scoreOf(taskId, round, 0), ZERO, "not corrected");
    }

    /// @dev The challenger is no member; with its balance everything adds up.
    function _assertWealth() private view {
        assertEq(token.balanceOf(address(ledger)), ledger.booked(address(token)), "balance = booked");
    }
}
