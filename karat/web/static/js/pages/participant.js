// One member of a task: what it did, what it got, and why it is trusted.

import { bars, lines } from "../chart.js";
import { h, path, replace } from "../dom.js";
import { count, plural } from "../format.js";
import { get, region, taskDetails } from "../live.js";
import { amount, copyButton, crumbs, empty, panel, place, reputation, score, some, table, taskTabs, tiles, verdict } from "../parts.js";
import { standing } from "../standing.js";

export default async function page(main, task, who) {
  document.title = "Participant – Karat";
  const details = await taskDetails(task);
  const names = new Map();
  const base = `/tasks/${task}`;
  const head = region(`${base}/participants/${who}`, (data) => top(data, task, details), { name: "The participant" });
  const trust = region(`${base}/reputation/${who}`, (data) => panel("Reputation", standing(data, task, names)), { name: "The reputation" });
  replace(main, head.element, trust.element);
  await head.refresh();
  trust.refresh();
  try {
    for (const node of (await get(`${base}/reputation`)).nodes) if (node.name) names.set(node.address, node.name);
    trust.show();
  } catch { /* addresses do without names */ }
}

function top(data, task, details) {
  const token = details.token;
  document.title = `${data.name ?? data.address} – Karat`;
  return [
    crumbs(["Tasks", "/"], [details.name ?? `Task ${task}`, path("tasks", task)], ["Participants", path("tasks", task, "participants")], data.name ?? `${data.address.slice(0, 8)}…`),
    h("h1", {}, data.name ? h("bdi", {}, data.name) : `${data.address.slice(0, 8)}…${data.address.slice(-6)}`),
    h("p", { class: "lead" }, h("span", { class: `chip ${data.state}` }, data.state), ` ${data.role} `, h("span", { class: "mono breakable" }, data.address), copyButton(data.address, "address"), " ", h("a", { href: path("accounts", data.address) }, "over all tasks")),
    taskTabs(task, "Participants"),
    tiles([
      ["Reputation", reputation(data.reputation)],
      ["Earned", amount(data.earned, token), `${amount(data.unpaid, token).textContent} not withdrawn`],
      ["Slashed", amount(data.slashed, token)],
      ["At stake", amount(data.stake, token)],
      data.role === "trainer" ? ["Updates", h("span", { class: "num" }, count(data.updates))] : ["Weight", h("span", { class: "num" }, data.weight === null ? "by stake" : count(data.weight))],
    ]),
    panel("Record", record(data, task, token)),
  ];
}

function record(data, task, token) {
  if (data.records.length === 0) return empty("It has not acted in a round yet.", null);
  const money = (units) => Number(BigInt(units) / 10n ** BigInt(Math.max(0, token.decimals - 6))) / 10 ** Math.min(6, token.decimals);
  const past = data.records.slice(0, 60).reverse();
  return [
    h("div", { class: "charts" }, bars("Rewards and slashes by round", past.map((one) => one.round), [
      { label: "reward", style: "gold", values: past.map((one) => money(one.reward)) },
      { label: "slashed", style: "red", values: past.map((one) => money(one.slashed)) },
    ], { show: (v) => count(Math.round(v * 100) / 100) }), past.some((one) => one.score !== null) ? lines("What its updates added, by round", [
      { label: "score", style: "gold", points: past.map((one) => [one.round, one.score === null ? null : Math.max(0, one.score)]) },
    ], { show: (v) => String(Number(v.toPrecision(3))) }) : null),
    table({
      name: `record of ${data.address}`,
      caption: `${plural(data.records.length, "round")}, newest first; amounts in ${token.symbol}`,
      rows: data.records,
      columns: [
        { label: "Round", head: true, cell: (one) => h("a", { href: path("tasks", task, "rounds", one.round), "data-key": `round ${one.round}` }, `Round ${one.round}`) },
        { label: "Did", cell: (one) => (one.index === null ? one.did : `${one.did}, number ${one.index}`) },
        { label: "Verdict", brief: true, cell: (one) => (one.verdict ? verdict(one.verdict, one.score) : h("span", { class: "nil" }, "–")) },
        { label: "Score", num: true, cell: (one) => score(one.score) },
        { label: "Reward", num: true, cell: (one) => some(one.reward, token, { due: !one.claimed }) },
        { label: "Slashed", num: true, cell: (one) => some(one.slashed, token) },
        { label: "Where", long: true, cell: (one) => place(one.place) },
      ],
    }),
  ];
}

