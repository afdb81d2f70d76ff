// Keeps what is shown up to date: one small question every two seconds, and the rest only after
// something happened. A hidden page asks nothing.

import { h, replace } from "./dom.js";
import * as format from "./format.js";

const API = "/api/v1";
const EVERY = 2000;
const LONGEST = 15_000;

const regions = new Set();
let status = null;
let offset = 0; // chain time minus this machine's, in seconds
let pause = EVERY;
let onStatus = () => {};

export const chainNow = () => Date.now() / 1000 + offset;

export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The text of an answer; throws ApiError if it says no, TypeError if nobody answers. */
async function ask(url) {
  const response = await fetch(API + url, { credentials: "omit", headers: { accept: "application/json" } });
  const text = await response.text();
  if (!response.ok) throw new ApiError(response.status, message(text));
  return text;
}

function message(text) {
  try {
    return String(JSON.parse(text).error ?? "the server failed");
  } catch {
    return "the server failed";
  }
}

export const get = async (url) => JSON.parse(await ask(url));

const PAGE = 200;
const MOST = 100_000;

/** Every item of a list, whatever part of it is shown; `url` without offset and limit. */
export async function everything(url) {
  const items = [];
  for (let total = 1; items.length < Math.min(total, MOST);) {
    const part = await get(`${url}${url.includes("?") ? "&" : "?"}limit=${PAGE}&offset=${items.length}`);
    if (part.items.length === 0) break;
    total = part.total;
    items.push(...part.items);
  }
  return items;
}

/**
 * An element that shows an answer, and shows it again when it has changed.
 * `render(data)` gives nodes; while `data.computing` is true it is asked for every second.
 */
export function region(url, render, { name = "This part" } = {}) {
  const one = {
    url, text: null, timer: 0, computing: false,
    element: h("div", { class: "region", "aria-busy": "true" }, h("p", { class: "quiet" }, "Loading…")),
    async refresh() {
      const asked = one.url;
      try {
        const text = await ask(asked);
        if (asked !== one.url) return;
        if (text !== one.text) {
          one.text = text;
          one.show();
        }
      } catch (error) {
        if (one.text === null || error instanceof ApiError) replace(one.element, failure(name, error));
      }
      clearTimeout(one.timer);
      if (one.computing) one.timer = setTimeout(one.refresh, 1000);
      else one.element.removeAttribute("aria-busy");
    },
    show() {
      if (one.text === null) return;
      const data = JSON.parse(one.text);
      one.computing = Boolean(data.computing);
      replace(one.element, render(data, one));
    },
    go(changed) {
      one.url = changed;
      return one.refresh();
    },
  };
  regions.add(one);
  return one;
}

function failure(name, error) {
  if (error instanceof ApiError && error.code === 404) {
    return h("div", { class: "empty" }, h("p", {}, `${error.message}.`), h("p", {}, h("a", { href: "/" }, "All tasks")));
  }
  const why = error instanceof ApiError ? error.message : "the server of this page does not answer";
  return h("p", { class: "note bad" }, `${name} cannot be shown: ${why}.`);
}

export const refreshAll = () => Promise.all([...regions].map((one) => one.refresh()));

/** A task's details for headings and amounts; what shows a task's absence is its region. */
export async function taskDetails(task) {
  try {
    return await get(`/tasks/${task}`);
  } catch {
    return { token: { symbol: "", decimals: 0 }, name: null, round: 0 };
  }
}

/** Begin to follow; `changed(status, error)` hears of every answer. */
export function follow(changed) {
  onStatus = changed;
  document.addEventListener("visibilitychange", () => { if (!document.hidden) step(); });
  setInterval(tick, 1000);
  return step();
}

let running = null;
function step() {
  running ??= look().finally(() => {
    running = null;
    clearTimeout(step.timer);
    if (!document.hidden) step.timer = setTimeout(step, pause);
  });
  return running;
}

async function look() {
  try {
    const fresh = await get("/status");
    const before = status;
    status = fresh;
    offset = fresh.now - Date.now() / 1000;
    pause = EVERY;
    onStatus(fresh, null);
    if (before && (before.version !== fresh.version || before.trouble !== fresh.trouble)) await refreshAll();
  } catch (error) {
    pause = Math.min(pause * 2, LONGEST);
    onStatus(status, error);
  }
}

/** Countdowns; when one ends, what depends on it is asked for again. */
const ended = new Set();
function tick() {
  for (const element of document.querySelectorAll("[data-ends]")) {
    const ends = Number(element.dataset.ends);
    const left = ends - chainNow();
    element.textContent = format.left(left, element.dataset.before);
    if (left <= 0 && !ended.has(ends)) {
      ended.add(ends);
      setTimeout(refreshAll, 1500);
    }
  }
}
