// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @notice The cheat codes of forge that the tests use.
interface Vm {
    function warp(uint256 timestamp) external;
    function roll(uint256 height) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function assume(bool condition) external pure;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function label(address account, string calldata name) external;
    function pauseGasMetering() external;
    function resumeGasMetering() external;
    function store(address target, bytes32 slot, bytes32 value) external;
    function cool(address target) external;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 snapshot) external returns (bool);
    function deal(address account, uint256 balance) external;
    function setBlockhash(uint256 number, bytes32 hash) external;
}
