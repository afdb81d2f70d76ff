// One round: phases, committee, updates with the votes on them, and why.

import { h, path, replace } from "../dom.js";
import { bytes, count, ether as etherText, percent, phaseName, plural } from "../format.js";
import { everything, get, region, taskDetails } from "../live.js";
import { address, amount, countdown, crumbs, empty, ether, hash, moment, pager, pairs, panel, place, score, some, table, taskTabs, tiles, verdict } from "../parts.js";
import { evidence } from "../evidence.js";
import { outcome } from "./task.js";

const SIZE = 100;
const MOST_COLUMNS = 5;
const KINDS = [["", "All"], ["paid", "Paid"], ["unpaid", "Unpaid"], ["refused", "Refused"]];

export default async function page(main, task, round) {
  document.title = `Round ${round} of task ${task} – Karat`;
  const details = await taskDetails(task);
  const base = `/tasks/${task}/rounds/${round}`;
  const shared = { task, round, base, token: details.token, open: new Map() };
  const head = region(base, (data) => top(data, shared, details), { name: "The round" });
  const updates = updateRegion(shared);
  const committee = region(base, (data) => verifiers(data, shared), { name: "The committee" });
  const gas = region(`${base}/gas`, gasTable, { name: "The gas" });
  replace(main, head.element, updates.element, committee.element, gas.element);
  await Promise.all([head.refresh(), updates.refresh(), committee.refresh()]);
  gas.refresh();
}

function top(data, { task, round, token }, details) {
  const number = Number(round);
  return [
    crumbs(["Tasks", "/"], [details.name ?? `Task ${task}`, path("tasks", task)], `Round ${round}`),
    h("div", { class: "title" }, h("h1", {}, `Round ${round}`, " ", outcome(data)),
      h("nav", { class: "pager", "aria-label": "Rounds" },
        number > 1 ? h("a", { class: "button", href: path("tasks", task, "rounds", number - 1) }, `Round ${number - 1}`) : null,
        details.round > number ? h("a", { class: "button", href: path("tasks", task, "rounds", number + 1) }, `Round ${number + 1}`) : null)),
    taskTabs(task, null),
    data.outcome === "void" ? h("p", { class: "note" }, "This round is void: verifiers with more than half of the committee's weight did not reveal their scores. Nobody was paid or slashed for an update, and both budgets went back to the escrow.") : null,
    tiles([
      ["Updates", h("span", { class: "num" }, count(data.revealed)), data.revealed === data.committed ? "all that were committed" : `of ${count(data.committed)} committed`],
      ["Paid updates", h("span", { class: "num" }, data.outcome === "settled" ? count(data.paid) : "–"), `budget ${amountText(data.trainer_budget, token)}`],
      ["To trainers", amount(data.trainer_rewards, token), "claimed so far"],
      ["To verifiers", amount(data.verifier_rewards, token)],
      ["Slashed", amount(data.slashed, token)],
    ]),
    timeline(data.steps),
  ];
}

const amountText = (units, token) => amount(units, token).textContent;

function timeline(steps) {
  return h("section", { class: "panel" }, h("h2", {}, "Phases"), h("ol", { class: "timeline" }, steps.map((step) =>
    h("li", { class: step.state, "aria-current": step.state === "now" ? "step" : null },
      h("strong", {}, phaseName(step.phase)),
      step.state === "now"
        ? h("span", {}, step.ends ? countdown(step.ends, "ends in ") : "waits for anyone to send it")
        : h("span", { class: "quiet" }, step.state === "done" ? ["until ", moment(step.ends)] : "to come")))));
}

function updateRegion(shared) {
  const state = { offset: 0, verdict: "" };
  const url = () => `${shared.base}/updates?limit=${SIZE}&offset=${state.offset}${state.verdict ? `&verdict=${state.verdict}` : ""}`;
  const one = region(url(), (data) => updateTable(data, shared, state, (change) => {
    Object.assign(state, change);
    one.go(url());
  }), { name: "The list of updates" });
  return one;
}

