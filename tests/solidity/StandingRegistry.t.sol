// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {StandingRegistry} from "../../contracts/adapters/StandingRegistry.sol";
import {IERC8004Identity} from "../../contracts/interfaces/IERC8004.sol";
import {IStandingAnchor, Standing} from "../../contracts/interfaces/IStandingAnchor.sol";
import {Test} from "./utils/Test.sol";

/// @notice An anchor in which one account has a standing, and an identity registry of one agent.
contract Known {
    error NoFreshStanding(uint256 scope, address account);

    address public constant OWNER = address(0xA11CE);
    uint40 public age = 100;

    function grow(uint40 older) external {
        age = older;
    }

    function reputationOf(uint256 scope, address account, uint256 maxAge) external view returns (Standing memory) {
        if (scope != 7 || account != OWNER || age > maxAge) revert NoFreshStanding(scope, account);
        return Standing({score: 2 ** 38, bestRank: 3, worstRank: 3, nodes: 40, day: 1, age: age});
    }

    function ownerOf(uint256 agentId) external pure returns (address) {
        require(agentId == 5 || agentId == 6, "no such agent");
        return agentId == 5 ? OWNER : address(0xB0B);
    }
}

/// @notice What readers of ERC-8004 see of Karat's standings.
contract StandingRegistryTest is Test {
    Known private known = new Known();
    StandingRegistry private registry =
        new StandingRegistry(IStandingAnchor(address(known)), IERC8004Identity(address(known)), 7, 1000);
    address[] private nobody;

    function _count(uint256 agentId, address[] memory clients, string memory tag) private view returns (uint64 count) {
        (count,,) = registry.getSummary(agentId, clients, tag, "");
    }

    function test_servesAFreshStanding() public view {
        (uint64 count, int128 value, uint8 decimals) = registry.getSummary(5, nobody, "", "");
        assertEq(count, 1, "one feedback");
        assertEq(uint256(uint128(value)), 250_000, "a quarter");
        assertEq(decimals, 6, "in millionths");
        address[] memory clients = registry.getClients(5);
        assertEq(clients[0], address(known), "from the anchor");
        assertEq(_count(5, clients, "karat.standing"), 1, "by client and tag");
        (int128 read,,,, bool revoked) = registry.readFeedback(5, address(known), 1);
        assertTrue(!revoked && read == value, "the same");
        assertEq(registry.getLastIndex(5, address(known)), 1, "one");
        assertEq(registry.getIdentityRegistry(), address(known), "ids");
    }

    function test_saysNothingElse() public {
        address[] memory others = new address[](1);
        others[0] = address(0xB0B);
        assertEq(_count(5, others, ""), 0, "another client");
        assertEq(_count(5, nobody, "starred"), 0, "another tag");
        assertEq(_count(6, nobody, ""), 0, "an owner without a standing");
        (,,,, bool revoked) = registry.readFeedback(5, address(0xB0B), 1);
        assertTrue(revoked, "another's");
        known.grow(1001);
        assertEq(_count(5, nobody, ""), 0, "too old");
        assertEq(registry.getClients(5).length, 0, "nobody");
    }

    function test_anAgentThatIsNoneReverts() public {
        vm.expectRevert(abi.encodeWithSignature("Error(string)", "no such agent"));
        registry.getClients(9);
    }
}
