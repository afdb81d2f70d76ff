// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {TaskInputs} from "../../contracts/TaskInputs.sol";
import {ILedgerErrors} from "../../contracts/interfaces/ILedgerErrors.sol";
import {IReputationInputs} from "../../contracts/interfaces/IReputationInputs.sol";
import {ITaskInputs} from "../../contracts/interfaces/ITaskInputs.sol";
import {Gains} from "../../contracts/ledger/Gains.sol";
import {LedgerViews} from "../../contracts/ledger/LedgerViews.sol";
import {Task} from "../../contracts/ledger/State.sol";
import {LedgerTest} from "./utils/LedgerTest.sol";
import {Test} from "./utils/Test.sol";

/// @notice What standings follow from in a ledger's tasks: order of joining, gains, rows, each as a day began.
contract TaskInputsTest is LedgerTest {
    event log_named_uint(string what, uint256 gas); // forge prints it

    TaskInputs private inputs;

    function setUp() public override {
        super.setUp();
        inputs = new TaskInputs(ledger);
        vm.warp(20_000 days + 1 hours);
        _createTask(_params(), _equalWeights(3), 4);
    }

    function _today() private view returns (uint32) {
        return uint32(block.timestamp / 1 days);
    }

    function _nextDay() private {
        vm.warp((block.timestamp / 1 days + 1) * 1 days);
    }

    function test_accounts_areNumberedAsTheyJoined() public {
        assertEq(inputs.members(taskId, _today()), 0, "not today");
        assertEq(inputs.latestDay(taskId), 0, "nothing to claim yet");
        _nextDay();
        assertEq(inputs.members(taskId, _today()), 4, "members");
        assertEq(inputs.members(taskId, _today() - 1), 0, "members");
        for (uint32 i; i < 4; ++i) {
            assertEq(inputs.memberAt(taskId, i), trainerAt(i), "account");
            assertEq(ledger.placeOf(taskId, trainerAt(i)), i + 1, "place");
        }
        assertEq(inputs.memberAt(taskId, 4), address(0), "nobody");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.UnknownTask.selector, taskId + 1));
        inputs.latestDay(taskId + 1);
        vm.startPrank(trainerAt(1));
        ledger.requestLeave(taskId);
        vm.warp(block.timestamp + 2000);
        ledger.leave(taskId);
        ledger.joinTrainer(taskId, ledger.rulesHash(taskId), STAKE);
        vm.stopPrank();
        _nextDay();
        assertEq(inputs.members(taskId, _today()), 4, "who comes back has its old place");
        assertEq(ledger.placeOf(taskId, trainerAt(1)), 2, "place");
    }

    function test_gains_areThoseOfWhenTheDayBegan() public {
        uint32 day = _today();
        uint32 round = _runRound(_codes(16_384 + 300, 16_384 - 5, 16_384));
        _claim(trainerAt(0), round);
        _claim(trainerAt(1), round);
        assertEq(inputs.gainAt(taskId, day, 0), 0, "not today");
        _nextDay();
        assertEq(inputs.gainAt(taskId, day + 1, 0), 300, "tomorrow");
        assertEq(inputs.gainAt(taskId, day, 0), 0, "yesterday");
        assertEq(inputs.gainAt(taskId, day + 1, 1), 0, "no less than nothing");
        round = _runRound(_codes(16_384 + 50, 16_384, 16_384));
        _claim(trainerAt(0), round);
        assertEq(inputs.gainAt(taskId, day + 1, 0), 300, "as the day began");
        _nextDay();
        assertEq(inputs.gainAt(taskId, day + 2, 0), 350, "and the next");
        assertEq(inputs.gainAt(taskId, day + 1, 0), 300, "and the day before");
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.DayNotKept.selector, day, day + 2));
        inputs.gainAt(taskId, day, 0);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.DayNotKept.selector, day + 3, day + 2));
        inputs.gainAt(taskId, day + 3, 0);
        (address[] memory accounts, uint128[] memory gains) = inputs.slice(taskId, day + 2, 0, 2);
        assertEq(accounts[1], trainerAt(1), "slice");
        assertEq(gains[0], 350, "slice");
    }

    function test_whoWasConvictedHasEarnedNothing_inWhateverOrderItClaims() public {
        uint32 good = _runRound(_codes(16_384 + 300, 16_384, 16_384));
        vm.warp(block.timestamp + 200);
        uint32 bad = _runRound(_codes(1, 16_384, 16_384));
        vm.warp(block.timestamp + 200);
        uint32 later = _runRound(_codes(16_384 + 90, 16_384, 16_384));
        uint32 day = _today();
        _claim(trainerAt(0), bad);
        _claim(trainerAt(0), later);
        _claim(trainerAt(0), good);
        _nextDay();
        assertEq(inputs.gainAt(taskId, day + 1, 0), 0, "nothing");
    }

    function test_rows_areInForceFromTheNextDayOn() public {
        uint32 day = _today();
        bytes memory row = abi.encodePacked(uint32(1), uint16(7), uint32(3), uint16(9));
        vm.prank(trainerAt(0));
        inputs.stateRow(taskId, row);
        assertEq(bytes32(inputs.rowAt(taskId, day, 0)), bytes32(0), "not today");
        _nextDay();
        assertEq(bytes32(inputs.rowAt(taskId, day + 1, 0)), bytes32(bytes28(keccak256(row))), "tomorrow");
        assertEq(bytes32(inputs.rowAt(taskId, day, 0)), bytes32(0), "yesterday");
        vm.prank(trainerAt(0));
        vm.expectRevert(abi.encodeWithSelector(ITaskInputs.RowTooNew.selector, day, day + 1));
        inputs.stateRow(taskId, "");
        _nextDay();
        vm.prank(trainerAt(0));
        inputs.stateRow(taskId, "");
        assertEq(bytes32(inputs.rowAt(taskId, day + 2, 0)), bytes32(bytes28(keccak256(row))), "as the day began");
        assertEq(bytes32(inputs.rowAt(taskId, day + 1, 0)), bytes32(bytes28(keccak256(row))), "and the day before");
        _nextDay();
        assertEq(bytes32(inputs.rowAt(taskId, day + 3, 0)), bytes32(0), "taken back");
        assertEq(bytes32(inputs.rowAt(taskId, day + 2, 0)), bytes32(bytes28(keccak256(row))), "and the day before");
        vm.expectRevert(abi.encodeWithSelector(IReputationInputs.DayNotKept.selector, day, day + 3));
        inputs.rowAt(taskId, day, 0);
    }

    /// In a transaction of its own, the first time and later; and what it adds to one that has met ledger and row already.
    function test_aRowOf32Entries_whatItCosts() public {
        vm.warp(block.timestamp + 3 days);
        _createTask(_params(), _equalWeights(3), 33);
        bytes memory row;
        for (uint256 i; i < 32; ++i) {
            row = abi.encodePacked(row, uint32(i + 1), uint16(60_000 + i));
        }
        _costs("first", row, true, 83_000);
        _costs("second", row, true, 81_000);
        _costs("replaced", row, true, 64_000);
        _costs("replaced, within another's call", row, false, 21_000);
        _costs("of one entry, within another's call", abi.encodePacked(uint32(1), uint16(7)), false, 15_000);
    }

    function _costs(string memory what, bytes memory row, bool alone, uint256 limit) private {
        vm.warp(block.timestamp + 2 days);
        bytes memory data = abi.encodeCall(inputs.stateRow, (taskId, row));
        uint256 own = 21_000;
        for (uint256 i; i < data.length; ++i) {
            own += data[i] == 0 ? 4 : 16;
        }
        if (alone) {
            vm.cool(address(inputs));
            vm.cool(address(ledger));
            vm.cool(address(LedgerViews));
        } else {
            inputs.rowAt(taskId, _today(), 0);
            ledger.placeOf(taskId, trainerAt(0));
        }
        vm.prank(trainerAt(0));
        uint256 start = gasleft();
        inputs.stateRow(taskId, row);
        uint256 gas_ = start - gasleft() + (alone ? own : 0);
        emit log_named_uint(what, gas_);
        assertTrue(gas_ <= limit, what);
    }

    function _refused(uint256 who, bytes memory row, bytes memory reason) private {
        vm.prank(trainerAt(who));
        vm.expectRevert(reason);
        inputs.stateRow(taskId, row);
    }

    function test_rows_thatCannotBeAreRefused() public {
        bytes4 bad = ITaskInputs.BadRow.selector;
        _refused(0, hex"0000000100", abi.encodeWithSelector(bad, 5, 0));
        _refused(1, abi.encodePacked(uint32(1), uint16(7)), abi.encodeWithSelector(bad, 6, 0)); // itself
        _refused(1, abi.encodePacked(uint32(0), uint16(7)), abi.encodeWithSelector(bad, 6, 0)); // earlier
        _refused(1, abi.encodePacked(uint32(4), uint16(7)), abi.encodeWithSelector(bad, 6, 0)); // nobody
        _refused(1, abi.encodePacked(uint32(2), uint16(0)), abi.encodeWithSelector(bad, 6, 0)); // weightless
        bytes memory twice = abi.encodePacked(uint32(2), uint16(1), uint32(2), uint16(1));
        _refused(1, twice, abi.encodeWithSelector(bad, 12, 1));
        bytes memory long;
        for (uint256 i; i < 33; ++i) {
            long = abi.encodePacked(long, uint32(i + 1), uint16(1));
        }
        _refused(0, long, abi.encodeWithSelector(bad, 198, 33));
        bytes4 standing = ITaskInputs.NotInGoodStanding.selector;
        vm.prank(verifierAt(0));
        vm.expectRevert(abi.encodeWithSelector(standing, verifierAt(0), taskId));
        inputs.stateRow(taskId, "");
        vm.startPrank(trainerAt(0));
        ledger.requestLeave(taskId);
        vm.expectRevert(abi.encodeWithSelector(standing, trainerAt(0), taskId));
        inputs.stateRow(taskId, "");
        vm.stopPrank();
    }
}

