// One task: where it stands, how its model came along, its rounds and rules.

import { bars, lines } from "../chart.js";
import { h, path, replace } from "../dom.js";
import { count, duration, percent, phaseName, plural, tokens } from "../format.js";
import { everything, get, region, taskDetails } from "../live.js";
import { address, amount, crumbs, copyButton, empty, hash, pager, pairs, panel, place, some, table, taskTabs, tiles, verdict } from "../parts.js";
import { now, state } from "./tasks.js";

const SIZE = 50;
const CURVES = 5;
const MOST_ROUNDS = 60;

export default async function page(main, task) {
  document.title = `Task ${task} – Karat`;
  const head = region(`/tasks/${task}`, (data) => top(data), { name: "The task" });
  const { token } = await taskDetails(task);
  const progress = region(`/tasks/${task}/progress`, model, { name: "The model's progress" });
  const rounds = region(`/tasks/${task}/rounds?limit=${SIZE}`, (data, one) => history(data, one, task, token), { name: "The list of rounds" });
  const rules = region(`/tasks/${task}`, (data) => panel("Rules", ruleList(data)), { name: "The rules" });
  const join = region(`/tasks/${task}`, use, { name: "What to do with it" });
  const curves = region(`/tasks/${task}/participants?role=trainer&order=earned&limit=${CURVES}`, (data) => best(data, task), { name: "The trainers' scores" });
  replace(main, head.element, join.element, progress.element, curves.element, rounds.element, rules.element);
  await Promise.all([head.refresh(), join.refresh(), rounds.refresh(), rules.refresh()]);
  progress.refresh();
  curves.refresh();
}

/** How to join, with what data, and the model to download. */
function use(task) {
  const command = (text, what) => h("div", { class: "command" }, h("p", {}, what), h("p", {}, h("code", {}, text), copyButton(text, "command")));
  const contract = Object.entries(task.contract);
  const model = (round, label) => h("a", { class: "button", href: `/tasks/${task.task}/model-${round}.safetensors`, download: "" }, label);
  return h("section", { class: "panel" }, h("h2", {}, task.state === "open" ? "Join this task" : "Use this task"),
    h("div", { class: "columns" },
      task.state === "open" ? h("div", {}, h("h3", {}, "As a trainer"),
        command(`karat trainer join ${task.task}`, ["Join; the stake is ", amount(task.rules.trainer_stake, task.token), "."]),
        command(`karat trainer run ${task.task} --data FOLDER`, "Train, submit and claim, round after round."),
        command(`karat trainer why ${task.task}`, "See why you were paid what you were paid.")) : null,
      task.state === "open" ? h("div", {}, h("h3", {}, "As a verifier"),
        task.rules.open_verifiers
          ? command(`karat verifier join ${task.task}`, ["Join; the stake is ", amount(task.rules.verifier_stake, task.token), " for each unit of weight."])
          : command(`karat verifier join ${task.task}`, ["If the sponsor appointed you; the stake is ", amount(task.rules.verifier_stake, task.token), "."]),
        command(`karat verifier run ${task.task}`, "Score, vote and keep the task going.")) : null,
      h("div", {}, h("h3", {}, "Data and updates"),
        contract.length ? h("div", { class: "contract" }, pairs(contract.map(([part, words]) => [part, h("bdi", {}, words)]))) : h("p", { class: "quiet" }, "They are in its specification, which is not there yet.")),
      h("div", {}, h("h3", {}, "The model"), h("p", { class: "quiet" }, "float32 safetensors, which PyTorch loads."),
        h("p", { class: "filter" }, task.latest ? model(task.latest, `After round ${task.latest}`) : null, model(0, "The first one")),
        task.latest ? command(`karat model receipts ${task.task}`, "See who made it, and what each added.") : null)));
}

/** The scores of those who earned most, round by round. */
function best(data, task) {
  const box = h("div", {});
  const styles = ["gold", "ink", "green", "red", "soft"];
  Promise.all(data.items.filter((one) => one.updates > 0).map((one) => get(`/tasks/${task}/participants/${one.address}`))).then((members) => {
    const series = members.map((one, i) => ({
      label: one.name?.slice(0, 24) ?? `${one.address.slice(0, 8)}…`, style: styles[i],
      points: one.records.slice(0, MOST_ROUNDS).reverse().map((record) => [record.round, record.score === null ? null : Math.max(0, record.score)]),
    }));
    const chart = series.length ? lines("What each of the best-paid trainers added, by round", series, { show: (v) => String(Number(v.toPrecision(3))) }) : null;
    if (chart) replace(box, panel("Trainers", h("div", { class: "charts" }, chart)));
  }, () => {});
  return box;
}

