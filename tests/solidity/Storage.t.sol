// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {LedgerTest} from "./utils/LedgerTest.sol";

/// @notice Where the ledger keeps what its views read, and how much room its code has.
contract StorageTest is LedgerTest {
    uint256 private constant CODE_LIMIT = 24_576;
    uint256 private constant ROOM = 4000;

    function _slot(uint256 slot) private view returns (uint256) {
        return uint256(vm.load(address(ledger), bytes32(slot)));
    }

    function test_books_startAtSlotZero() public {
        _createTask(_params(), _equalWeights(3), 2);
        assertEq(_slot(0), ledger.taskCount(), "tasks counted");
        uint256 task = uint256(keccak256(abi.encode(taskId, 1)));
        assertEq(address(uint160(_slot(task))), sponsor, "tasks");
        assertEq(_rules(taskId), ledger.rulesHash(taskId), "rules");
        assertEq(_rules(taskId), keccak256(abi.encode(sponsor, _params())), "hash of the rules");
        uint256 booked = uint256(keccak256(abi.encode(address(token), 2)));
        assertEq(_slot(booked), ledger.booked(address(token)), "booked");
        vm.prank(sponsor);
        ledger.setPayout(sponsor, trainerAt(0));
        uint256 payee = uint256(keccak256(abi.encode(sponsor, 3)));
        assertEq(address(uint160(_slot(payee))), trainerAt(0), "payees");
    }

    function test_core_keepsRoom() public view {
        assertLe(address(ledger).code.length, CODE_LIMIT - ROOM, "code");
    }

    function test_fallback_refusesWhatIsNoView() public {
        (bool known,) = address(ledger).staticcall(abi.encodeWithSignature("taskCount()"));
        (bool unknown,) = address(ledger).call(abi.encodeWithSignature("owner()"));
        (bool bare,) = address(ledger).call("");
        assertTrue(known && !unknown && !bare, "only the views answer");
    }

    function test_fallback_takesNoEther() public {
        vm.deal(address(this), 1);
        (bool taken,) = address(ledger).call{value: 1}(abi.encodeWithSignature("taskCount()"));
        assertTrue(!taken, "no ether");
    }
}
