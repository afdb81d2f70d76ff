// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

import {ILedgerCalls} from "./ILedgerCalls.sol";
import {ILedgerViews} from "./ILedgerViews.sol";

/// @title ILedger
/// @author Karat
/// @notice The whole ledger, at one address: what changes it, and what can be read from it.
interface ILedger is ILedgerCalls, ILedgerViews {
    /// @notice Several calls of this ledger in one transaction, all or none.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results);
}
