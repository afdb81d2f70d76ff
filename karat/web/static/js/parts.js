// What several pages show: addresses, amounts, verdicts, tables, tiles.

import { csvButton } from "./csv.js";
import { h, path } from "./dom.js";
import * as format from "./format.js";
import { chainNow } from "./live.js";

/** A number of tokens; the exact one is its title. */
export function amount(units, token, { symbol = true, due = false } = {}) {
  const exact = `${format.tokens(units, token.decimals, true)} ${token.symbol}`;
  const shown = format.isZero(units) ? "0" : format.tokens(units, token.decimals);
  return h("span", { class: due ? "num due" : "num", "data-csv": format.tokens(units, token.decimals, true).replaceAll(",", ""), title: due ? `${exact}, not claimed yet` : exact },
    shown, symbol ? h("span", { class: "unit" }, " ", h("bdi", {}, token.symbol)) : null);
}

/** A dash for zero, so that what matters stands out. */
export function some(units, token, options) {
  return format.isZero(units) ? h("span", { class: "nil", title: "0", "data-csv": "0" }, "–") : amount(units, token, { symbol: false, ...options });
}

export function copyButton(text, what) {
  const button = h("button", { class: "copy", type: "button", "aria-label": `Copy ${what} ${text}`, title: `Copy ${what}`, "data-key": `copy ${text}` });
  button.append(icon());
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      flash(button, "copied");
    } catch {
      flash(button, "failed");
    }
  });
  return button;
}

function icon() {
  return h("span", { class: "copy-icon", "aria-hidden": "true" });
}

function flash(button, outcome) {
  button.dataset.outcome = outcome;
  setTimeout(() => delete button.dataset.outcome, 1200);
}

/** An address: its name if it has one, short, with a copy button; linked to its page in a task, or over all. */
export function address(text, { name = null, task = null, copy = true, account = false } = {}) {
  const shown = name ? h("bdi", { class: "name" }, name) : h("span", { class: "mono" }, `${text.slice(0, 6)}…${text.slice(-4)}`);
  const to = task ? path("tasks", task, "participants", text) : account ? path("accounts", text) : null;
  const label = to ? h("a", { href: to, title: text, "data-key": `address ${text}` }, shown) : h("span", { title: text }, shown);
  return h("span", { class: "address", "data-csv": text }, label, copy ? copyButton(text, "address") : null);
}

export function hash(text, what) {
  return h("span", { class: "address", "data-csv": text }, h("span", { class: "mono", title: text }, format.shortHash(text)), copyButton(text, what));
}

/** A block's number and a transaction's hash. */
export function place(where) {
  if (!where) return h("span", { class: "nil" }, "–");
  return h("span", { class: "place", "data-csv": `${where.block} ${where.transaction}` }, h("span", { class: "num" }, `block ${format.count(where.block)}`), " ", hash(where.transaction, "transaction"));
}

/** What gas cost, in ether. */
export function ether(wei) {
  return h("span", { class: "num", title: `${wei} wei`, "data-csv": format.tokens(wei, 18, true).replaceAll(",", "") }, format.ether(wei), h("span", { class: "unit" }, " ETH"));
}

const MEANINGS = {
  ok: "Sound.",
  unpaid: "Sound, but of no use beyond what others sent: not paid.",
  harmful: "It would make the model worse.",
  malformed: "It cannot be decoded as the task demands.",
  duplicate: "A copy of an update that was committed earlier.",
  stale: "It repeats what was known before this round.",
  unavailable: "The content store did not deliver it to the verifiers.",
  void: "Nothing was settled.",
};

export const meaning = (verdict) => MEANINGS[verdict] ?? "";

/** A verdict in words and colour; an update that is ok but earns nothing says so. */
export function verdict(name, score = null) {
  if (name === null) return h("span", { class: "quiet" }, "open");
  const shown = name === "ok" && score !== null && score <= 0 ? "unpaid" : name;
  return h("span", { class: `chip ${shown}`, title: meaning(shown) }, shown);
}

export function score(value) {
  return value === null ? h("span", { class: "nil" }, "–") : h("span", { class: "num" }, format.signed(value));
}

export function reputation(value) {
  return value === null ? h("span", { class: "quiet" }, "…") : h("span", { class: value < 0 ? "num negative" : "num" }, format.signed(value, 4));
}

export function moment(seconds) {
  if (seconds === null) return h("span", { class: "nil" }, "–");
  const when = h("time", { datetime: new Date(seconds * 1000).toISOString() }, format.absolute(seconds));
  return h("span", { class: "moment" }, when, h("span", { class: "quiet" }, format.ago(seconds, chainNow())));
}

/** Time left, kept up to date; a deadline that is over waits for the next block. */
export function countdown(ends, before = "") {
  return h("span", { class: "count", "data-ends": ends, "data-before": before }, format.left(ends - chainNow(), before));
}

