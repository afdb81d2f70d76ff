// One account over all tasks.

import { h, path, replace } from "../dom.js";
import { count } from "../format.js";
import { region } from "../live.js";
import { amount, copyButton, crumbs, panel, some, table, tiles } from "../parts.js";

export default async function page(main, who) {
  document.title = "Account – Karat";
  const one = region(`/accounts/${who}`, shown, { name: "The account" });
  replace(main, one.element);
  await one.refresh();
}

function shown(data) {
  document.title = `${data.name ?? data.address} – Karat`;
  return [
    crumbs(["Accounts", "/accounts"], data.name ?? `${data.address.slice(0, 8)}…`),
    h("h1", {}, data.name ? h("bdi", {}, data.name) : `${data.address.slice(0, 8)}…${data.address.slice(-6)}`),
    h("p", { class: "lead" }, h("span", { class: "mono breakable" }, data.address), copyButton(data.address, "address")),
    tiles([
      ["Sponsors", count(data.sponsored)], ["Trains in", count(data.trained)], ["Verifies", count(data.verified)],
      ["Updates", count(data.updates)], ...earned(data.memberships),
    ]),
    panel("Tasks", table({
      caption: data.computing ? "Tasks are still being read…" : "Newest first",
      name: `tasks of ${data.address}`, rows: data.memberships,
      columns: [
        { label: "Task", head: true, cell: (one) => h("a", { href: one.role === "sponsor" ? path("tasks", one.task) : path("tasks", one.task, "participants", data.address) }, h("bdi", {}, one.name ?? "unnamed"), h("span", { class: "quiet" }, ` #${one.task}`)) },
        { label: "Role", brief: true, cell: (one) => one.role },
        { label: "State", cell: (one) => h("span", { class: `chip ${one.state}` }, one.state) },
        { label: "Updates", num: true, cell: (one) => h("span", { class: "num" }, count(one.updates)) },
        { label: "Earned", num: true, cell: (one) => some(one.earned, one.token, { symbol: true }) },
        { label: "Slashed", num: true, cell: (one) => some(one.slashed, one.token, { symbol: true }) },
        { label: "Stake", num: true, cell: (one) => some(one.stake, one.token, { symbol: true }) },
        { label: "Not withdrawn", num: true, cell: (one) => some(one.unpaid, one.token, { symbol: true }) },
      ],
    })),
  ];
}

/** A tile for each token that the account has earned. */
function earned(memberships) {
  const sums = new Map();
  for (const { token, earned: units } of memberships) {
    const known = sums.get(token.address) ?? { token, units: 0n };
    sums.set(token.address, { token, units: known.units + BigInt(units) });
  }
  return [...sums.values()].map(({ token, units }) => ["Earned", amount(units, token)]);
}
