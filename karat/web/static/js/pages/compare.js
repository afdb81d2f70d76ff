// Several tasks beside each other.

import { lines } from "../chart.js";
import { h, path, replace } from "../dom.js";
import { percent } from "../format.js";
import { get, region } from "../live.js";
import { amount, empty, panel, table } from "../parts.js";
import { now, state } from "./tasks.js";

const MOST = 5;
const STYLES = ["gold", "ink", "green", "red", "soft"];

export default async function page(main) {
  document.title = "Compare – Karat";
  const wanted = new URLSearchParams(location.search).get("tasks");
  const chosen = new Set((wanted ?? "").split(",").filter((one) => /^[1-9]\d{0,9}$/.test(one)).map(Number).slice(0, MOST));
  const charts = h("div", { class: "region" });
  const draw = () => curves(charts, [...chosen]);
  const list = region("/tasks?limit=50", (data) => {
    if (data.total === 0) return empty("No task yet.", null);
    if (wanted === null && chosen.size === 0) for (const one of data.items.slice(0, 3)) chosen.add(one.task);
    draw();
    return panel("Tasks", choice(data.items, chosen, draw));
  }, { name: "The list of tasks" });
  replace(main, h("h1", {}, "Compare"), h("p", { class: "lead" }, `Loss and accuracy of up to ${MOST} tasks, round by round.`), list.element, charts);
  await list.refresh();
}

function choice(items, chosen, draw) {
  const box = (task) => h("input", {
    type: "checkbox", checked: chosen.has(task.task), "aria-label": `Compare task ${task.task}`, "data-key": `compare ${task.task}`,
    onchange: (event) => {
      if (event.target.checked && chosen.size >= MOST) event.target.checked = false;
      else if (event.target.checked) chosen.add(task.task);
      else chosen.delete(task.task);
      history.replaceState(null, "", `?tasks=${[...chosen].join(",")}`);
      draw();
    },
  });
  return table({
    caption: `Choose up to ${MOST}`, name: "comparison", rows: items,
    columns: [
      { label: "Task", head: true, cell: (task) => h("label", {}, box(task), " ", h("a", { href: path("tasks", task.task) }, h("bdi", {}, task.name ?? "unnamed"), h("span", { class: "quiet" }, ` #${task.task}`))) },
      { label: "State", brief: true, cell: state },
      { label: "Round", num: true, cell: (task) => h("span", { class: "num" }, `${task.round} of ${task.rounds}`) },
      { label: "Now", cell: now },
      { label: "Budget of a round", num: true, cell: (task) => amount(BigInt(task.trainer_budget) + BigInt(task.verifier_budget), task.token) },
      { label: "Members", num: true, cell: (task) => h("span", { class: "num" }, `${task.trainers} + ${task.verifiers}`) },
    ],
  });
}

/** Draws what is known, and asks again while models are being evaluated. */
async function curves(box, tasks) {
  const asked = (box.dataset.asked = String(Date.now() + Math.random()));
  for (let computing = true; computing && box.dataset.asked === asked && document.contains(box);) {
    const found = await Promise.all(tasks.map((task) => get(`/tasks/${task}/progress`).catch(() => ({ points: [], final_accuracy: null, computing: false }))));
    if (box.dataset.asked !== asked) return;
    const series = (points) => tasks.map((task, i) => ({ label: `task ${task}`, style: STYLES[i], points: points(found[i]) }));
    const shown = [
      lines("Accuracy after each round", series(accuracies), { show: (v) => percent(v, 0), most: 1 }),
      lines("Loss at the start of each round", series((one) => one.points.map((point) => [point.round, point.loss])), { show: (v) => String(Number(v.toPrecision(3))) }),
    ].filter(Boolean);
    computing = found.some((one) => one.computing);
    replace(box, shown.length ? panel("Curves", h("div", { class: "charts" }, shown)) : h("p", { class: "quiet" }, computing ? "Evaluating the models…" : "Nothing to draw yet."));
    if (computing) await new Promise((go) => setTimeout(go, 1000));
  }
}

function accuracies(one) {
  const known = one.points.map((point) => [point.round - 1, point.accuracy]);
  if (one.final_accuracy !== null && one.points.length) known.push([one.points.at(-1).round, one.final_accuracy]);
  return known;
}
