// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ILedger} from "../../contracts/interfaces/ILedger.sol";
import {ILedgerErrors, LedgerTest, TaskParams, VerifierGrant} from "./utils/LedgerTest.sol";

/// @notice A token that misbehaves as it is told.
contract HostileToken is ERC20 {
    enum Mode {
        Good,
        Fee,
        ReturnFalse,
        Reenter
    }

    Mode public mode;
    ILedger private immutable LEDGER;
    bytes private attack;
    bool public attackSucceeded;
    bytes public attackReason;

    constructor(ILedger ledger) ERC20("Hostile", "HOS") {
        LEDGER = ledger;
    }

    function setMode(Mode to) external {
        mode = to;
    }

    function setAttack(bytes calldata data) external {
        (mode, attack) = (Mode.Reenter, data);
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (mode == Mode.ReturnFalse) return false;
        if (mode == Mode.Reenter) _reenter();
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (mode == Mode.ReturnFalse) return false;
        if (mode == Mode.Reenter) _reenter();
        if (mode == Mode.Fee) _burn(from, amount / 100);
        return super.transferFrom(from, to, mode == Mode.Fee ? amount - amount / 100 : amount);
    }

    function _reenter() private {
        (attackSucceeded, attackReason) = address(LEDGER).call(attack);
    }
}

/// @notice A token whose calls return nothing, like the best-known dollar token.
contract SilentToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        (balanceOf[msg.sender], balanceOf[to]) = (balanceOf[msg.sender] - amount, balanceOf[to] + amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        (balanceOf[from], balanceOf[to]) = (balanceOf[from] - amount, balanceOf[to] + amount);
    }
}

/// @notice Tokens that take fees, change balances, lie or call back.
contract HostileTokensTest is LedgerTest {
    HostileToken private hostile;
    VerifierGrant[] private none;

    function setUp() public override {
        super.setUp();
        hostile = new HostileToken(ledger);
        hostile.mint(sponsor, 1e24);
        hostile.mint(trainerAt(0), 1e24);
        vm.prank(sponsor);
        hostile.approve(address(ledger), type(uint256).max);
        vm.prank(trainerAt(0));
        hostile.approve(address(ledger), type(uint256).max);
    }

    function _params() internal view override returns (TaskParams memory params) {
        params = super._params();
        if (address(hostile) != address(0)) params.token = address(hostile);
    }

    function _create(uint256 escrow) private returns (uint256) {
        vm.prank(sponsor);
        return ledger.createTask(_params(), escrow, none);
    }

    function test_feeOnTransferIsRefused() public {
        hostile.setMode(HostileToken.Mode.Fee);
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.InexactDeposit.selector, address(hostile), 10_000, 9900));
        ledger.createTask(_params(), 10_000, none);
    }

    function test_rebasingIsRefused() public {
        taskId = _create(10_000);
        hostile.burn(address(ledger), 1);
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(ILedgerErrors.TokenShortfall.selector, address(hostile), 9999, 10_000));
        ledger.fund(taskId, _rules(taskId), 5);
    }

    function test_falseReturnIsRefused() public {
        hostile.setMode(HostileToken.Mode.ReturnFalse);
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(hostile)));
        ledger.createTask(_params(), 10_000, none);
    }

    function test_silentTokensWork() public {
        SilentToken silent = new SilentToken();
        silent.mint(sponsor, 100);
        TaskParams memory params = _params();
        params.token = address(silent);
        vm.startPrank(sponsor);
        silent.approve(address(ledger), 100);
        taskId = ledger.createTask(params, 100, none);
        assertEq(silent.balanceOf(address(ledger)), 100, "deposited");
        assertEq(ledger.closeTask(taskId), 100, "closed");
        vm.stopPrank();
        assertEq(silent.balanceOf(sponsor), 100, "paid back");
    }

    function _assertAttackFailed() private view {
        assertTrue(!hostile.attackSucceeded(), "the nested call is refused");
        assertEq(
            bytes32(hostile.attackReason()),
            bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
            "by the guard"
        );
    }

    function test_reentrantDepositsAreRefused() public {
        taskId = _create(10_000);
        hostile.setAttack(abi.encodeCall(ledger.fund, (taskId, _rules(taskId), 1)));
        vm.prank(sponsor);
        ledger.fund(taskId, _rules(taskId), 5);
        _assertAttackFailed();
        assertEq(ledger.booked(address(hostile)), 10_005, "booked once");
    }

    function test_reentrantWithdrawalsAreRefused() public {
        taskId = _create(10_000);
        hostile.setAttack(abi.encodeCall(ledger.withdraw, (taskId, sponsor)));
        vm.prank(sponsor);
        ledger.closeTask(taskId);
        _assertAttackFailed();
        assertEq(ledger.booked(address(hostile)), 0, "paid once");
        assertEq(hostile.balanceOf(address(ledger)), 0, "empty");
    }

    function test_aHostileTokenCannotTouchAnotherTokensMoney() public {
        vm.prank(sponsor);
        token.approve(address(ledger), type(uint256).max);
        TaskParams memory params = _params();
        params.token = address(token);
        vm.prank(sponsor);
        ledger.createTask(params, 777, none);
        _create(10_000);
        hostile.burn(address(ledger), 10_000);
        assertEq(token.balanceOf(address(ledger)), ledger.booked(address(token)), "the honest token's money");
    }

    function test_donationsHarmNobody() public {
        taskId = _create(10_000);
        hostile.mint(address(ledger), 123);
        vm.prank(sponsor);
        ledger.fund(taskId, _rules(taskId), 5);
        vm.prank(sponsor);
        assertEq(ledger.closeTask(taskId), 10_005, "exactly what was paid in");
    }
}
