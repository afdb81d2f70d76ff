// Everybody on the network.

import { h, replace } from "../dom.js";
import { count, plural } from "../format.js";
import { everything, region } from "../live.js";
import { address, empty, pager, table } from "../parts.js";

const SIZE = 50;

export default async function page(main) {
  document.title = "Accounts – Karat";
  const state = { offset: 0, search: "" };
  const url = () => `/accounts?${new URLSearchParams({ limit: SIZE, ...state })}`;
  const go = (change) => {
    Object.assign(state, { offset: 0 }, change);
    one.go(url());
  };
  const one = region(url(), (data) => list(data, go, state), { name: "The list of accounts" });
  let timer = 0;
  const search = h("label", {}, "Search ", h("input", { type: "search", maxlength: 64, placeholder: "address or name", oninput: (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => go({ search: event.target.value }), 200);
  } }));
  replace(main, h("h1", {}, "Accounts"), h("p", { class: "lead" }, "Everybody who sponsors, trains or verifies, over all tasks."),
    h("section", { class: "panel" }, h("div", { class: "controls" }, search), one.element));
  await one.refresh();
}

function list(data, go, { search }) {
  if (data.total === 0) return empty(data.computing ? "Tasks are still being read…" : "Nobody here.", null);
  return [
    table({
      caption: `${plural(data.total, "account")}, those in most tasks first${data.computing ? "; tasks are still being read" : ""}`,
      name: "accounts", rows: data.items, all: () => everything(`/accounts?${new URLSearchParams({ search })}`),
      columns: [
        { label: "Account", head: true, cell: (one) => address(one.address, { name: one.name, account: true }) },
        { label: "Sponsors", num: true, cell: (one) => times(one.sponsored) },
        { label: "Trains in", num: true, brief: true, cell: (one) => times(one.trained) },
        { label: "Verifies", num: true, cell: (one) => times(one.verified) },
        { label: "Updates", num: true, cell: (one) => times(one.updates) },
      ],
    }),
    pager({ total: data.total, offset: data.offset, size: SIZE, shown: data.items.length, what: "accounts", go: (offset) => go({ offset }) }),
  ];
}

const times = (value) => (value ? h("span", { class: "num" }, count(value)) : h("span", { class: "nil" }, "–"));
