// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title A witness on a ledger: it holds the newest checkpoint of append-only logs, and refuses whatever does not extend it.
/// @notice A checkpoint is (origin, size, root) of an RFC 6962 tree. A new one is taken only with a proof, checked here,
/// that its tree extends the tree held before. A log therefore can neither fork nor be rolled back unnoticed, whoever
/// holds its signing key. The first checkpoint of an origin is taken on the submitter's word.
/// @dev An origin is named by the SHA-256 of its UTF-8 text. A root of zero stands for "none": no tree has it.
contract CheckpointWitness {
    struct Head {
        uint64 size;
        uint64 time;
        uint64 blockNumber;
    }

    /// @notice Whoever decides who may submit; holds no power over checkpoints.
    address public owner;

    /// @notice Whoever may become the owner by accepting.
    address public pendingOwner;

    /// @notice Whether an account may submit checkpoints of an origin: one log's submitter cannot touch another's.
    mapping(bytes32 origin => mapping(address account => bool)) public isSubmitter;

    mapping(bytes32 origin => Head) private _heads;
    mapping(bytes32 origin => mapping(uint64 size => bytes32 root)) private _roots;

    /// @notice A checkpoint was taken.
    event CheckpointWitnessed(bytes32 indexed origin, uint64 indexed size, bytes32 root);

    /// @notice An account may submit for an origin from now on, or no longer.
    event SubmitterChanged(bytes32 indexed origin, address indexed account, bool isAllowed);

    /// @notice Ownership was offered.
    event OwnershipOffered(address indexed owner, address indexed candidate);

    /// @notice Ownership passed on.
    event OwnershipAccepted(address indexed former, address indexed owner);

    /// @notice The caller is not the owner, or not the one to whom ownership was offered.
    error NotOwner(address caller);

    /// @notice The caller may not submit checkpoints of this origin.
    error NotSubmitter(bytes32 origin, address caller);

    /// @notice Neither the empty tree nor a size past 2^63-1 nor a root of zero is ever taken.
    error NotACheckpoint();

    /// @notice Another root is held at this size.
    error Forked(bytes32 origin, uint64 size, bytes32 heldRoot);

    /// @notice A larger tree is held, and this size was never witnessed.
    error RolledBack(bytes32 origin, uint64 heldSize);

    /// @notice The proof starts from another size than the one held.
    error WrongOldSize(bytes32 origin, uint64 heldSize);

    /// @notice The proof does not show that the new tree extends the one held.
    error NotAnExtension(bytes32 origin, uint64 heldSize);

    /// @notice The chain lacks the SHA-256 precompile (address 2).
    error NoSha256();

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// @param origin SHA-256 of the first log's origin.
    /// @param submitter The account that may submit its checkpoints.
    constructor(bytes32 origin, address submitter) {
        owner = msg.sender;
        emit OwnershipAccepted(address(0), msg.sender);
        isSubmitter[origin][submitter] = true;
        emit SubmitterChanged(origin, submitter, true);
    }

    /// @notice Takes a checkpoint that extends the one held. The identical checkpoint again changes nothing.
    /// @param origin SHA-256 of the log's origin.
    /// @param size Number of leaves, 1 to 2^63-1.
    /// @param root Root of the tree of that size.
    /// @param oldSize Size of the checkpoint held now, from which the proof starts; 0 when none is held.
    /// @param proof PROOF(oldSize, D[size]) of RFC 6962 section 2.1.2; empty when none is held.
    function submit(bytes32 origin, uint64 size, bytes32 root, uint64 oldSize, bytes32[] calldata proof) external {
        if (!isSubmitter[origin][msg.sender]) revert NotSubmitter(origin, msg.sender);
        if (size == 0 || size > uint64(type(int64).max) || root == 0) revert NotACheckpoint();
        bytes32 held = _roots[origin][size];
        if (held == root) return;
        if (held != 0) revert Forked(origin, size, held);
        uint64 current = _heads[origin].size;
        if (size < current) revert RolledBack(origin, current);
        if (oldSize != current) revert WrongOldSize(origin, current);
        if (!_extends(_roots[origin][current], current, root, size, proof)) revert NotAnExtension(origin, current);
        _heads[origin] = Head(size, uint64(block.timestamp), uint64(block.number));
        _roots[origin][size] = root;
        emit CheckpointWitnessed(origin, size, root);
    }

    /// @notice Returns the root witnessed at a size, or zero.
    function rootAt(bytes32 origin, uint64 size) external view returns (bytes32) {
        return _roots[origin][size];
    }

    /// @notice Returns the newest checkpoint of an origin with the time and number of its block; zeros when there is none.
    function newest(bytes32 origin)
        external
        view
        returns (uint64 size, bytes32 root, uint64 time, uint64 blockNumber)
    {
        Head memory head = _heads[origin];
        return (head.size, _roots[origin][head.size], head.time, head.blockNumber);
    }

    /// @notice Whether a leaf stands at an index of the tree that was witnessed at a size.
    /// @param leaf The leaf's hash, SHA-256(0x00 || data).
    /// @param path PATH(index, D[size]) of RFC 6962 section 2.1.1.
    function verifyInclusion(bytes32 origin, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        bytes32 root = _roots[origin][size];
        if (root == 0 || index >= size) return false;
        uint256 inner = _bitLength(index ^ (size - 1));
        if (path.length != inner + _bitCount(index >> inner)) return false;
        bytes32 computed = leaf;
        for (uint256 height = 0; height < path.length; ++height) {
            bool isRight = height >= inner || (index >> height) & 1 == 1;
            computed = isRight ? _node(path[height], computed) : _node(computed, path[height]);
        }
        return computed == root;
    }

    /// @notice Lets an account submit checkpoints of an origin.
    function addSubmitter(bytes32 origin, address account) external onlyOwner {
        isSubmitter[origin][account] = true;
        emit SubmitterChanged(origin, account, true);
    }

    /// @notice Takes that permission away.
    function removeSubmitter(bytes32 origin, address account) external onlyOwner {
        isSubmitter[origin][account] = false;
        emit SubmitterChanged(origin, account, false);
    }

    /// @notice Offers ownership; it stays where it is until accepted, so that a wrong address loses nothing.
    function offerOwnership(address candidate) external onlyOwner {
        pendingOwner = candidate;
        emit OwnershipOffered(owner, candidate);
    }

    /// @notice Takes the ownership that was offered to the caller.
    function acceptOwnership() external {
        if (msg.sender != pendingOwner) revert NotOwner(msg.sender);
        emit OwnershipAccepted(owner, msg.sender);
        owner = msg.sender;
        pendingOwner = address(0);
    }

    /// @dev RFC 9162 section 2.1.4.2. The proof starts at the largest complete subtree that ends the old tree; where
    /// that is the whole old tree (a power of two), its hash is the old root itself and is left out of the proof.
    function _extends(bytes32 oldRoot, uint64 oldSize, bytes32 newRoot, uint64 newSize, bytes32[] calldata proof)
        private
        view
        returns (bool)
    {
        if (oldSize == 0) return proof.length == 0;
        uint256 last = oldSize - 1;
        uint256 shift = _bitLength(oldSize & (~oldSize + 1)) - 1;
        uint256 used = oldSize == 1 << shift ? 0 : 1;
        uint256 inner = _bitLength(uint64(last) ^ (newSize - 1));
        if (proof.length != inner - shift + _bitCount(uint64(last >> inner)) + used) return false;
        bytes32 oldHash = used == 0 ? oldRoot : proof[0];
        bytes32 newHash = oldHash;
        for (uint256 height = shift; used < proof.length; ++height) {
            bytes32 sibling = proof[used++];
            if (height >= inner || (last >> height) & 1 == 1) {
                oldHash = _node(sibling, oldHash);
                newHash = _node(sibling, newHash);
            } else {
                newHash = _node(newHash, sibling);
            }
        }
        return oldHash == oldRoot && newHash == newRoot;
    }

    /// @dev SHA-256(0x01 || left || right), by the precompile at address 2, beyond the memory in use.
    function _node(bytes32 left, bytes32 right) private view returns (bytes32 hash) {
        bool isDone;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            isDone := staticcall(gas(), 2, free, 65, 0, 32)
            isDone := and(isDone, eq(returndatasize(), 32))
            hash := mload(0)
        }
        if (!isDone) revert NoSha256();
    }

    function _bitLength(uint64 value) private pure returns (uint256 length) {
        for (uint256 rest = value; rest != 0; rest >>= 1) ++length;
    }

    function _bitCount(uint64 value) private pure returns (uint256 count) {
        for (uint256 rest = value; rest != 0; rest &= rest - 1) ++count;
    }
}
