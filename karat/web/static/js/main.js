// Chooses the page by the path, and tells how up to date it is.

import { h, replace } from "./dom.js";
import { count, absolute } from "./format.js";
import { follow } from "./live.js";

const NUMBER = "([1-9][0-9]{0,9})";
const ROUTES = [
  [/^\/$/, "tasks"],
  [/^\/api\/?$/, "api"],
  [/^\/reputation\/?$/, "reputation"],
  [/^\/accounts\/?$/, "accounts"],
  [/^\/accounts\/(0x[0-9a-fA-F]{40})\/?$/, "account"],
  [/^\/compare\/?$/, "compare"],
  [new RegExp(`^/tasks/${NUMBER}/?$`), "task"],
  [new RegExp(`^/tasks/${NUMBER}/rounds/${NUMBER}/?$`), "round"],
  [new RegExp(`^/tasks/${NUMBER}/participants/?$`), "participants"],
  [new RegExp(`^/tasks/${NUMBER}/participants/(0x[0-9a-fA-F]{40})/?$`), "participant"],
  [new RegExp(`^/tasks/${NUMBER}/reputation/?$`), "reputation"],
];

const main = document.getElementById("main");
const health = document.getElementById("health");
const trouble = document.getElementById("trouble");

function route() {
  for (const [pattern, name] of ROUTES) {
    const match = pattern.exec(location.pathname);
    if (match) return [name, match.slice(1)];
  }
  return ["missing", []];
}

function missing() {
  document.title = "Not found – Karat";
  replace(main, h("h1", {}, "Not found"), h("p", {}, "There is no page at this address. ", h("a", { href: "/" }, "All tasks")));
}

function told(status, error) {
  const down = error ? "The server of this page does not answer. What you see is what it said last." : status?.trouble ? `What you see may be out of date: ${status.trouble}` : null;
  trouble.hidden = !down;
  if (trouble.textContent !== (down ?? "")) trouble.textContent = down ?? "";
  if (!status) return;
  const behind = status.block - status.indexed;
  const state = down ? "out of date" : behind > 0 ? `reading block ${count(status.indexed)} of ${count(status.block)}` : "live";
  const said = `${status.network} · block ${count(status.block)} · ${state}`;
  health.dataset.state = down ? "down" : behind > 0 ? "behind" : "live";
  health.title = `The latest block is of ${absolute(status.time)}`;
  if (health.dataset.said !== said) {
    health.dataset.said = said;
    replace(health, h("span", { class: "dot", "aria-hidden": "true" }), h("bdi", {}, said));
  }
  document.getElementById("about").textContent = `Karat ${status.software} · chain ${status.chain_id} · ledger ${status.ledger}`;
}

const HEADINGS = { api: "/api", accounts: "/accounts", account: "/accounts", compare: "/compare" };

/** The entry of the main menu that a page belongs to. */
function heading(name, parts) {
  if (name === "reputation" && !parts.length) return "/reputation";
  return HEADINGS[name] ?? "/";
}

async function start() {
  const [name, parts] = route();
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.getAttribute("href") === heading(name, parts);
    if (here) link.setAttribute("aria-current", "true");
  }
  const status = follow(told);
  const page = name === "missing" ? missing : (await import(`./pages/${name}.js`)).default;
  await Promise.all([page(main, ...parts), status]);
  main.dataset.ready = "true";
  performance.mark("shown");
}

start();
