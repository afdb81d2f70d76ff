// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Panels} from "../../contracts/ledger/Panels.sol";
import {LedgerTest} from "./utils/LedgerTest.sol";

/// @notice Committees of three to nine with unequal weights, in which colluders of less than half of the weight vote as
/// they like: what they can move, and that they convict nobody.
contract CollusionTest is LedgerTest {
    uint256 private constant UPDATES = 5;

    uint256 private total;
    uint256 private colluding;
    uint16[] private weights;
    bool[] private colludes;
    uint16[][] private votes;
    uint32 private round;

    /// @notice Honest verifiers score on the same batches, so they differ by rounding alone: colluders move no score, and no
    /// payout's weight, by more than that one step of the grid.
    function testFuzz_collusion_movesNoScoreByMoreThanOneStep(uint256 seed) public {
        _seat(seed);
        for (uint256 j; j < UPDATES; ++j) {
            uint16 truth = uint16(bound(_draw(seed, "truth", j), 8, 32_766));
            for (uint256 i; i < weights.length; ++i) {
                votes[i][j] =
                    colludes[i] ? _attack(seed, i, j, truth) : truth + uint16(_draw(seed, "step", 100 * i + j) % 2);
            }
        }
        _settleAndCompare();
        for (uint256 j; j < UPDATES; ++j) {
            (uint16 least, uint16 most) = _honestInterval(j);
            assertLe(most - least, 1, "one step");
        }
    }

    /// @notice Whatever the honest vote, the outcome stays in the interval of medians that they alone span: between the
    /// votes that the colluders' weight can reach from below and from above.
    function testFuzz_collusion_staysInTheHonestMedianInterval(uint256 seed) public {
        _seat(seed);
        for (uint256 j; j < UPDATES; ++j) {
            for (uint256 i; i < weights.length; ++i) {
                uint16 honest = uint16(bound(_draw(seed, "honest", 100 * i + j), 8, 32_767));
                votes[i][j] = colludes[i] ? _attack(seed, i, j, honest) : honest;
            }
        }
        _settleAndCompare();
    }

    /// @dev A committee with random weights, colluders in random places, and updates for it to score.
    function _seat(uint256 seed) private {
        uint256 verifiers = bound(_draw(seed, "verifiers", 0), 3, 9);
        (total, colluding) = (0, 0);
        delete weights;
        delete votes;
        colludes = new bool[](verifiers);
        for (uint256 i; i < verifiers; ++i) {
            weights.push(uint16(bound(_draw(seed, "weight", i), 1, 3000)));
            votes.push(new uint16[](UPDATES));
        }
        uint16 cap = uint16(Panels.weightCap(weights));
        for (uint256 i; i < verifiers; ++i) {
            if (weights[i] > cap) weights[i] = cap;
            total += weights[i];
        }
        for (uint256 k; k < 2 * verifiers; ++k) {
            uint256 i = _draw(seed, "colluder", k) % verifiers;
            if (colludes[i] || 2 * (colluding + weights[i]) >= total) continue;
            colludes[i] = true;
            colluding += weights[i];
        }
        _createTask(_params(), weights, UPDATES);
        round = _runUpdates(UPDATES);
    }

    /// @dev A vote that hurts: a verdict, an extreme, one beside the truth, or anything.
    function _attack(uint256 seed, uint256 i, uint256 j, uint16 truth) private pure returns (uint16) {
        uint256 draw = _draw(seed, "attack", 100 * i + j);
        uint256 kind = draw % 5;
        if (kind == 0) return uint16(1 + (draw >> 8) % 5);
        if (kind == 1) return 8;
        if (kind == 2) return 32_767;
        if (kind == 3) return uint16(bound(uint256(truth) + (draw >> 8) % 5, 8, 32_767));
        return uint16(bound(draw >> 8, 8, 32_767));
    }

    /// @dev Settles, and compares scores, stakes and payouts with what the honest votes alone allow.
    function _settleAndCompare() private {
        _settle(round, _score(round, votes));
        (uint256 least, uint256 most) = (0, 0);
        for (uint256 j; j < UPDATES; ++j) {
            (uint16 low, uint16 high) = _honestInterval(j);
            uint16 score = ledger.scoreOf(taskId, round, j);
            assertTrue(score >= low && score <= high, "in the honest median interval");
            (least, most) = (least + _weight(low), most + _weight(high));
        }
        vm.warp(block.timestamp + 1);
        for (uint256 j; j < UPDATES; ++j) {
            (uint16 low, uint16 high) = _honestInterval(j);
            (uint256 a, uint256 b) = (_weight(low), _weight(high));
            uint256 reward = _claim(trainerAt(j), round);
            if (b != 0) assertLe(reward, uint256(TRAINER_BUDGET) * b / (least - a + b), "no more than that");
            else assertEq(reward, 0, "nothing for no gain");
            if (a != 0) assertLe(uint256(TRAINER_BUDGET) * a / (most - b + a), reward, "no less than that");
            assertEq(ledger.member(taskId, trainerAt(j)).stake, STAKE, "convicts nobody");
        }
    }

    /// @dev The lowest and the highest median that any votes of the colluders could give: the greatest honest vote that
    /// more than half of all weight reaches without them, and with all of them.
    function _honestInterval(uint256 j) private view returns (uint16 low, uint16 high) {
        for (uint256 i; i < weights.length; ++i) {
            if (colludes[i]) continue;
            (uint16 vote, uint256 reached) = (votes[i][j], 0);
            for (uint256 k; k < weights.length; ++k) {
                if (!colludes[k] && votes[k][j] >= vote) reached += weights[k];
            }
            if (2 * reached > total && vote > low) low = vote;
            if (2 * (reached + colluding) > total && vote > high) high = vote;
        }
    }

    function _weight(uint16 code) private pure returns (uint256) {
        return code > ZERO ? uint256(code - ZERO) ** 2 : 0;
    }

    function _draw(uint256 seed, string memory what, uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what, index)));
    }
}
