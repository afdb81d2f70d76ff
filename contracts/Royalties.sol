// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {ILedger} from "./interfaces/ILedger.sol";
import {DivisionState, IRoyalties, Receipts, Share} from "./interfaces/IRoyalties.sol";
import {VerifierGrant} from "./interfaces/LedgerTypes.sol";

/// @title Royalties
/// @author Karat
/// @notice Divides what is paid for a model among those who made it, by receipts that anybody can recompute.
contract Royalties is IRoyalties, Multicall, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev A claim reads the first three slots and changes the second.
    struct Division {
        bytes32 root;
        uint64 shares;
        uint96 amount;
        uint96 left;
        address token;
        DivisionState state;
        uint40 until;
        uint48 taskId; // the ledger counts its tasks
        address proposer;
        address challenger;
    }

    /// @dev What a verifier said.
    enum Vote {
        None,
        Right,
        Wrong
    }

    /// @inheritdoc IRoyalties
    ILedger public immutable LEDGER;

    uint128 private immutable BOND;
    uint32 private immutable WINDOW;
    uint32 private immutable VOTING;

    /// @inheritdoc IRoyalties
    mapping(uint256 taskId => mapping(address token => uint256)) public pot;

    /// @inheritdoc IRoyalties
    mapping(uint256 taskId => mapping(address token => uint256 divisionId)) public openDivision;

    /// @inheritdoc IRoyalties
    mapping(address account => uint256) public owedBonds;

    uint256 private _last;
    mapping(uint256 divisionId => Division) private _divisions;
    mapping(uint256 divisionId => mapping(address verifier => Vote)) private _votes;
    mapping(uint256 divisionId => mapping(uint256 word => uint256 bits)) private _claimed;

    constructor(ILedger ledger, uint128 bond, uint32 window, uint32 votingTime) {
        if (bond == 0 || window == 0 || votingTime == 0) revert BadRoyaltyRules();
        (LEDGER, BOND, WINDOW, VOTING) = (ledger, bond, window, votingTime);
    }

    /// @inheritdoc IRoyalties
    function royaltyRules() external view returns (uint128 bond, uint32 window, uint32 votingTime) {
        return (BOND, WINDOW, VOTING);
    }

    /// @inheritdoc IRoyalties
    function division(uint256 divisionId)
        external
        view
        returns (DivisionState, uint256, address, bytes32, uint64, uint256, uint256, uint40)
    {
        Division storage d = _divisions[divisionId];
        return (d.state, d.taskId, d.token, d.root, d.shares, d.amount, d.left, d.until);
    }

    /// @inheritdoc IRoyalties
    function isClaimed(uint256 divisionId, uint256 index) external view returns (bool) {
        return _claimed[divisionId][index >> 8] >> (index & 255) & 1 == 1;
    }

    /// @inheritdoc IRoyalties
    function shareHash(Share calldata share) public pure returns (bytes32) {
        // Twice, so that no leaf can be taken for an inner node.
        return keccak256(bytes.concat(keccak256(abi.encode(share.index, share.account, share.share))));
    }

    /// @inheritdoc IRoyalties
    function pay(uint256 taskId, address token, uint256 amount) external nonReentrant {
        // Money for a task that does not exist could not be divided; the ledger refuses to speak of one.
        // slither-disable-next-line unused-return
        LEDGER.task(taskId);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = IERC20(token).balanceOf(address(this)) - before;
        if (got == 0) revert NothingPaid(taskId, token);
        pot[taskId][token] += got;
        emit RoyaltiesPaid(taskId, token, msg.sender, got);
    }

    /// @inheritdoc IRoyalties
    function proposeDivision(uint256 taskId, address token, Receipts calldata receipts)
        external
        payable
        returns (uint256 divisionId)
    {
        uint256 open = openDivision[taskId][token];
        if (open != 0) revert DivisionOpen(open);
        if (msg.value != BOND) revert WrongRoyaltyBond(msg.value, BOND);
        uint256 amount = pot[taskId][token];
        if (amount > type(uint96).max) amount = type(uint96).max;
        bool known = receipts.round != 0 && receipts.round <= LEDGER.task(taskId).currentRound;
        if (amount == 0 || receipts.shares == 0 || !known) revert NothingToDivide(taskId, amount, receipts.shares);
        divisionId = ++_last;
        Division storage d = _divisions[divisionId];
        (d.root, d.shares, d.amount, d.left) = (receipts.root, receipts.shares, uint96(amount), uint96(amount));
        (d.token, d.state, d.taskId, d.proposer) = (token, DivisionState.Proposed, uint48(taskId), msg.sender);
        d.until = uint40(block.timestamp) + WINDOW;
        openDivision[taskId][token] = divisionId;
        pot[taskId][token] -= amount;
        emit DivisionProposed(taskId, token, divisionId, msg.sender, amount, d.until, receipts);
    }

    /// @inheritdoc IRoyalties
    function challengeDivision(uint256 divisionId) external payable {
        Division storage d = _require(divisionId, DivisionState.Proposed);
        if (block.timestamp >= d.until) revert PastTime(d.until);
        if (msg.value != BOND) revert WrongRoyaltyBond(msg.value, BOND);
        (d.state, d.challenger, d.until) = (DivisionState.Challenged, msg.sender, uint40(block.timestamp) + VOTING);
        emit DivisionChallenged(d.taskId, divisionId, msg.sender, d.until);
    }

    /// @inheritdoc IRoyalties
    function voteOnDivision(uint256 divisionId, bool right) external {
        Division storage d = _require(divisionId, DivisionState.Challenged);
        if (block.timestamp >= d.until) revert PastTime(d.until);
        mapping(address verifier => Vote) storage votes = _votes[divisionId];
        if (votes[msg.sender] != Vote.None || LEDGER.servingWeight(d.taskId, msg.sender) == 0) {
            revert NoVoteOnDivision(msg.sender, divisionId);
        }
        votes[msg.sender] = right ? Vote.Right : Vote.Wrong;
        emit DivisionVoted(d.taskId, divisionId, msg.sender, right);
    }

    /// @inheritdoc IRoyalties
    function decideDivision(uint256 divisionId) external {
        Division storage d = _require(divisionId, DivisionState.Challenged);
        VerifierGrant[] memory panel = LEDGER.verifiers(d.taskId);
        (uint256[3] memory behind, uint256 total) = _weigh(divisionId, d.taskId, panel);
        if (2 * behind[uint256(Vote.Right)] > total) {
            _reward(divisionId, Vote.Right, d.proposer, panel, behind[uint256(Vote.Right)]);
            _conclude(divisionId, d);
        } else if (2 * behind[uint256(Vote.Wrong)] > total) {
            _reward(divisionId, Vote.Wrong, d.challenger, panel, behind[uint256(Vote.Wrong)]);
            _reject(divisionId, d);
        } else {
            if (block.timestamp < d.until) revert BeforeTime(d.until);
            // Half of both bonds stays here for ever: or blocking a division, or proposing a wrong one to verifiers who
            // do not vote, would cost nothing.
            owedBonds[d.proposer] += BOND / 2;
            owedBonds[d.challenger] += BOND / 2;
            _reject(divisionId, d);
        }
    }

    /// @inheritdoc IRoyalties
    function finalizeDivision(uint256 divisionId) external {
        Division storage d = _require(divisionId, DivisionState.Proposed);
        if (block.timestamp < d.until) revert BeforeTime(d.until);
        owedBonds[d.proposer] += BOND;
        _conclude(divisionId, d);
    }

    /// @inheritdoc IRoyalties
    function claimShare(uint256 divisionId, Share calldata share, bytes32[] calldata proof) external nonReentrant {
        Division storage d = _require(divisionId, DivisionState.Final);
        if (!MerkleProof.verifyCalldata(proof, d.root, shareHash(share))) revert NoShare(divisionId, share.account);
        (uint256 bit, uint256 word) = (1 << (share.index & 255), share.index >> 8);
        uint256 bits = _claimed[divisionId][word];
        if (bits & bit != 0) revert ShareClaimed(divisionId, share.index);
        _claimed[divisionId][word] = bits | bit;
        uint256 amount = uint256(d.amount) * share.share / d.shares;
        // Shares of wrong receipts may add up to more than their sum; other divisions' money is not theirs.
        if (amount > d.left) amount = d.left;
        d.left -= uint96(amount);
        emit RoyaltyClaimed(d.taskId, divisionId, share.account, amount);
        IERC20(d.token).safeTransfer(share.account, amount);
    }

    /// @inheritdoc IRoyalties
    function withdrawBonds() external {
        uint256 amount = owedBonds[msg.sender];
        owedBonds[msg.sender] = 0;
        emit BondsWithdrawn(msg.sender, amount);
        (bool taken,) = msg.sender.call{value: amount}("");
        if (!taken) revert BondNotTaken(msg.sender, amount);
    }

    function _require(uint256 divisionId, DivisionState state) private view returns (Division storage d) {
        d = _divisions[divisionId];
        if (d.state != state) revert NotInState(divisionId, d.state);
    }

    function _conclude(uint256 divisionId, Division storage d) private {
        d.state = DivisionState.Final;
        delete openDivision[d.taskId][d.token];
        emit DivisionFinal(d.taskId, divisionId, d.root, d.amount);
    }

    function _reject(uint256 divisionId, Division storage d) private {
        d.state = DivisionState.Rejected;
        delete openDivision[d.taskId][d.token];
        pot[d.taskId][d.token] += d.amount;
        emit DivisionRejected(d.taskId, divisionId);
    }

    /// @dev The weight behind each vote, and all that was granted, whether or not its holders are in service or vote. Counted
    /// at the end, so that one who voted and left does not count. The ledger lists at most 64.
    function _weigh(uint256 divisionId, uint256 taskId, VerifierGrant[] memory panel)
        private
        view
        returns (uint256[3] memory behind, uint256 total)
    {
        for (uint256 i; i < panel.length; ++i) {
            // slither-disable-next-line calls-loop
            uint256 active = LEDGER.servingWeight(taskId, panel[i].verifier);
            total += active > panel[i].weight ? active : panel[i].weight;
            panel[i].weight = uint16(active);
            behind[uint256(_votes[divisionId][panel[i].verifier])] += active;
        }
    }

    /// @dev The winner gets its bond and half of the loser's; the verifiers who said so share the other half by weight, so
    /// that an accomplice's challenge cannot bring a bond back.
    function _reward(uint256 divisionId, Vote side, address winner, VerifierGrant[] memory panel, uint256 weight)
        private
    {
        owedBonds[winner] += BOND + BOND / 2;
        for (uint256 i; i < panel.length; ++i) {
            if (_votes[divisionId][panel[i].verifier] == side) {
                owedBonds[panel[i].verifier] += uint256(BOND / 2) * panel[i].weight / weight;
            }
        }
    }
}
