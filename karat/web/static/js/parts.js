// What several pages show: addresses, amounts, verdicts, tables, tiles.

import { h, path } from "./dom.js";
import * as format from "./format.js";
import { chainNow } from "./live.js";

/** A number of tokens; the exact one is its title. */
export function amount(units, token, { symbol = true, due = false } = {}) {
  const exact = `${format.tokens(units, token.decimals, true)} ${token.symbol}`;
  const shown = format.isZero(units) ? "0" : format.tokens(units, token.decimals);
  return h("span", { class: due ? "num due" : "num", title: due ? `${exact}, not claimed yet` : exact },
    shown, symbol ? h("span", { class: "unit" }, " ", h("bdi", {}, token.symbol)) : null);
}

/** A dash for zero, so that what matters stands out. */
export function some(units, token, options) {
  return format.isZero(units) ? h("span", { class: "nil", title: "0" }, "–") : amount(units, token, { symbol: false, ...options });
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

/** An address: its name if it has one, short, with a copy button; linked to its page in a task. */
export function address(text, { name = null, task = null, copy = true } = {}) {
  const shown = name ? h("bdi", { class: "name" }, name) : h("span", { class: "mono" }, `${text.slice(0, 6)}…${text.slice(-4)}`);
  const label = task ? h("a", { href: path("tasks", task, "participants", text), title: text, "data-key": `address ${text}` }, shown) : h("span", { title: text }, shown);
  return h("span", { class: "address" }, label, copy ? copyButton(text, "address") : null);
}

export function hash(text, what) {
  return h("span", { class: "address" }, h("span", { class: "mono", title: text }, format.shortHash(text)), copyButton(text, what));
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

/**
 * A table that becomes a list of cards on a narrow screen.
 * columns: [{label, cell(row, i), num, head, long, wide}]; `below(row)` may give a row of its own.
 */
export function table({ caption, columns, rows, below = () => null, hideCaption = false }) {
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((one) =>
    h("th", { scope: "col", role: "columnheader", class: one.num ? "right" : null, title: one.title ?? null }, one.label))));
  const body = h("tbody", { role: "rowgroup" });
  rows.forEach((row, i) => {
    body.append(h("tr", { role: "row" }, columns.map((one) => cell(one, row, i))));
    const more = below(row, i);
    if (more) body.append(h("tr", { role: "row", class: "below" }, h("td", { role: "cell", colspan: columns.length }, more)));
  });
  const whole = h("table", { role: "table" }, h("caption", { class: hideCaption ? "unseen" : null }, caption), head, body);
  return h("div", { class: "scroll" }, whole);
}

function cell(column, row, i) {
  const classes = ["num", "wide", "long"].filter((name) => column[name]).map((name) => (name === "num" ? "right" : name)).join(" ") || null;
  const label = { "data-label": column.label || null, class: classes };
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