function top(task) {
  const name = task.name ?? "unnamed";
  document.title = `${name} #${task.task} – Karat`;
  return [
    crumbs(["Tasks", "/"], `#${task.task}`),
    h("h1", {}, h("bdi", {}, name), h("span", { class: "quiet" }, ` #${task.task}`)),
    h("p", { class: "lead" }, state(task), " ", task.model ? [h("bdi", {}, task.model), " on ", h("bdi", {}, task.data), ", "] : null, "sponsored by ", address(task.sponsor, { name: task.sponsor_name })),
    task.note ? h("p", { class: "note" }, "Its name and model are in its specification. ", task.note) : null,
    taskTabs(task.task, "Overview"),
    tiles([
      ["Now", now(task), task.round ? `round ${task.round} of ${task.rounds}` : `0 of ${task.rounds} rounds`],
      ["Escrow", task.escrow === null ? "–" : amount(task.escrow, task.token), "for further rounds"],
      ["Budget of a round", amount(BigInt(task.trainer_budget) + BigInt(task.verifier_budget), task.token), `trainers ${tokens(task.trainer_budget, task.token.decimals)}, verifiers ${tokens(task.verifier_budget, task.token.decimals)}`],
      ["Earned so far", amount(task.earned, task.token), plural(task.updates, "update")],
      ["Slashed so far", amount(task.slashed, task.token), "returned to the escrow"],
      ["Members", h("a", { href: path("tasks", task.task, "participants") }, plural(task.trainers, "trainer")), plural(task.verifiers, "verifier")],
      ["At stake", amount(task.staked, task.token), "of all members"],
      ["Reputation", h("a", { href: path("tasks", task.task, "reputation") }, "Graph"), task.epochs ? `${plural(task.epochs, "epoch")} anchored` : "not anchored yet"],
    ]),
  ];
}

function model(data) {
  if (data.points.length === 0) return null;
  const accuracy = data.points.map((point) => [point.round - 1, point.accuracy]);
  if (data.final_accuracy !== null) accuracy.push([data.points.at(-1).round, data.final_accuracy]);
  const charts = [
    lines("Accuracy after each round, on the task's test data", [{ label: "accuracy", style: "gold", points: accuracy }], { show: (v) => percent(v, 0), most: 1 }),
    lines("Loss at the start of each round, on the verifiers' batches", [{ label: "loss", style: "ink", points: data.points.map((point) => [point.round, point.loss]) }], { show: (v) => String(Number(v.toPrecision(3))) }),
  ].filter(Boolean);
  if (charts.length === 0) return data.computing ? h("p", { class: "quiet" }, "Evaluating the models…") : null;
  const note = data.computing ? "Models are being evaluated…" : data.note;
  return panel("Model", h("div", { class: "charts" }, charts), note ? h("p", { class: "quiet" }, note) : null);
}

