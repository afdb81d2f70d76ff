// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @notice Registries of agents and of their reputation with the events of ERC-8004 (January 2026), and a way to say what
/// no registry would.
contract AgentRegistries {
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event NewFeedback(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        int128 value,
        uint8 valueDecimals,
        string indexed indexedTag1,
        string tag1,
        string tag2,
        string endpoint,
        string feedbackURI,
        bytes32 feedbackHash
    );
    event FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex);

    mapping(uint256 agentId => mapping(address client => uint64)) public lastIndex;

    function register(uint256 agentId) external {
        emit Registered(agentId, "", msg.sender);
    }

    function transfer(uint256 agentId, address to) external {
        emit Transfer(msg.sender, to, agentId);
    }

    struct Said {
        uint256 agentId;
        int128 value;
        uint8 valueDecimals;
        string tag1;
        string feedbackURI;
    }

    function giveFeedback(Said calldata said) external {
        emit NewFeedback(
            said.agentId,
            msg.sender,
            ++lastIndex[said.agentId][msg.sender],
            said.value,
            said.valueDecimals,
            said.tag1,
            said.tag1,
            "",
            "",
            said.feedbackURI,
            0
        );
    }

    function revokeFeedback(uint256 agentId, uint64 feedbackIndex) external {
        emit FeedbackRevoked(agentId, msg.sender, feedbackIndex);
    }

    /// @dev A log with the topic of feedback and whatever data.
    function nonsense(bytes calldata data) external {
        bytes32 topic = NewFeedback.selector;
        bytes memory copy = data;
        assembly ("memory-safe") {
            log4(add(copy, 32), mload(copy), topic, 1, caller(), 0)
        }
    }
}
