// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC8004Identity, IERC8004Reputation} from "../interfaces/IERC8004.sol";
import {IStandingAnchor, Standing} from "../interfaces/IStandingAnchor.sol";

/// @title StandingRegistry
/// @author Karat
/// @notice Serves Karat's standings to whoever reads an ERC-8004 reputation registry: an agent has one feedback, from the
/// anchor, with its owner's score in millionths of the whole. It stands only while it is fresh; a summary by other clients
/// or tags is empty.
contract StandingRegistry is IERC8004Reputation {
    string private constant TAG = "karat.standing";
    uint8 private constant DECIMALS = 6;

    IStandingAnchor public immutable ANCHOR;
    IERC8004Identity public immutable IDENTITY;
    uint256 public immutable SCOPE;
    /// In seconds.
    uint256 public immutable MAX_AGE;

    constructor(IStandingAnchor anchor, IERC8004Identity identity, uint256 scope, uint256 maxAge) {
        (ANCHOR, IDENTITY, SCOPE, MAX_AGE) = (anchor, identity, scope, maxAge);
    }

    /// @inheritdoc IERC8004Reputation
    function getIdentityRegistry() external view returns (address) {
        return address(IDENTITY);
    }

    /// @inheritdoc IERC8004Reputation
    function getSummary(uint256 agentId, address[] calldata clientAddresses, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals)
    {
        bool wanted = _isTag(tag1) && bytes(tag2).length == 0;
        bool asked = clientAddresses.length == 0;
        for (uint256 i; i < clientAddresses.length; ++i) {
            asked = asked || clientAddresses[i] == address(ANCHOR);
        }
        (bool fresh, int128 value) = _value(agentId);
        if (!wanted || !asked || !fresh) return (0, 0, DECIMALS);
        return (1, value, DECIMALS);
    }

    /// @inheritdoc IERC8004Reputation
    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (int128 value, uint8 valueDecimals, string memory tag1, string memory tag2, bool isRevoked)
    {
        bool fresh;
        (fresh, value) = _value(agentId);
        isRevoked = !fresh || clientAddress != address(ANCHOR) || feedbackIndex != 1;
        return (isRevoked ? int128(0) : value, DECIMALS, TAG, "", isRevoked);
    }

    /// @inheritdoc IERC8004Reputation
    function getClients(uint256 agentId) external view returns (address[] memory clients) {
        (bool fresh,) = _value(agentId);
        clients = new address[](fresh ? 1 : 0);
        if (fresh) clients[0] = address(ANCHOR);
    }

    /// @inheritdoc IERC8004Reputation
    function getLastIndex(uint256 agentId, address clientAddress) external view returns (uint64) {
        (bool fresh,) = _value(agentId);
        return fresh && clientAddress == address(ANCHOR) ? 1 : 0;
    }

    /// @dev The score of an agent's owner, if it was proven and is fresh.
    function _value(uint256 agentId) private view returns (bool, int128) {
        try ANCHOR.reputationOf(SCOPE, IDENTITY.ownerOf(agentId), MAX_AGE) returns (Standing memory standing) {
            return (true, int128(uint128(uint256(standing.score) * 10 ** DECIMALS / 2 ** 40)));
        } catch {
            return (false, 0);
        }
    }

    function _isTag(string calldata tag) private pure returns (bool) {
        return bytes(tag).length == 0 || keccak256(bytes(tag)) == keccak256(bytes(TAG));
    }
}
