// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {StandingAnchor} from "../../contracts/StandingAnchor.sol";
import {IStandingAnchor, Rules, Standing} from "../../contracts/interfaces/IStandingAnchor.sol";
import {Claim, Node, NodeProof, RangeProof, Rank, RankProof} from "../../contracts/reputation/StandingTypes.sol";
import {ReputationGate} from "../../examples/solidity/ReputationGate.sol";
import {InputsDouble} from "./utils/InputsDouble.sol";
import {Test} from "./utils/Test.sol";

/// @notice The example gate: what was not final, is too old, or was lost since, opens nothing.
contract ReputationGateTest is Test {
    uint256 private constant SCOPE = 3;
    uint128 private constant BOND = 1 ether;
    address private constant ACCOUNT = address(0xA11CE);
    uint32 private constant TODAY = 20_000;
    address private constant FOE = address(0xF0E);

    InputsDouble private inputs = new InputsDouble();
    StandingAnchor private anchor = new StandingAnchor(inputs, Rules(BOND, 1000, 10, 1500, 5000));
    ReputationGate private gate = new ReputationGate(anchor, SCOPE, 1, 2000);
    uint256 private number;

    function setUp() public {
        vm.warp(TODAY * 1 days);
        _settle(TODAY, ACCOUNT);
    }

    /// @dev A scope of one account, so that a leaf is the root.
    function _settle(uint32 day, address account) private {
        address[] memory accounts = new address[](1);
        uint128[] memory gains = new uint128[](1);
        (accounts[0], gains[0]) = (account, 10);
        inputs.set(SCOPE, day, accounts, gains, new bytes32[](1));
    }

    function _proofs(address account) private pure returns (NodeProof memory node, RangeProof memory range) {
        uint64 visits = uint64(uint256(8500) * 2 ** 40 / 10_000);
        node.leaf = Node(account, 10, 10, 0, 0, 0, visits, visits);
        (range.first.leaf, range.last.leaf) = (Rank(0, visits), Rank(0, visits));
    }

    function _propose(uint32 day, address account) private returns (Claim memory claim) {
        (NodeProof memory node, RangeProof memory range) = _proofs(account);
        (claim.scope, claim.day, claim.nodes, claim.totalGain) = (SCOPE, day, 1, 10);
        (claim.nodeRoot, claim.rankRoot) = (keccak256(abi.encode(node.leaf)), keccak256(abi.encode(range.first.leaf)));
        vm.deal(address(this), BOND);
        anchor.propose{value: BOND}(claim);
        ++number;
    }

    function _final(uint32 day, address account) private {
        Claim memory claim = _propose(day, account);
        vm.warp(block.timestamp + 1000);
        anchor.finalize(claim, number);
    }

    function _refused(address account) private {
        (NodeProof memory node, RangeProof memory range) = _proofs(account);
        vm.expectRevert(abi.encodeWithSelector(IStandingAnchor.NoProof.selector));
        gate.admit(node, range);
        assertTrue(!gate.isTrusted(account) && !gate.isAdmitted(account), "outside");
    }

    function test_admitsWhoIsRankedHighEnough() public {
        _final(TODAY, ACCOUNT);
        assertTrue(!gate.isTrusted(ACCOUNT), "nobody has proven it");
        (NodeProof memory node, RangeProof memory range) = _proofs(ACCOUNT);
        gate.admit(node, range);
        assertTrue(gate.isAdmitted(ACCOUNT) && gate.isTrusted(ACCOUNT), "inside");
        vm.warp(block.timestamp + 2000);
        assertTrue(!gate.isTrusted(ACCOUNT), "too old");
    }

    function test_whatIsOnlyClaimedOpensNothing() public {
        Claim memory claim = _propose(TODAY, FOE);
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
        _final(TODAY, ACCOUNT);
        (NodeProof memory node, RangeProof memory range) = _proofs(ACCOUNT);
        gate.admit(node, range);
        vm.warp((TODAY + 1) * 1 days);
        _settle(TODAY + 1, FOE);
        _final(TODAY + 1, FOE);
        assertTrue(!gate.isTrusted(ACCOUNT), "what it had is not what it has");
        vm.expectRevert(abi.encodeWithSelector(IStandingAnchor.NoProof.selector));
        gate.admit(node, range);
    }

    /// Nobody has earned anything: who joined first comes first, and is no better than the other.
    function test_equalsShareTheirRank() public {
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (FOE, ACCOUNT);
        inputs.set(SCOPE, TODAY, accounts, new uint128[](2), new bytes32[](2));
        NodeProof memory node = _nobody(0, FOE);
        RangeProof memory range;
        (range.first, range.last) = (_place(0), _place(1));
        (node.path, range.first.path, range.last.path) = (new bytes32[](1), new bytes32[](1), new bytes32[](1));
        node.path[0] = keccak256(abi.encode(_nobody(1, ACCOUNT).leaf));
        range.first.path[0] = keccak256(abi.encode(range.last.leaf));
        range.last.path[0] = keccak256(abi.encode(range.first.leaf));
        Claim memory claim;
        (claim.scope, claim.day, claim.nodes) = (SCOPE, TODAY, 2);
        claim.nodeRoot = keccak256(abi.encode(keccak256(abi.encode(node.leaf)), node.path[0]));
        claim.rankRoot = keccak256(abi.encode(range.last.path[0], range.first.path[0]));
        vm.deal(address(this), BOND);
        anchor.propose{value: BOND}(claim);
        vm.warp(block.timestamp + 1000);
        anchor.finalize(claim, ++number);
        vm.expectRevert(abi.encodeWithSelector(ReputationGate.NotTrusted.selector, FOE));
        gate.admit(node, range);
        // The first rank alone is not all that has this score.
        RangeProof memory part = range;
        part.last = range.first;
        part.behind = _place(1);
        part.behind.path = new bytes32[](1);
        part.behind.path[0] = keccak256(abi.encode(range.first.leaf));
        vm.expectRevert(abi.encodeWithSelector(IStandingAnchor.NoProof.selector));
        anchor.prove(SCOPE, node, part);
        part.last = part.behind;
        anchor.prove(SCOPE, node, part);
        Standing memory standing = anchor.reputationOf(SCOPE, FOE, 1000);
        assertEq(standing.bestRank, 0, "first");
        assertEq(standing.worstRank, 1, "or last");
        assertTrue(!new ReputationGate(anchor, SCOPE, 2, 2000).isTrusted(FOE), "it earned nothing");
    }

    /// The age is that of what the standing follows from: a claim made late in the day is no younger.
    function test_aLateClaimIsNoYounger() public {
        vm.warp(block.timestamp + 5000);
        _final(TODAY, ACCOUNT);
        (NodeProof memory node, RangeProof memory range) = _proofs(ACCOUNT);
        anchor.prove(SCOPE, node, range);
        assertEq(anchor.reputationOf(SCOPE, ACCOUNT, 6000).age, 6000, "since the day began");
        vm.expectRevert(abi.encodeWithSelector(IStandingAnchor.NoFreshStanding.selector, SCOPE, ACCOUNT));
        anchor.reputationOf(SCOPE, ACCOUNT, 5999);
        vm.expectRevert(abi.encodeWithSelector(ReputationGate.NotTrusted.selector, ACCOUNT));
        gate.admit(node, range);
    }

    function _nobody(uint32 index, address account) private pure returns (NodeProof memory node) {
        (node.index, node.leaf) = (index, Node(account, 0, 0, 0, 0, index, 0, 0));
    }

    function _place(uint32 index) private pure returns (RankProof memory rank) {
        (rank.index, rank.leaf) = (index, Rank(index, 0));
    }
}
