// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {State, Task, VerifierPlace} from "./State.sol";

/// @title Panels
/// @author Karat
/// @notice Who may serve in a round, fixed when it opened, and with what weight: nobody's is more than a third of all.
library Panels {
    /// @notice The verifiers that may serve in a round that opened at `openedAt`, with their weights, in index order.
    /// @param cap The greatest weight that counts; see {weightCap}.
    function members(Task storage task, uint256 openedAt, uint256 cap)
        internal
        view
        returns (address[] memory verifiers, uint16[] memory weights)
    {
        uint256 listed = task.verifiers.length;
        (verifiers, weights) = (new address[](listed), new uint16[](listed));
        uint256 count;
        for (uint256 i; i < listed; ++i) {
            address verifier = task.verifiers[i];
            VerifierPlace memory place = task.places[verifier];
            if (!State.mayServe(place, openedAt)) continue;
            (verifiers[count], weights[count]) = (verifier, place.granted < cap ? place.granted : uint16(cap));
            ++count;
        }
        truncate(verifiers, weights, count);
    }

    /// @notice The weight at which to cap all, so that nobody has more than a third of what remains: the greatest c with
    /// 3c <= sum of min(weight, c). With fewer than three verifiers there is none, and nothing is capped.
    /// @dev With the greatest capped, c is half of all others; if the second is above that, both are capped, at the sum
    /// of all but these two, which the third never exceeds.
    function weightCap(uint16[] memory weights) internal pure returns (uint256 cap) {
        (uint256 first, uint256 second, uint256 total) = (0, 0, 0);
        for (uint256 i; i < weights.length; ++i) {
            uint256 weight = weights[i];
            total += weight;
            if (weight > first) (first, second) = (weight, first);
            else if (weight > second) second = weight;
        }
        if (weights.length < 3 || 3 * first <= total) return first;
        cap = (total - first) / 2;
        if (second > cap) cap = total - first - second;
    }

    /// @notice Cuts both arrays to `length` entries, in place.
    function truncate(address[] memory verifiers, uint16[] memory weights, uint256 length) internal pure {
        assembly ("memory-safe") {
            mstore(verifiers, length)
            mstore(weights, length)
        }
    }
}