/// @notice The two days that are kept, against a list of all changes.
contract GainsTest is Test {
    using Gains for Task;

    struct Change {
        uint8 days_;
        uint16 gain;
        uint8 kind;
    }

    Task private task;

    function asked(uint32 day) external view returns (uint64) {
        return task.at(address(1), day);
    }

    function testFuzz_at_isWhatWasEarnedBefore(Change[24] memory changes) public {
        vm.warp(20_000 days);
        task.enlist(address(1));
        uint64[] memory began = new uint64[](200); // what was earned when a day began
        uint24[] memory count = new uint24[](200); // how many had joined
        (uint64 total, uint256 last, bool convicted) = (0, 0, false);
        for (uint256 i; i < changes.length; ++i) {
            for (uint256 more = changes[i].days_ % 4; more > 0; --more) {
                began[++last] = total;
                count[last] = task.joined.count;
            }
            vm.warp((20_000 + last) * 1 days + changes[i].gain);
            if (changes[i].kind % 2 == 1) task.enlist(address(uint160(100 + i)));
            bool guilty = changes[i].kind == 255;
            task.earn(address(1), changes[i].gain, guilty);
            convicted = convicted || guilty;
            total = convicted ? 0 : total + changes[i].gain;
            assertEq(task.at(address(1), uint32(20_000 + last)), began[last], "today");
            assertEq(task.joinedAt(uint32(20_000 + last)), count[last], "joined today");
            if (last == 0) continue;
            assertEq(task.at(address(1), uint32(20_000 + last - 1)), began[last - 1], "yesterday");
            assertEq(task.joinedAt(uint32(20_000 + last - 1)), count[last - 1], "joined yesterday");
        }
    }
}
