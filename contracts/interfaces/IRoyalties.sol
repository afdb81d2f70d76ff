// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {ILedger} from "./ILedger.sol";

/// @notice What a division follows from. `shares` is the sum of all shares, which are what `karat model receipts` says that
/// each trainer of the task removed of the loss up to `round`, in millionths, nothing for who removed less than nothing.
struct Receipts {
    /// Root over the shares.
    bytes32 root;
    /// sha2-256 digest of the document in the content store that has all shares.
    bytes32 document;
    uint64 shares;
    uint32 round;
}

/// @notice One account's part of a division, at its place in the tree.
struct Share {
    uint256 index;
    address account;
    uint64 share;
}

/// @notice Where a division stands.
enum DivisionState {
    None,
    Proposed,
    Challenged,
    Final,
    Rejected
}

/// @title IRoyalties
/// @author Karat
/// @notice Pays whoever made a task's model: a sponsor or licensee pays in, and it is divided by the receipts. Anybody
/// proposes their root against a bond. If nobody challenges it in time it is final; if somebody does, against the same bond,
/// the task's verifiers decide by more than half of their weight, as they do for the model itself.
interface IRoyalties {
    /// @notice Somebody paid for a task's model.
    event RoyaltiesPaid(uint256 indexed taskId, address indexed token, address indexed payer, uint256 amount);
    /// @notice Somebody proposes how to divide what there is; `windowEnd` is when it becomes final.
    event DivisionProposed(
        uint256 indexed taskId,
        address indexed token,
        uint256 indexed divisionId,
        address proposer,
        uint256 amount,
        uint40 windowEnd,
        Receipts receipts
    );
    /// @notice Somebody says that the receipts are wrong; the verifiers can vote until `votingEnd`.
    event DivisionChallenged(uint256 indexed taskId, uint256 indexed divisionId, address challenger, uint40 votingEnd);
    /// @notice A verifier says whether the receipts are right.
    event DivisionVoted(uint256 indexed taskId, uint256 indexed divisionId, address indexed verifier, bool right);
    /// @notice The division can be claimed from.
    event DivisionFinal(uint256 indexed taskId, uint256 indexed divisionId, bytes32 root, uint256 amount);
    /// @notice The receipts are wrong, or nobody said that they are right; the amount waits for the next division.
    event DivisionRejected(uint256 indexed taskId, uint256 indexed divisionId);
    /// @notice An account got its part.
    event RoyaltyClaimed(uint256 indexed taskId, uint256 indexed divisionId, address indexed account, uint256 amount);
    /// @notice An account took out what it was owed of bonds.
    event BondsWithdrawn(address indexed account, uint256 amount);

    /// @notice The bond and both times must be above zero.
    error BadRoyaltyRules();
    /// @notice The token did not arrive.
    error NothingPaid(uint256 taskId, address token);
    /// @notice Nothing waits to be divided, or nobody has a share, or there is no such round yet.
    error NothingToDivide(uint256 taskId, uint256 amount, uint64 shares);
    /// @notice Only one division of a task and token can be open.
    error DivisionOpen(uint256 divisionId);
    /// @notice The division is in another state than the call needs.
    error NotInState(uint256 divisionId, DivisionState state);
    /// @notice The bond has to be paid exactly.
    error WrongRoyaltyBond(uint256 paid, uint256 bond);
    /// @notice It is too late for this since `time`.
    error PastTime(uint256 time);
    /// @notice It is too early for this until `time`.
    error BeforeTime(uint256 time);
    /// @notice Only verifiers in service of the task vote, each once.
    error NoVoteOnDivision(address account, uint256 divisionId);
    /// @notice The share does not belong to the division's root.
    error NoShare(uint256 divisionId, address account);
    /// @notice This share was paid.
    error ShareClaimed(uint256 divisionId, uint256 index);
    /// @notice The account does not take its ether.
    error BondNotTaken(address account, uint256 amount);

    /// @notice The ledger whose tasks are paid for.
    function LEDGER() external view returns (ILedger);

    /// @notice Bond in wei, and how long a division can be challenged, and voted on then, in seconds.
    function royaltyRules() external view returns (uint128 bond, uint32 window, uint32 votingTime);

    /// @notice What waits to be divided.
    function pot(uint256 taskId, address token) external view returns (uint256);

    /// @notice The open division of a task and token; 0 if there is none.
    function openDivision(uint256 taskId, address token) external view returns (uint256 divisionId);

    /// @notice A division; `left` has not been claimed yet, `until` is the end of the window or of the vote.
    function division(uint256 divisionId)
        external
        view
        returns (
            DivisionState state,
            uint256 taskId,
            address token,
            bytes32 root,
            uint64 shares,
            uint256 amount,
            uint256 left,
            uint40 until
        );

    /// @notice What an account is owed of bonds, in wei.
    function owedBonds(address account) external view returns (uint256);

    /// @notice Whether a share was paid.
    function isClaimed(uint256 divisionId, uint256 index) external view returns (bool);

    /// @notice The leaf of a share.
    function shareHash(Share calldata share) external pure returns (bytes32);

    /// @notice Pays for a task's model. What arrives counts, and nobody gets it back.
    /// @dev Access: anyone. State: any.
    function pay(uint256 taskId, address token, uint256 amount) external;

    /// @notice Proposes how to divide what waits now, up to 2**96 - 1, against the bond.
    /// @dev Access: anyone. State: no division of this task and token is open.
    function proposeDivision(uint256 taskId, address token, Receipts calldata receipts)
        external
        payable
        returns (uint256 divisionId);

    /// @notice Says, against the bond, that the receipts are wrong.
    /// @dev Access: anyone. State: proposed, within the window.
    function challengeDivision(uint256 divisionId) external payable;

    /// @notice Says whether the receipts are right.
    /// @dev Access: verifiers in service of the task. State: challenged, before the end of the vote.
    function voteOnDivision(uint256 divisionId, bool right) external;

    /// @notice Ends a vote: as soon as more than half of the weight agrees; else, after its end, by rejection.
    /// @dev Access: anyone. State: challenged.
    function decideDivision(uint256 divisionId) external;

    /// @notice Makes final what nobody challenged.
    /// @dev Access: anyone. State: proposed, after the window.
    function finalizeDivision(uint256 divisionId) external;

    /// @notice Pays an account its part.
    /// @dev Access: anyone, for anyone. State: final.
    function claimShare(uint256 divisionId, Share calldata share, bytes32[] calldata proof) external;

    /// @notice Pays out what the caller is owed of bonds.
    /// @dev Access: anyone. State: any.
    function withdrawBonds() external;
}
