// Small charts in SVG: lines and stacked bars over rounds.

import { h, s } from "./dom.js";

const WIDTH = matchMedia("(max-width: 560px)").matches ? 330 : 560; // so that its text can be read
const HEIGHT = 200;
const EDGE = { left: 48, right: 14, top: 14, bottom: 28 };

const across = WIDTH - EDGE.left - EDGE.right;
const down = HEIGHT - EDGE.top - EDGE.bottom;

/** Round numbers from 0 up to at least `most`. */
function ticks(most) {
  if (!(most > 0)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let value = 0; value < most + step * 0.999; value += step) found.push(value);
  return found;
}

function frame(title, summary, marks, show, labels, children, legend) {
  const most = marks.at(-1);
  const y = (value) => EDGE.top + down * (1 - value / most);
  const every = Math.ceil(labels.length / (WIDTH / 45));
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${summary}`, class: "chart" },
    marks.map((value) => [
      s("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value), class: value === 0 ? "axis" : "grid" }),
      s("text", { x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end" }, show(value)),
    ]),
    labels.map(([x, text], i) => (i % every ? null : s("text", { x, y: HEIGHT - 8, "text-anchor": "middle" }, text))),
    children(y));
  return h("figure", {}, h("figcaption", {}, h("span", {}, title), legend), svg);
}

function key(series) {
  if (series.length < 2) return null;
  return h("span", { class: "legend" }, series.map((one) => h("span", { class: `key ${one.style}` }, one.label)));
}

/** series: [{label, style, points: [[round, value or null]]}]. */
export function lines(title, series, { show, most = null }) {
  const rounds = [...new Set(series.flatMap((one) => one.points.map(([round]) => round)))].sort((a, b) => a - b);
  const known = series.flatMap((one) => one.points).filter(([, value]) => value !== null);
  if (known.length === 0) return null;
  const marks = ticks(most ?? Math.max(...known.map(([, value]) => value)));
  const place = (round) => EDGE.left + (rounds.length === 1 ? across / 2 : 14 + ((across - 28) * rounds.indexOf(round)) / (rounds.length - 1));
  const summary = series.map((one) => `${one.label}: ${one.points.filter(([, v]) => v !== null).map(([r, v]) => `round ${r} ${show(v)}`).join(", ")}`).join(". ");
  const draw = (y) => series.map((one) => {
    const points = one.points.filter(([, value]) => value !== null);
    return s("g", { class: one.style },
      s("polyline", { points: points.map(([round, value]) => `${place(round)},${y(value)}`).join(" "), class: "line" }),
      points.map(([round, value]) => s("circle", { cx: place(round), cy: y(value), r: 3.5, class: "point" },
        s("title", {}, `${one.label}, round ${round}: ${show(value)}`))));
  });
  return frame(title, summary, marks, show, rounds.map((round) => [place(round), round]), draw, key(series));
}

/** series: [{label, style, values: [number]}], stacked; `rounds` names the bars. */
export function bars(title, rounds, series, { show, label = "round" }) {
  if (rounds.length === 0) return null;
  const totals = rounds.map((_, i) => series.reduce((sum, one) => sum + one.values[i], 0));
  if (Math.max(...totals) === 0) return null;
  const marks = ticks(Math.max(...totals));
  const slot = across / rounds.length;
  const width = Math.min(34, slot * 0.7);
  const place = (i) => EDGE.left + slot * (i + 0.5);
  const summary = series.map((one) => `${one.label}: ${rounds.map((round, i) => `${label} ${round} ${show(one.values[i])}`).join(", ")}`).join(". ");
  const draw = (y) => rounds.map((round, i) => {
    let base = 0;
    return s("g", {}, series.map((one) => {
      const value = one.values[i];
      const top = y(base + value);
      const box = value > 0 ? s("rect", { x: place(i) - width / 2, width, y: top, height: Math.max(0.5, y(base) - top), rx: 2, class: `block ${one.style}` },
        s("title", {}, `${one.label}, ${label} ${round}: ${show(value)}`)) : null;
      base += value;
      return box;
    }));
  });
  return frame(title, summary, marks, show, rounds.map((round, i) => [place(i), round]), draw, key(series));
}
