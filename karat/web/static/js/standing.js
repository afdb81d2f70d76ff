// Why a participant has its reputation, and what proves it.

import { h } from "./dom.js";
import { count, percent, signed } from "./format.js";
import { address, hash, pairs, table } from "./parts.js";

export function standing(data, task, names) {
  const who = (one) => address(one, { name: names.get(one) ?? null, task, copy: false });
  if (data.computing && !data.explanation && !data.proof) return [h("p", { class: "quiet" }, "Computing reputations…")];
  return [
    data.address === data.ego ? h("p", {}, "Reputation is seen from here: every walk of trust starts at the sponsor.") : null,
    data.explanation ? explanation(data.explanation, data.ego, who) : null,
    h("h3", {}, "Proof"),
    data.proof ? proof(data.proof) : h("p", { class: "quiet" }, data.note),
  ];
}

function explanation(data, ego, who) {
  const rest = `A walk of trust from the sponsor meets it with probability ${data.hit_probability.toFixed(4)}: ${data.trust.toFixed(4)} in trust, ${data.distrust.toFixed(4)} in distrust. The score is the difference, as a share of everyone's.`;
  return [
    h("p", {}, h("strong", { class: data.score < 0 ? "num negative" : "num" }, signed(data.score, 4)), ", as seen by the sponsor ", who(ego), "."),
    h("p", { class: "quiet" }, rest),
    data.dominator ? h("p", {}, "All of its trust comes through ", who(data.dominator), ".") : null,
    data.paths.length === 0
      ? h("p", { class: "note" }, "No way of trust or distrust leads here: nobody has vouched for it or against it.")
      : table({
        caption: "Where it comes from", rows: data.paths,
        columns: [
          { label: "Way", head: true, cell: (one) => h("span", { class: "way" }, one.nodes.map((node, i) => [i ? h("span", { class: "quiet" }, " → ") : null, who(node)])) },
          { label: "Counts as", cell: (one) => h("span", { class: `chip ${one.distrust ? "harmful" : "ok"}` }, one.distrust ? "distrust" : "trust") },
          { label: "Share", num: true, cell: (one) => h("span", { class: "num" }, percent(one.share)) },
        ],
      }),
  ];
}

function proof(one) {
  const by = one.checked_by === "contract" ? "The anchor contract itself has checked it just now." : "The node does not answer, so this page has checked it.";
  return [
    h("p", {}, h("span", { class: `chip ${one.holds ? "ok" : "harmful"}` }, one.holds ? "holds" : "does not hold"),
      ` against the root that verifiers anchored as epoch ${count(one.epoch)}, computed from all blocks up to ${count(one.to_block)}. `, by),
    pairs([
      ["anchored score", h("span", { class: "num", title: `${one.units} units of 2^-40` }, one.score.toFixed(6))],
      ["root", hash(one.root, "root")],
      ["leaf", hash(one.leaf, "leaf")],
      ["index", h("span", { class: "num" }, count(one.index))],
      ["row", hash(one.row_hash, "row hash")],
    ]),
    h("details", {}, h("summary", {}, `Path of ${one.path.length} hashes`), h("ol", { class: "path" }, one.path.map((item) => h("li", {}, hash(item, "hash"))))),
    h("p", { class: "quiet" }, "The anchored score is the visit score (personalised PageRank) over positive edges, in integers, so that a contract can check it; it differs from the reputation above."),
  ];
}
