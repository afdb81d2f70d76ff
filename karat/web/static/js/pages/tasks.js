// All tasks of the network.

import { h, path, replace } from "../dom.js";
import { count, phaseName } from "../format.js";
import { region } from "../live.js";
import { address, amount, countdown, empty, pager, table } from "../parts.js";

const SIZE = 25;

export default async function page(main) {
  document.title = "Tasks – Karat";
  const list = region(`/tasks?limit=${SIZE}`, render, { name: "The list of tasks" });
  replace(main, h("h1", {}, "Tasks"), h("p", { class: "lead" }, "What this network trains, for how much, and how far it has come."), list.element);
  await list.refresh();
}

function render(data, one) {
  if (data.total === 0) {
    return empty("No task yet. A sponsor writes its rules in a file and funds it:", "karat task create --spec task.toml", " – see karat task create --help.");
  }
  return [
    table({
      caption: `${count(data.total)} on this network, newest first`,
      rows: data.items,
      columns: [
        { label: "Task", head: true, cell: (t) => h("a", { class: "strong", href: path("tasks", t.task), "data-key": `task ${t.task}` }, h("bdi", {}, t.name ?? "unnamed"), h("span", { class: "quiet" }, ` #${t.task}`)) },
        { label: "State", cell: state },
        { label: "Round", num: true, cell: (t) => h("span", { class: "num" }, `${t.round} of ${t.rounds}`) },
        { label: "Now", cell: now },
        { label: "Escrow", num: true, cell: (t) => (t.escrow === null ? "–" : amount(t.escrow, t.token)) },
        { label: "Budget of a round", num: true, cell: (t) => amount(BigInt(t.trainer_budget) + BigInt(t.verifier_budget), t.token) },
        { label: "Members", num: true, cell: (t) => h("span", { class: "num", title: "trainers and verifiers" }, `${t.trainers} + ${t.verifiers}`) },
        { label: "Sponsor", cell: (t) => address(t.sponsor, { name: t.sponsor_name, copy: false }) },
      ],
    }),
    pager({ total: data.total, offset: data.offset, size: SIZE, shown: data.items.length, what: "tasks", go: (offset) => one.go(`/tasks?limit=${SIZE}&offset=${offset}`) }),
  ];
}

const STATES = { open: "Open", over: "Finished", closed: "Closed" };

const MEANINGS = { open: "Further rounds may come", over: "All rounds were played", closed: "Its sponsor ended it" };

export function state(task) {
  return h("span", { class: `chip state-${task.state}`, title: MEANINGS[task.state] }, STATES[task.state]);
}

export function now(task) {
  if (task.state !== "open") return h("span", { class: "nil" }, "–");
  if (task.round === 0) return "not begun";
  if (task.phase === null) return h("span", { class: "quiet" }, "unknown");
  return h("span", {}, phaseName(task.phase), task.ends ? [" · ", countdown(task.ends)] : null);
}