function history(data, one, task, token) {
  if (data.total === 0) {
    return panel("Rounds", empty("No round yet. Anyone may open the first one:", `karat round open ${task}`));
  }
  const money = (units) => Number(BigInt(units) / 10n ** BigInt(Math.max(0, token.decimals - 6))) / 10 ** Math.min(6, token.decimals);
  const past = data.items.slice().reverse();
  const chart = bars("Rewards and slashes by round", past.map((r) => r.round), [
    { label: "trainers", style: "gold", values: past.map((r) => money(r.trainer_rewards)) },
    { label: "verifiers", style: "ink", values: past.map((r) => money(r.verifier_rewards)) },
    { label: "slashed", style: "red", values: past.map((r) => money(r.slashed)) },
  ], { show: (v) => count(Math.round(v * 100) / 100) });
  const counts = bars("Updates by round", past.map((r) => r.round), [
    { label: "paid", style: "gold", values: past.map((r) => r.paid) },
    { label: "unpaid", style: "ink", values: past.map((r) => (r.verdicts.ok ?? 0) - r.paid) },
    { label: "refused", style: "red", values: past.map(refused) },
  ], { show: (v) => String(Number(v.toFixed(1))) });
  return panel("Rounds", h("div", { class: "charts" }, chart, counts), table({
    caption: `Amounts in ${token.symbol}, as far as they were claimed`,
    name: `rounds of task ${task}`, rows: data.items, all: () => everything(`/tasks/${task}/rounds`),
    columns: [
      { label: "Round", head: true, cell: (r) => h("a", { class: "strong", href: path("tasks", task, "rounds", r.round), "data-key": `round ${r.round}` }, `Round ${r.round}`) },
      { label: "Outcome", brief: true, cell: outcome },
      { label: "Updates", num: true, cell: (r) => h("span", { class: "num", title: "revealed of committed" }, r.revealed === r.committed ? r.revealed : `${r.revealed} of ${r.committed}`) },
      { label: "Paid", num: true, cell: (r) => h("span", { class: "num" }, r.outcome === "settled" ? r.paid : "–") },
      { label: "Verdicts", cell: verdicts },
      { label: "To trainers", num: true, cell: (r) => some(r.trainer_rewards, token) },
      { label: "To verifiers", num: true, cell: (r) => some(r.verifier_rewards, token) },
      { label: "Slashed", num: true, cell: (r) => some(r.slashed, token) },
    ],
  }), pager({ total: data.total, offset: data.offset, size: SIZE, shown: data.items.length, what: "rounds", go: (offset) => one.go(`/tasks/${task}/rounds?limit=${SIZE}&offset=${offset}`) }));
}

const refused = (round) => Object.entries(round.verdicts).reduce((sum, [name, times]) => sum + (name === "ok" ? 0 : times), 0);

export function outcome(round) {
  if (round.outcome === "void") return h("span", { class: "chip void", title: "Too few verifiers revealed: nobody was paid or slashed" }, "void");
  if (round.outcome === "settled") return h("span", { class: "chip ok" }, "settled");
  return h("span", { class: "chip open" }, phaseName(round.phase));
}

function verdicts(round) {
  const bad = Object.entries(round.verdicts).filter(([name]) => name !== "ok");
  if (bad.length === 0) return h("span", { class: "nil" }, round.outcome === "settled" ? "all sound" : "–");
  return h("span", { class: "chips" }, bad.map(([name, times]) => h("span", {}, verdict(name), ` ${times}`)));
}

function ruleList(task) {
  const rules = task.rules;
  const rate = (points) => `${points / 100} %`;
  return [
    h("div", { class: "columns" },
      h("div", {}, h("h3", {}, "Phases"), pairs([
        ["commit", duration(rules.commit_window)], ["reveal", duration(rules.reveal_window)],
        ["score commit", duration(rules.score_commit_window)], ["score reveal", duration(rules.score_reveal_window)],
        ["next model", duration(rules.attest_window)], ["appeals", rules.appeal_window ? duration(rules.appeal_window) : "none"],
        ["cool-down", duration(rules.cooldown)],
      ])),
      h("div", {}, h("h3", {}, "Stakes and pay"), pairs([
        ["trainer's stake", amount(rules.trainer_stake, task.token)], ["verifier's stake", amount(rules.verifier_stake, task.token)],
        ["pay grows with", rules.payout_exponent === 1 ? "the score" : `the score to the power ${rules.payout_exponent}`],
        ["committee", plural(rules.committee_size, "verifier")], ["trainers", `up to ${count(rules.max_trainers)}`],
        ["verifiers", rules.open_verifiers ? "anyone" : "appointed"],
      ])),
      h("div", {}, h("h3", {}, "Lost of the stake"), pairs([
        ["harmful", rate(rules.slash_harmful)], ["malformed", rate(rules.slash_malformed)], ["duplicate", rate(rules.slash_duplicate)],
        ["not revealed", rate(rules.slash_unrevealed)], ["absent verifier", rate(rules.slash_absent)],
      ])),
      h("div", {}, h("h3", {}, "Content"), pairs([
        ["specification", hash(task.specification, "CID")], ["first model", hash(task.first_model, "CID")],
        ["token", address(task.token.address)], ["created in", place(task.created)],
      ]))),
  ];
}