function updateTable(data, shared, state, go) {
  const filter = h("div", { class: "filter", role: "group", "aria-label": "Which updates" }, KINDS.map(([value, label]) =>
    h("button", { type: "button", class: "button", "aria-pressed": String(state.verdict === value), "data-key": `filter ${value}`, onclick: () => go({ verdict: value, offset: 0 }) }, label)));
  if (data.total === 0) {
    const what = state.verdict ? h("p", { class: "quiet" }, "None of this kind.") : empty("No update yet. A trainer of this task sends one:", `karat trainer submit ${shared.task} --data FOLDER --wait`);
    return panel("Updates", filter, what);
  }
  const rows = table({
    caption: "Scores are relative improvements of the loss; the median of the verifiers' votes counts",
    name: `updates of round ${shared.round} of task ${shared.task}`, rows: data.items,
    all: () => everything(`${shared.base}/updates${state.verdict ? `?verdict=${state.verdict}` : ""}`),
    below: (row) => shared.open.get(row.index) ?? null,
    columns: [
      { label: "#", num: true, cell: (row) => h("span", { class: "num" }, row.index ?? "–") },
      { label: "Trainer", head: true, cell: (row) => address(row.trainer, { name: row.name, task: shared.task }) },
      { label: "Verdict", brief: true, cell: (row) => [row.index === null ? h("span", { class: "chip unrevealed" }, "not revealed") : verdict(row.verdict, row.score), row.appealed ? h("span", { class: "chip open" }, "appealed") : null] },
      { label: "Median", num: true, brief: true, cell: (row) => h("strong", {}, score(row.score)) },
      ...voteColumns(data.voters),
      { label: "Reward", num: true, cell: (row) => some(row.reward, shared.token, { due: !row.claimed }) },
      { label: "Slashed", num: true, cell: (row) => some(row.slashed, shared.token) },
      { label: "Size", num: true, cell: (row) => h("span", { class: "num" }, row.size === null ? "–" : bytes(row.size)) },
      { label: "Content", long: true, cell: (row) => (row.cid ? hash(row.cid, "CID") : h("span", { class: "nil" }, "–")) },
      ...["committed", "revealed", "credited"].map((name) => ({ label: name, hidden: true, csv: (row) => (row[name] ? `${row[name].block} ${row[name].transaction}` : "") })),
      { label: "Why", csv: false, cell: (row) => (row.index !== null && row.votes.length ? whyButton(row, shared) : h("span", { class: "nil" }, "–")) },
    ],
  });
  return panel("Updates", filter, rows, pager({ total: data.total, offset: data.offset, size: SIZE, shown: data.items.length, what: "updates", go: (offset) => go({ offset }) }));
}

/** A column for each verifier, or one for all if they are many. */
function voteColumns(voters) {
  const shown = (vote) => (vote.score === null ? verdict(vote.verdict) : score(vote.score));
  if (voters.length > MOST_COLUMNS) {
    return [{ label: "Votes", cell: (row) => h("span", { class: "votes" }, row.votes.map((vote) => h("span", { title: vote.verifier }, shown(vote)))) }];
  }
  return voters.map((voter) => ({
    label: voter.name ?? `${voter.address.slice(0, 6)}…`, title: `Votes of ${voter.address}`, num: true,
    cell: (row) => {
      const vote = row.votes.find((one) => one.verifier === voter.address);
      return vote ? h("span", { title: voter.address }, shown(vote)) : h("span", { class: "nil" }, "–");
    },
  }));
}

function whyButton(row, shared) {
  const button = h("button", { type: "button", class: "button small", "aria-expanded": String(shared.open.has(row.index)), "aria-label": `Why update ${row.index} got this verdict`, "data-key": `why ${row.index}` }, "Why");
  button.addEventListener("click", () => toggle(button, row, shared));
  return button;
}

