// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Vm} from "./Vm.sol";

/// @notice Assertions and cheat codes for all tests.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    bool public constant IS_TEST = true;

    error NotEqual(string what, uint256 got, uint256 expected);
    error NotTrue(string what);
    error TooLarge(string what, uint256 got, uint256 most);

    function assertEq(uint256 got, uint256 expected, string memory what) internal pure {
        if (got != expected) revert NotEqual(what, got, expected);
    }

    function assertEq(address got, address expected, string memory what) internal pure {
        assertEq(uint256(uint160(got)), uint256(uint160(expected)), what);
    }

    function assertEq(bytes32 got, bytes32 expected, string memory what) internal pure {
        assertEq(uint256(got), uint256(expected), what);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    function assertLe(uint256 got, uint256 most, string memory what) internal pure {
        if (got > most) revert TooLarge(what, got, most);
    }

    /// @notice A value within bounds, both included.
    function bound(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }

    /// @notice The next event of `emitter` must equal the one that the test emits next.
    function expectEvent(address emitter) internal {
        vm.expectEmit(true, true, true, true, emitter);
    }
}
