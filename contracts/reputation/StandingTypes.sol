// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.24;

/// @notice What is claimed of a scope as a day began: the roots of three positional trees. It stands unless disproved.
struct Claim {
    uint256 scope;
    /// The day whose inputs count, counted from 1970.
    uint32 day;
    /// How many leaves the trees of nodes and of ranks have, and the tree of edges.
    uint32 nodes;
    uint32 edges;
    /// The sum of all gains.
    uint128 totalGain;
    /// Leaves: `Node` in order of joining.
    bytes32 nodeRoot;
    /// Leaves: `Edge` by target, then source.
    bytes32 edgeRoot;
    /// Leaves: `Rank` from the highest score to the lowest; of equal scores who joined earlier comes first.
    bytes32 rankRoot;
    /// sha2-256 digest of the document in the content store that holds all leaves.
    bytes32 documentDigest;
}

/// @notice An account. `visits` and `score` are on the Q40 grid (1.0 = 2**40).
struct Node {
    address account;
    uint128 gain;
    /// The sum of the gains up to this node.
    uint128 gainSum;
    /// The sum of the weights in the account's row.
    uint64 outWeight;
    /// How many edges have this node or an earlier one as target.
    uint32 edgesEnd;
    /// The node that all of this node's trust comes through, next to the ego; its own index if there is none.
    uint32 top;
    /// base + the flows of all edges to it; base = c * 2**40 * gain / totalGain, rounded down.
    uint64 visits;
    /// `visits`, after connectivity decay where `top` is another node.
    uint64 score;
}

/// @notice `source` vouches for `target`.
struct Edge {
    uint32 target;
    uint32 source;
    uint64 weight;
    /// c * visits of the source * weight / outWeight of the source, rounded down.
    uint64 flow;
    /// What the source comes through: its `top`.
    uint32 top;
    /// The sum of the flows to the target up to this edge.
    uint64 sum;
    /// What the tops of the sources up to this edge are, counting edges with a flow only: NONE if there is none, MIXED if
    /// there are several.
    uint32 via;
}

/// @notice A place in the ranking.
struct Rank {
    uint32 index;
    uint64 score;
}

/// @notice Leaves with their place and the siblings on the way to the root.
struct NodeProof {
    uint32 index;
    Node leaf;
    bytes32[] path;
}

struct EdgeProof {
    uint32 index;
    Edge leaf;
    bytes32[] path;
}

struct RankProof {
    uint32 index;
    Rank leaf;
    bytes32[] path;
}

/// @notice Two neighbouring ranks, at `index` and the next place, with one path: see {PositionalTree-holdsBoth}.
struct NeighboursProof {
    uint32 index;
    Rank better;
    Rank worse;
    bytes32[] path;
}

/// @notice Which ranks have one score: the first and the last, and their neighbours, which have others. At either end of the
/// ranking the neighbour that is not there is not looked at, nor is `last` where it is `first`.
struct RangeProof {
    RankProof before;
    RankProof first;
    RankProof last;
    RankProof behind;
}

/// @notice A tree of a claim.
enum Tree {
    Nodes,
    Edges,
    Ranks
}

/// @notice What is wrong with a claim.
enum Fault {
    /// A node's account or gain is not the one that the inputs have.
    Input,
    /// A running sum of gains.
    GainSum,
    /// Two edges are out of order, or one is there twice.
    Order,
    /// A running sum of flows, or a running label of what the sources come through.
    EdgeSum,
    /// An edge that cannot be, or has another weight than its source's row.
    Weight,
    /// An entry of a row that is no edge.
    Omission,
    /// A node's sum of weights.
    OutWeight,
    /// An edge's flow, or its source's top.
    Flow,
    /// Where a node's edges end.
    EdgesEnd,
    /// A node's visits, its top or its score.
    Score,
    /// Two ranks are out of order, one has another score than its node, or a node has none where it belongs.
    Rank,
    /// Leaves were not disclosed in time.
    Withheld
}
