// The members of a task.

import { h, replace } from "../dom.js";
import { count } from "../format.js";
import { everything, region, taskDetails } from "../live.js";
import { address, crumbs, empty, pager, reputation, some, table, taskTabs } from "../parts.js";

const SIZE = 100;
const ORDERS = [["joined", "Joined"], ["reputation", "Reputation"], ["earned", "Earned"], ["slashed", "Slashed"], ["stake", "Stake"]];
const ROLES = [["", "All"], ["trainer", "Trainers"], ["verifier", "Verifiers"]];

export default async function page(main, task) {
  document.title = `Participants of task ${task} – Karat`;
  const details = await taskDetails(task);
  const state = { offset: 0, role: "", order: "joined", search: "" };
  const url = () => `/tasks/${task}/participants?${new URLSearchParams({ limit: SIZE, ...state })}`;
  const go = (change) => {
    Object.assign(state, { offset: 0 }, change);
    one.go(url());
    for (const button of controls.querySelectorAll("button")) button.setAttribute("aria-pressed", String(state.role === button.value));
  };
  const one = region(url(), (data) => list(data, task, details.token, go, state), { name: "The list of participants" });
  const controls = filters(state, go);
  replace(main,
    crumbs(["Tasks", "/"], [details.name ?? `Task ${task}`, `/tasks/${task}`], "Participants"),
    h("h1", {}, "Participants"), taskTabs(task, "Participants"), h("section", { class: "panel" }, controls, one.element));
  await one.refresh();
}

function filters(state, go) {
  let timer = 0;
  return h("div", { class: "controls" },
    h("div", { class: "filter", role: "group", "aria-label": "Role" }, ROLES.map(([value, label]) =>
      h("button", { type: "button", class: "button", value, "aria-pressed": String(state.role === value), onclick: () => go({ role: value }) }, label))),
    h("label", {}, "Order ", h("select", { onchange: (event) => go({ order: event.target.value }) }, ORDERS.map(([value, label]) => h("option", { value }, label)))),
    h("label", {}, "Search ", h("input", { type: "search", maxlength: 64, placeholder: "address or name", oninput: (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => go({ search: event.target.value }), 200);
    } })));
}

function list(data, task, token, go, { role, order, search }) {
  if (data.total === 0) return empty("Nobody here. Trainers and verifiers join with a stake:", `karat trainer join ${task}`);
  return [
    table({
      caption: `${count(data.total)} ${data.total === 1 ? "member" : "members"}; amounts in ${token.symbol}`,
      name: `participants of task ${task}`, rows: data.items,
      all: () => everything(`/tasks/${task}/participants?${new URLSearchParams({ role, order, search })}`),
      columns: [
        { label: "Address", head: true, cell: (m) => address(m.address, { name: m.name, task }) },
        { label: "Role", cell: (m) => m.role },
        { label: "State", cell: (m) => h("span", { class: `chip ${m.state}` }, m.state) },
        { label: "Reputation", num: true, brief: true, cell: (m) => reputation(m.reputation) },
        { label: "Updates", num: true, cell: (m) => (m.role === "trainer" ? h("span", { class: "num" }, count(m.updates)) : h("span", { class: "nil" }, "–")) },
        { label: "Earned", num: true, cell: (m) => some(m.earned, token) },
        { label: "Slashed", num: true, cell: (m) => some(m.slashed, token) },
        { label: "Stake", num: true, cell: (m) => some(m.stake, token) },
      ],
    }),
    pager({ total: data.total, offset: data.offset, size: SIZE, shown: data.items.length, what: "participants", go: (offset) => go({ offset }) }),
  ];
}
