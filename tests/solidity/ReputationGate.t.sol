// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {StandingAnchor} from "../../contracts/StandingAnchor.sol";
import {IStandingAnchor, Rules} from "../../contracts/interfaces/IStandingAnchor.sol";
import {Claim, Node, NodeProof, Rank, RankProof} from "../../contracts/reputation/StandingTypes.sol";
import {ReputationGate} from "../../examples/solidity/ReputationGate.sol";
import {InputsDouble} from "./utils/InputsDouble.sol";
import {Test} from "./utils/Test.sol";

/// @notice The example gate: what was not final, is too old, or was lost since, opens nothing.
contract ReputationGateTest is Test {
    uint256 private constant SCOPE = 3;
    uint128 private constant BOND = 1 ether;
    address private constant ACCOUNT = address(0xA11CE);
    address private constant FOE = address(0xF0E);

    InputsDouble private inputs = new InputsDouble();
    StandingAnchor private anchor = new StandingAnchor(inputs, Rules(BOND, 1000, 10, 1500, 5000));
    ReputationGate private gate = new ReputationGate(anchor, SCOPE, 1, 2000);
    uint256 private number;

    function setUp() public {
        vm.warp(1_700_000_000);
        _settle(1, ACCOUNT);
    }

    /// @dev A scope of one account, so that a leaf is the root.
    function _settle(uint32 round, address account) private {
        address[] memory accounts = new address[](1);
        uint128[] memory gains = new uint128[](1);
        (accounts[0], gains[0]) = (account, 10);
        inputs.set(SCOPE, round, accounts, gains, new bytes32[](1));
    }

    function _proofs(address account) private pure returns (NodeProof memory node, RankProof memory rank) {
        uint64 visits = uint64(uint256(8500) * 2 ** 40 / 10_000);
        node.leaf = Node(account, 10, 10, 0, 0, 0, visits, visits);
        rank.leaf = Rank(0, visits);
    }

    function _propose(uint32 round, address account) private returns (Claim memory claim) {
        (NodeProof memory node, RankProof memory rank) = _proofs(account);
        (claim.scope, claim.round, claim.nodes, claim.totalGain) = (SCOPE, round, 1, 10);
        (claim.nodeRoot, claim.rankRoot) = (keccak256(abi.encode(node.leaf)), keccak256(abi.encode(rank.leaf)));
        vm.deal(address(this), BOND);
        anchor.propose{value: BOND}(claim);
        ++number;
    }

    function _final(uint32 round, address account) private {
        Claim memory claim = _propose(round, account);
        vm.warp(block.timestamp + 1000);
        anchor.finalize(claim, number);
    }

    function _refused(address account) private {
        (NodeProof memory node, RankProof memory rank) = _proofs(account);
        vm.expectRevert(abi.encodeWithSelector(IStandingAnchor.NoProof.selector));
        gate.admit(node, rank);
        assertTrue(!gate.isTrusted(account) && !gate.isAdmitted(account), "outside");
    }

    function test_admitsWhoIsRankedHighEnough() public {
        _final(1, ACCOUNT);
        assertTrue(!gate.isTrusted(ACCOUNT), "nobody has proven it");
        (NodeProof memory node, RankProof memory rank) = _proofs(ACCOUNT);
        gate.admit(node, rank);
        assertTrue(gate.isAdmitted(ACCOUNT) && gate.isTrusted(ACCOUNT), "inside");
        vm.warp(block.timestamp + 2000);
        assertTrue(!gate.isTrusted(ACCOUNT), "too old");
    }

    function test_whatIsOnlyClaimedOpensNothing() public {
        Claim memory claim = _propose(1, FOE);
        _refused(FOE);
        (NodeProof memory node,) = _proofs(FOE);
        vm.prank(address(0xB0B));
        anchor.disproveInput(claim, number, node);
        vm.warp(block.timestamp + 1000);
        _refused(FOE);
        assertEq(anchor.owed(address(this)), 0, "the bond is lost");
        assertEq(anchor.owed(address(0xB0B)), BOND / 2, "half of it to who showed it");
    }

    function test_whatWasLostSinceOpensNothing() public {
        _final(1, ACCOUNT);
        (NodeProof memory node, RankProof memory rank) = _proofs(ACCOUNT);
        gate.admit(node, rank);
        _settle(2, FOE);
        _final(2, FOE);
        assertTrue(!gate.isTrusted(ACCOUNT), "what it had is not what it has");
        vm.expectRevert(abi.encodeWithSelector(IStandingAnchor.NoProof.selector));
        gate.admit(node, rank);
    }
}