/** Figures at a glance: [label, value, note]. */
export function tiles(entries) {
  const shown = entries.filter(Boolean);
  return h("dl", { class: "tiles", "data-count": shown.length }, shown.map(([label, value, note]) =>
    h("div", {}, h("dt", {}, label), h("dd", {}, value), note ? h("dd", { class: "quiet" }, note) : null)));
}

/** Names and values below each other. */
export function pairs(entries) {
  return h("dl", { class: "pairs" }, entries.filter(Boolean).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

const unfolded = new Set(); // rows that are open on a narrow screen, while the page is shown

/**
 * A table that becomes a list on a narrow screen: of each row the head and the `brief` columns, and
 * the rest after a tap, or cards if no column is brief.
 * columns: [{label, cell(row, i), num, head, long, wide, brief, csv}]; `csv` is false or gives the
 * text for a file. `below(row)` may give a row of its own; `name` names the file, `all()` gives its
 * rows if these are not all.
 */
export function table({ caption, columns, rows, below = () => null, hideCaption = false, name = null, all = null }) {
  const shown = columns.filter((one) => !one.hidden);
  const folds = shown.some((one) => one.brief);
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, shown.map((one) =>
    h("th", { scope: "col", role: "columnheader", class: one.num ? "right" : null, title: one.title ?? null }, one.label))));
  const body = h("tbody", { role: "rowgroup" });
  rows.forEach((row, i) => {
    const line = h("tr", { role: "row" }, shown.map((one) => cell(one, row, i)));
    if (folds) line.querySelector("th").append(unfold(line, `${name} ${line.querySelector("th").textContent} ${i}`));
    body.append(line);
    const more = below(row, i);
    if (more) body.append(h("tr", { role: "row", class: "below" }, h("td", { role: "cell", colspan: shown.length }, more)));
  });
  const whole = h("table", { role: "table", class: folds ? "folds" : null }, h("caption", { class: hideCaption ? "unseen" : null }, caption), head, body);
  return h("div", { class: "tabled" }, h("div", { class: "scroll" }, whole), name ? csvButton(name, columns, rows, all) : null);
}

/** The button of a row, on narrow screens only, that shows all of it. */
function unfold(line, key) {
  const button = h("button", { type: "button", class: "unfold", "aria-label": "All of this row", "data-key": `unfold ${key}` }, "⋯");
  const show = (open) => {
    line.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) unfolded.add(key);
    else unfolded.delete(key);
  };
  button.addEventListener("click", () => show(!line.classList.contains("open")));
  show(unfolded.has(key));
  return button;
}

function cell(column, row, i) {
  const names = ["num", "wide", "long", "brief"].filter((name) => column[name]).map((name) => (name === "num" ? "right" : name));
  const label = { "data-label": column.label || null, class: names.join(" ") || null };
  return column.head
    ? h("th", { scope: "row", role: "rowheader", ...label }, column.cell(row, i))
    : h("td", { role: "cell", ...label }, column.cell(row, i));
}

/** "1–50 of 320" with buttons; `go(offset)` moves on. */
export function pager({ total, offset, size, shown, go, what }) {
  if (total <= size && offset === 0) return null;
  const button = (label, to, off) => h("button", { type: "button", class: "button", disabled: off, "data-key": `${what} ${label}`, onclick: () => go(to) }, label);
  return h("nav", { class: "pager", "aria-label": `Pages of ${what}` },
    button("Previous", Math.max(0, offset - size), offset === 0),
    h("span", { class: "num" }, total === 0 ? "none" : `${format.count(offset + 1)}–${format.count(offset + shown)} of ${format.count(total)}`),
    button("Next", offset + size, offset + shown >= total));
}

export function empty(text, command, after = "") {
  return h("div", { class: "empty" }, h("p", {}, text), command ? h("p", {}, h("code", {}, command), after) : null);
}

/** The way to a page: [[label, href], …, label]. */
export function crumbs(...entries) {
  const last = entries.pop();
  return h("nav", { class: "crumbs", "aria-label": "Breadcrumb" }, h("ol", {},
    entries.map(([label, href]) => h("li", {}, h("a", { href }, label))), h("li", { "aria-current": "page" }, last)));
}

/** The parts of a task, on each of its pages. */
export function taskTabs(task, here) {
  const entries = [["Overview", path("tasks", task)], ["Participants", path("tasks", task, "participants")], ["Reputation", path("tasks", task, "reputation")]];
  return h("nav", { class: "tabs", "aria-label": "Task" }, entries.map(([label, href]) =>
    h("a", { href, "aria-current": label === here ? "page" : null }, label)));
}

export function panel(title, ...children) {
  return h("section", { class: "panel" }, h("h2", {}, title), ...children);
}
