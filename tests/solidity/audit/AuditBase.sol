// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {LedgerTest} from "../utils/LedgerTest.sol";

/// @notice What the attacks on appeals and rounds share.
abstract contract AuditBase is LedgerTest {
    /// @notice The verifiers outside the committee.
    function _jury(uint32 round, uint256 verifiers) internal view returns (address[] memory jury) {
        address[] memory seated = ledger.committee(taskId, round).verifiers;
        jury = new address[](verifiers - seated.length);
        uint256 next;
        for (uint256 i; i < verifiers; ++i) {
            bool isSeated;
            for (uint256 j; j < seated.length; ++j) {
                isSeated = isSeated || seated[j] == verifierAt(i);
            }
            if (!isSeated) jury[next++] = verifierAt(i);
        }
    }

    function _commitVote(uint32 round, uint256 index, address juror, uint16 code) internal {
        bytes32 sealed_ = keccak256(
            abi.encode(
                block.chainid,
                address(ledger),
                taskId,
                round,
                index,
                juror,
                code,
                uint16(0),
                keccak256("why"),
                _salt(juror)
            )
        );
        vm.prank(juror);
        ledger.commitAppealVote(taskId, round, index, sealed_);
    }

    function _revealVote(uint32 round, uint256 index, address juror, uint16 code) internal {
        bytes32 salt = _salt(juror);
        vm.prank(juror);
        ledger.revealAppealVote(taskId, round, index, code, 0, keccak256("why"), salt);
    }

    /// @notice The first `voters` of these accounts vote `code` on an appeal, whose vote is over then.
    function _vote(uint32 round, uint256 index, address[] memory accounts, uint256 voters, uint16 code) internal {
        for (uint256 i; i < voters; ++i) {
            _commitVote(round, index, accounts[i], code);
        }
        vm.warp(ledger.appealInfo(taskId, round, index).commitDeadline);
        for (uint256 i; i < voters; ++i) {
            _revealVote(round, index, accounts[i], code);
        }
        vm.warp(ledger.appealInfo(taskId, round, index).revealDeadline);
    }

    function _appeal(address challenger, uint32 round, uint256 index) internal {
        vm.prank(challenger);
        ledger.appeal(taskId, _rules(taskId), round, index);
    }

    function _three(uint16[] memory a, uint16[] memory b, uint16[] memory c)
        internal
        pure
        returns (uint16[][] memory votes)
    {
        votes = new uint16[][](3);
        (votes[0], votes[1], votes[2]) = (a, b, c);
    }

    function _all(uint256 count, uint16 code) internal pure returns (uint16[] memory codes) {
        codes = new uint16[](count);
        for (uint256 i; i < count; ++i) {
            codes[i] = code;
        }
    }
}
