// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title DevToken
/// @author Karat
/// @notice A token that anyone may mint: for development chains, where it pays the demo's rewards.
contract DevToken is ERC20Permit {
    constructor() ERC20("Karat Dev Token", "KDEV") ERC20Permit("Karat Dev Token") {}

    /// @notice Creates `amount` units for `to`.
    /// @dev Access: anyone. State: none.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
