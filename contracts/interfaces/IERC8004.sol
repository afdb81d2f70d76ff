// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

/// @title IERC8004Reputation
/// @author ERC-8004 (Trustless Agents), as published in January 2026
/// @notice The part of a reputation registry that others read.
interface IERC8004Reputation {
    /// @notice The registry of agents that ids belong to.
    function getIdentityRegistry() external view returns (address);

    /// @notice How much feedback an agent has, and its mean; filters that are empty do not filter.
    function getSummary(uint256 agentId, address[] calldata clientAddresses, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals);

    /// @notice One feedback; indices count from 1.
    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (int128 value, uint8 valueDecimals, string memory tag1, string memory tag2, bool isRevoked);

    /// @notice Who gave feedback to an agent.
    function getClients(uint256 agentId) external view returns (address[] memory);

    /// @notice The index of a client's last feedback; 0 if there is none.
    function getLastIndex(uint256 agentId, address clientAddress) external view returns (uint64);
}

/// @title IERC8004Identity
/// @author ERC-8004 (Trustless Agents), as published in January 2026
/// @notice The part of an identity registry that is needed here; agents are ERC-721 tokens.
interface IERC8004Identity {
    /// @notice Who owns an agent; reverts if there is none.
    function ownerOf(uint256 agentId) external view returns (address);
}
