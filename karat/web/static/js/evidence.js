// Why an update got its verdict, as each verifier's evidence says.

import { h } from "./dom.js";
import { number, shortHash } from "./format.js";
import { address, hash, meaning, pairs, place, table, verdict } from "./parts.js";

export function evidence({ update, answer, change, reports }, task) {
  const shown = update.verdict === "ok" && update.score !== null && update.score <= 0 ? "unpaid" : update.verdict;
  const groups = alike(reports);
  return [
    update.verdict ? h("p", {}, verdict(update.verdict, update.score), " ", meaning(shown)) : h("p", { class: "quiet" }, "The round is not settled yet."),
    h("div", { class: "why" }, answer.map((line) => h("p", {}, h("bdi", {}, line))), h("p", {}, h("strong", {}, "What to change: "), h("bdi", {}, change))),
    pairs([["committed in", place(update.committed)], ["revealed in", place(update.revealed)], update.credited ? ["credited in", place(update.credited)] : null]),
    groups.length === 0 ? h("p", { class: "quiet" }, "No verifier has revealed its scores yet.") : null,
    groups.map((group) => report(group, task)),
  ];
}

/** Verifiers that publish the same evidence are shown once. */
function alike(reports) {
  const groups = new Map();
  for (const one of reports) {
    const known = groups.get(one.evidence);
    if (known && known[0].agrees === one.agrees) known.push(one);
    else groups.set(known ? `${one.evidence} ${one.verifier}` : one.evidence, [one]);
  }
  return [...groups.values()];
}

function report(group, task) {
  const one = group[0];
  return h("section", { class: "report" },
    h("h3", {}, group.map((each, i) => [i ? ", " : null, address(each.verifier, { name: each.name, task, copy: false })])),
    h("p", { class: "quiet" }, "Evidence ", hash(one.evidence, "CID")),
    one.note ? h("p", { class: one.state === "malformed" ? "note bad" : "note" }, one.note) : null,
    one.agrees === false ? h("p", { class: "note bad" }, "This evidence says something else than the vote that was revealed on chain.") : null,
    one.summary ? h("p", { class: "summary" }, h("bdi", {}, one.summary)) : null,
    one.findings.map((finding) => found(finding)),
    one.checks.length ? checks(one.checks) : null);
}

function found(finding) {
  const related = finding.related_index !== null ? `update ${finding.related_index} of this round` : finding.related ? `the update ${shortHash(finding.related)}` : null;
  return h("div", { class: "finding" },
    h("p", {}, h("strong", {}, h("bdi", {}, finding.reason)), finding.verdict ? [" ", h("bdi", { class: "quiet" }, `(${finding.verdict})`)] : " (no pay)", related ? `: see ${related}` : null),
    finding.signals.length ? table({
      caption: "Measured", hideCaption: true, rows: finding.signals,
      columns: [
        { label: "Signal", head: true, cell: (signal) => h("bdi", {}, signal.name) },
        { label: "Value", num: true, cell: (signal) => h("span", { class: "num" }, number(signal.value)) },
        { label: "Threshold", num: true, cell: (signal) => h("span", { class: "num" }, number(signal.threshold)) },
      ],
    }) : null);
}

function checks(rows) {
  return table({
    caption: "What a paid update passes",
    rows,
    columns: [
      { label: "Check", head: true, cell: (check) => h("span", { title: check.meaning }, check.name) },
      { label: "Value", num: true, cell: (check) => h("span", { class: "num" }, number(check.value)) },
      { label: "More than", num: true, cell: (check) => h("span", { class: "num" }, number(check.threshold)) },
      { label: "Passed", cell: (check) => h("span", { class: `chip ${check.holds ? "ok" : "harmful"}` }, check.holds ? "yes" : "no") },
      { label: "Meaning", wide: true, cell: (check) => h("span", { class: "quiet" }, check.meaning) },
    ],
  });
}
