// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IStandingAnchor} from "../interfaces/IStandingAnchor.sol";
import {Claims} from "./Claims.sol";
import {PositionalTree} from "./PositionalTree.sol";
import {Claim, Edge, Fault, Node, Rank, Tree} from "./StandingTypes.sol";

/// @title Disclosure
/// @author Karat
/// @notice Makes a proposer show leaves that it keeps to itself. All inputs are on chain, so a challenger knows the right
/// trees; it asks for the way down to the first leaf that differs, four levels at a time, and has then all hashes that a
/// fraud proof takes. Who does not answer in time loses: the proposer its claim, the challenger its bond.
abstract contract Disclosure is Claims {
    /// @dev How far a challenge has come. `known` is the hash at (`height`, `position`) if it is the proposer's turn, else
    /// the hash of the 2**`step` hashes under it.
    struct Challenge {
        bytes32 claimHash;
        bytes32 known;
        address challenger;
        uint40 deadline;
        uint32 position;
        uint8 height;
        uint8 step;
        Tree tree;
        bool done;
    }

    uint256 private constant LEVELS = 4;

    mapping(uint256 id => Challenge) private _challenges;
    uint256 private _lastChallenge;

    /// @inheritdoc IStandingAnchor
    function challenge(Claim calldata claim, uint256 number, Tree tree) external payable returns (uint256 id) {
        Pending storage pending = _require(claim, number);
        if (block.timestamp >= pending.windowEnd) revert WindowOver(pending.windowEnd);
        if (msg.value != BOND) revert WrongBond(msg.value, BOND);
        uint256 count = _count(claim, tree);
        if (count == 0) revert NoProof();
        id = ++_lastChallenge;
        Challenge storage c = _challenges[id];
        (c.claimHash, c.challenger, c.tree) = (pending.claimHash, msg.sender, tree);
        c.known = tree == Tree.Nodes ? claim.nodeRoot : tree == Tree.Edges ? claim.edgeRoot : claim.rankRoot;
        c.height = uint8(PositionalTree.depth(count));
        c.deadline = uint40(block.timestamp) + RESPONSE;
        ++pending.challenges;
        pending.challenged = true;
        emit Challenged(claim.scope, pending.claimHash, id, tree, msg.sender, c.deadline);
    }

    /// @inheritdoc IStandingAnchor
    function disclose(Claim calldata claim, uint256 number, uint256 id, bytes32[] calldata hashes) external {
        Challenge storage c = _turn(claim, number, id, true);
        uint256 step = c.height < LEVELS ? c.height : LEVELS;
        uint256 below = c.height - step;
        uint256 rest = _count(claim, c.tree) - (uint256(c.position) << c.height);
        uint256 width = (rest + (1 << below) - 1) >> below;
        if (width > 1 << step) width = 1 << step;
        if (step == 0 || hashes.length != width || PositionalTree.fold(hashes) != c.known) revert NoProof();
        (c.known, c.step) = (keccak256(abi.encode(hashes)), uint8(step));
        c.deadline = uint40(block.timestamp) + RESPONSE;
        emit Disclosed(c.claimHash, id, c.height, c.position, hashes, c.deadline);
    }

    /// @inheritdoc IStandingAnchor
    function descend(Claim calldata claim, uint256 number, uint256 id, bytes32[] calldata hashes, uint256 index)
        external
    {
        Challenge storage c = _turn(claim, number, id, false);
        if (msg.sender != c.challenger) revert NotChallenger(msg.sender, c.challenger);
        if (keccak256(abi.encode(hashes)) != c.known || index >= hashes.length) revert NoProof();
        (c.known, c.position) = (hashes[index], uint32((uint256(c.position) << c.step) | index));
        (c.height, c.step) = (c.height - c.step, 0);
        c.deadline = uint40(block.timestamp) + RESPONSE;
        emit Descended(c.claimHash, id, c.height, c.position, c.deadline);
    }

    /// @inheritdoc IStandingAnchor
    function discloseLeaf(Claim calldata claim, uint256 number, uint256 id, bytes calldata leaf) external {
        Challenge storage c = _turn(claim, number, id, true);
        if (c.height != 0 || keccak256(leaf) != c.known || !_isLeaf(c.tree, leaf)) revert NoProof();
        Pending storage pending = _pending[claim.scope];
        c.done = true;
        --pending.challenges;
        pending.holdUntil = uint40(block.timestamp) + RESPONSE;
        emit LeafDisclosed(c.claimHash, id, c.tree, c.position, leaf);
    }

    /// @inheritdoc IStandingAnchor
    function lapse(Claim calldata claim, uint256 number, uint256 id) external {
        Pending storage pending = _require(claim, number);
        Challenge storage c = _challenges[id];
        if (c.claimHash != pending.claimHash || c.done) revert NoChallenge(id);
        if (block.timestamp <= c.deadline) revert NotYet(c.deadline);
        if (c.step == 0) {
            c.done = true;
            _disprove(claim, Fault.Withheld, c.challenger);
        } else {
            // The challenger asked and did not go on: nothing is known that was not, and its bond is the proposer's.
            --pending.challenges;
            owed[pending.proposer] += BOND;
            emit ChallengeDropped(c.claimHash, id);
            delete _challenges[id];
        }
    }

    /// @inheritdoc IStandingAnchor
    function settleChallenge(Claim calldata claim, address proposer, uint256 number, uint256 id) external {
        Challenge storage c = _challenges[id];
        bytes32 claimHash = keccak256(abi.encode(claim, proposer, number));
        if (c.challenger == address(0) || c.claimHash != claimHash) revert NoChallenge(id);
        if (_pending[claim.scope].claimHash == claimHash) revert ClaimPending(claim.scope, claimHash);
        address winner = _disproved[claimHash] ? c.challenger : proposer;
        owed[winner] += BOND;
        emit ChallengeSettled(claimHash, id, winner);
        delete _challenges[id];
    }

    function _count(Claim calldata claim, Tree tree) private pure returns (uint256) {
        return tree == Tree.Edges ? claim.edges : claim.nodes;
    }

    /// @dev Whether these bytes are a leaf, which fraud proofs can speak of. Anything else is no answer.
    function _isLeaf(Tree tree, bytes calldata leaf) private pure returns (bool) {
        if (tree == Tree.Nodes) return keccak256(abi.encode(abi.decode(leaf, (Node)))) == keccak256(leaf);
        if (tree == Tree.Edges) return keccak256(abi.encode(abi.decode(leaf, (Edge)))) == keccak256(leaf);
        return keccak256(abi.encode(abi.decode(leaf, (Rank)))) == keccak256(leaf);
    }

    /// @dev The challenge, if it is the turn of the one who calls and not too late.
    function _turn(Claim calldata claim, uint256 number, uint256 id, bool ofProposer)
        private
        view
        returns (Challenge storage c)
    {
        Pending storage pending = _require(claim, number);
        c = _challenges[id];
        if (c.claimHash != pending.claimHash || c.done || (c.step == 0) != ofProposer) revert NoChallenge(id);
        if (block.timestamp > c.deadline) revert TooLate(c.deadline);
    }
}
