// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What others do: one transaction per credential. For the benchmark only.
contract PerCredential {
    mapping(bytes32 digest => uint256 time) public recordedAt;

    event Recorded(bytes32 indexed digest, address indexed issuer);

    error Known(bytes32 digest);

    /// @notice Records a digest once.
    function record(bytes32 digest) external {
        if (recordedAt[digest] != 0) revert Known(digest);
        recordedAt[digest] = block.timestamp;
        emit Recorded(digest, msg.sender);
    }
}
