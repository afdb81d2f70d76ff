// All tasks of the network.

import { h, path, replace } from "../dom.js";
import { count, phaseName } from "../format.js";
import { everything, region } from "../live.js";
import { address, amount, countdown, empty, moment, pager, panel, place, table, tiles } from "../parts.js";

const SIZE = 25;

export default async function page(main) {
  document.title = "Tasks – Karat";
  const list = region(`/tasks?limit=${SIZE}`, render, { name: "The list of tasks" });
  const totals = region("/totals", sums, { name: "The totals" });
  const activity = region("/activity?limit=15", happenings, { name: "The activity" });
  replace(main, h("h1", {}, "Tasks"), h("p", { class: "lead" }, "What this network trains, for how much, and how far it has come."), totals.element, list.element, activity.element);
  await list.refresh();
  totals.refresh();
  activity.refresh();
}

function sums(data) {
  if (data.tasks === 0) return null;
  const of = (name) => data.amounts.map((one) => h("span", { class: "sum" }, amount(one[name], one.token)));
  return tiles([
    ["Tasks", h("span", { class: "num" }, count(data.tasks)), `${count(data.rounds)} rounds settled`],
    ["Accounts", h("a", { href: "/accounts" }, count(data.accounts)), "sponsors, trainers, verifiers"],
    ["Updates", h("span", { class: "num" }, count(data.updates))],
    ["Earned", of("earned")], ["Slashed", of("slashed")], ["At stake", of("staked"), data.computing ? "still counting…" : null],
  ]);
}

function happenings(data) {
  if (data.items.length === 0) return null;
  return panel("Activity", table({
    caption: "What happened last, on all tasks", name: "activity", rows: data.items,
    columns: [
      { label: "What", head: true, cell: (one) => h("span", { class: "what" }, one.who ? [address(one.who, { name: one.name, copy: false, account: true }), " "] : null, one.what) },
      { label: "Task", brief: true, cell: (one) => h("a", { href: one.round ? path("tasks", one.task, "rounds", one.round) : path("tasks", one.task) }, one.round ? `task ${one.task}, round ${one.round}` : `task ${one.task}`) },
      { label: "When", cell: (one) => moment(one.time) },
      { label: "Where", long: true, cell: (one) => place(one.place) },
    ],
  }));
}

function render(data, one) {
  if (data.total === 0) {
    return empty("No task yet. A sponsor writes its rules in a file and funds it:", "karat task create --spec task.toml", " – see karat task create --help.");
  }
  return [
    table({
      caption: `${count(data.total)} on this network, newest first`,
      name: "tasks", rows: data.items, all: () => everything("/tasks"),
      columns: [
        { label: "Task", head: true, cell: (t) => h("a", { class: "strong", href: path("tasks", t.task), "data-key": `task ${t.task}` }, h("bdi", {}, t.name ?? "unnamed"), h("span", { class: "quiet" }, ` #${t.task}`)) },
        { label: "State", brief: true, cell: state },
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
