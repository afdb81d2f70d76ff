// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {DevToken} from "../../contracts/DevToken.sol";
import {ILedgerErrors, LedgerTest, RecordKind} from "./utils/LedgerTest.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A wallet that is a contract, as EIP-1271 describes it: its owner's key signs for it.
contract Wallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    /// @notice Does whatever it is asked, for the test.
    function run(address target, bytes calldata data) external {
        (bool done,) = target.call(data);
        require(done);
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(hash, signature);
        return signer == OWNER ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice A contract that accepts every signature, but with another answer than EIP-1271's.
contract Careless {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bool) {
        return true;
    }
}

/// @notice commitFor with trainers that are contracts.
contract ContractWalletsTest is LedgerTest {
    uint256 private constant KEY = 0xA11CE;
    Wallet private wallet;
    uint32 private round;

    function setUp() public override {
        super.setUp();
        _createTask(_params(), _equalWeights(1), 1);
        wallet = new Wallet(vm.addr(KEY));
        _purse(address(wallet));
        vm.prank(address(wallet));
        ledger.joinTrainer(taskId, _rules(taskId), STAKE);
        round = ledger.openRound(taskId);
    }

    function _permit(address trainer, bytes32 commitment, uint256 key) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Karat Ledger"),
                keccak256("1"),
                block.chainid,
                address(ledger)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256("Commit(uint256 taskId,uint32 round,address trainer,bytes32 commitment,uint256 deadline)"),
                taskId,
                round,
                trainer,
                commitment,
                block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, message)));
        return abi.encodePacked(r, s, v);
    }

    function test_commitFor_acceptsAWalletsSignature() public {
        bytes32 commitment = _updateCommitment(round, address(wallet));
        bytes memory signature = _permit(address(wallet), commitment, KEY);
        expectEvent(address(ledger));
        emit UpdateCommitted(taskId, address(wallet), round, commitment);
        ledger.commitFor(taskId, round, address(wallet), commitment, block.timestamp, signature);
        assertEq(
            uint256(ledger.record(taskId, address(wallet), round).kind), uint256(RecordKind.Committed), "committed"
        );
    }

    function test_commitFor_refusesWhatTheWalletRefuses() public {
        bytes32 commitment = _updateCommitment(round, address(wallet));
        bytes memory foreign = _permit(address(wallet), commitment, 0xB0B);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSignature.selector, address(wallet)));
        ledger.commitFor(taskId, round, address(wallet), commitment, block.timestamp, foreign);
        bytes memory other = _permit(address(wallet), keccak256("another update"), KEY);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSignature.selector, address(wallet)));
        ledger.commitFor(taskId, round, address(wallet), commitment, block.timestamp, other);
    }

    function test_commitFor_refusesContractsThatAnswerSomethingElse() public {
        address[2] memory trainers = [address(new Careless()), address(new DevToken())];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.BadSignature.selector, trainers[i]));
            ledger.commitFor(taskId, round, trainers[i], 0, block.timestamp, "signature");
        }
    }

    function test_aWalletTrainsLikeAnyone() public {
        bytes32 commitment = _updateCommitment(round, address(wallet));
        wallet.run(address(ledger), abi.encodeCall(ledger.commit, (taskId, round, commitment)));
        vm.warp(block.timestamp + 100);
        ledger.revealFor(taskId, round, address(wallet), _digest(round, address(wallet)), 777, _salt(address(wallet)));
        assertEq(ledger.roundInfo(taskId, round).count, 1, "revealed");
    }
}