async function toggle(button, row, shared) {
  const line = button.closest("tr");
  if (shared.open.has(row.index)) {
    shared.open.delete(row.index);
    line.nextElementSibling.remove();
    button.setAttribute("aria-expanded", "false");
    return;
  }
  const box = h("div", { class: "evidence" }, h("p", { class: "quiet" }, "Reading the evidence…"));
  shared.open.set(row.index, box);
  button.setAttribute("aria-expanded", "true");
  line.after(h("tr", { role: "row", class: "below" }, h("td", { role: "cell", colspan: line.children.length }, box)));
  try {
    replace(box, evidence(await get(`${shared.base}/updates/${row.index}`), shared.task));
  } catch (error) {
    replace(box, h("p", { class: "note bad" }, `The evidence cannot be shown: ${error.message}.`));
  }
}

function verifiers(data, { task, token }) {
  if (data.committee.length === 0) {
    return panel("Committee", empty("The committee is drawn when the reveal phase is closed; anyone may do that once it is due:", `karat round settle ${task}`));
  }
  return panel("Committee", table({
    caption: "Who scores this round; a vote's agreement with the medians is its pay",
    name: `committee of round ${data.round} of task ${task}`, rows: data.committee,
    columns: [
      { label: "Verifier", head: true, cell: (v) => address(v.address, { name: v.name, task }) },
      { label: "Vote", brief: true, cell: (v) => h("span", { class: `chip ${v.state}` }, v.state) },
      { label: "Weight", num: true, cell: (v) => h("span", { class: "num" }, count(v.weight)) },
      { label: "Agreement", num: true, cell: (v) => (v.agreement === null ? h("span", { class: "nil" }, "–") : h("span", { class: "num" }, percent(v.agreement))) },
      { label: "Reward", num: true, cell: (v) => some(v.reward, token) },
      { label: "Slashed", num: true, cell: (v) => some(v.slashed, token) },
      { label: "Evidence", long: true, cell: (v) => (v.evidence ? hash(v.evidence, "CID") : h("span", { class: "nil" }, "–")) },
      { label: "Attested model", long: true, cell: (v) => (v.model ? hash(v.model, "CID") : h("span", { class: "nil" }, "–")) },
      { label: "Voted in", long: true, cell: (v) => place(v.voted) },
    ],
  }), pairs([
    ["opened in", place(data.opened)],
    ["committee drawn in", data.closed ? place(data.closed) : "not drawn"],
    [data.outcome === "void" ? "void in" : "settled in", data.decided ? place(data.decided) : "not settled"],
    ["seed of the batches", data.seed ? hash(data.seed, "seed") : "drawn when the reveal phase is closed"],
    ["base model", hash(data.base_model, "CID")],
    ["next model", data.next_model ? hash(data.next_model, "CID") : "not fixed"],
  ]));
}

function gasTable(data) {
  if (data.steps.length === 0) return null;
  const known = data.steps.every((step) => step.known === step.transactions);
  return panel("Gas", table({
    name: "gas",
    caption: `${count(data.total)} gas so far, ${etherText(data.cost)} ETH${data.more ? `, without ${plural(data.more, "further transaction")}` : ""}`,
    rows: data.steps,
    columns: [
      { label: "Step", head: true, cell: (g) => g.step },
      { label: "Transactions", num: true, cell: (g) => h("span", { class: "num" }, count(g.transactions)) },
      { label: "Median", num: true, cell: (g) => h("span", { class: "num" }, g.median === null ? "–" : count(g.median)) },
      { label: "Most", num: true, cell: (g) => h("span", { class: "num" }, g.most === null ? "–" : count(g.most)) },
      { label: "Total", num: true, cell: (g) => h("span", { class: "num" }, count(g.total)) },
      { label: "Cost", num: true, brief: true, cell: (g) => ether(g.cost) },
    ],
  }), known ? null : h("p", { class: "note" }, "The node did not give all receipts, so this is only a part."));
}
