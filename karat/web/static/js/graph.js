// Draws the trust graph with cytoscape: the sponsor in the middle, verifiers around, trainers outside.

import cytoscape from "../vendor/cytoscape.esm.min.mjs";
import { MOST_DRAWN } from "./limits.js";

const RINGS = { sponsor: 0, verifier: 130 };
const FIRST_RING = 270;
const RING_GAP = 75;
const SPACE = 52; // along a ring, for each node
const CROWD = 60; // of so many, trainers have no label

/** The nodes that weigh most, the sponsor and verifiers first; and the edges between them. */
function heaviest(data) {
  const rank = (node) => (node.role === "trainer" ? Math.abs(node.score) : 2);
  const nodes = data.nodes.slice().sort((a, b) => rank(b) - rank(a)).slice(0, MOST_DRAWN);
  const kept = new Set(nodes.map((node) => node.address));
  return { nodes, edges: data.edges.filter((edge) => kept.has(edge.source) && kept.has(edge.target)) };
}

function positions(nodes) {
  const placed = new Map();
  const ring = (members, radius, turn) => members.forEach((node, i) => {
    const angle = turn + (2 * Math.PI * i) / members.length;
    placed.set(node.address, { x: radius * Math.cos(angle), y: radius * Math.sin(angle) });
  });
  ring(nodes.filter((node) => node.role === "sponsor"), RINGS.sponsor, 0);
  ring(nodes.filter((node) => node.role === "verifier"), RINGS.verifier, -Math.PI / 2);
  const trainers = nodes.filter((node) => node.role === "trainer");
  for (let radius = FIRST_RING, start = 0; start < trainers.length; radius += RING_GAP) {
    const room = Math.floor((2 * Math.PI * radius) / SPACE);
    ring(trainers.slice(start, start + room), radius, -Math.PI / 2 + 0.13);
    start += room;
  }
  return placed;
}

function elements(data) {
  const places = positions(data.nodes);
  const best = Math.max(1e-9, ...data.nodes.map((node) => Math.abs(node.score)));
  const most = Math.max(1, ...data.edges.map((edge) => Math.abs(edge.weight)));
  const many = data.nodes.length > CROWD;
  const label = (node) => (many && node.role === "trainer" ? "" : (node.name ?? `${node.address.slice(0, 6)}…`).slice(0, 18));
  return [
    ...data.nodes.map((node) => ({
      group: "nodes", position: places.get(node.address), classes: `${node.role} ${node.score < 0 ? "negative" : ""}`,
      data: { id: node.address, label: label(node), size: node.role === "sponsor" ? 34 : 14 + 26 * Math.sqrt(Math.abs(node.score) / best) },
    })),
    ...data.edges.map((edge) => ({
      group: "edges", classes: edge.weight < 0 ? "distrust" : "trust",
      data: { id: `${edge.source} ${edge.target}`, source: edge.source, target: edge.target, width: 0.7 + 2.6 * Math.sqrt(Math.abs(edge.weight) / most) },
    })),
  ];
}

function look(canvas, crowded) {
  const css = getComputedStyle(canvas);
  const colour = (name) => css.getPropertyValue(name).trim();
  const [ink, panel, gold, blue, red, line] = ["--ink", "--panel", "--gold-fill", "--blue", "--red", "--edge"].map(colour);
  return [
    { selector: "node", style: { width: "data(size)", height: "data(size)", label: "data(label)", color: ink, "font-size": 13, "font-family": css.fontFamily, "text-valign": "bottom", "text-margin-y": 5, "background-color": gold, "border-width": 2, "border-color": panel, "text-outline-color": panel, "text-outline-width": 2 } },
    { selector: ".sponsor", style: { "background-color": ink, shape: "hexagon" } },
    { selector: ".verifier", style: { "background-color": blue, shape: "round-rectangle" } },
    { selector: ".negative", style: { "background-color": red, shape: "triangle" } },
    { selector: "edge", style: { width: "data(width)", "curve-style": "straight", "line-color": line, opacity: crowded ? 0.3 : 0.6, "target-arrow-shape": "triangle", "target-arrow-color": line, "arrow-scale": 0.7 } },
    { selector: ".distrust", style: { "line-color": red, "target-arrow-color": red, "line-style": "dashed" } },
    { selector: ".faded", style: { opacity: 0.15 } },
    { selector: "edge.way", style: { opacity: 1, width: 3, "line-color": gold, "target-arrow-color": gold } },
    { selector: "edge.way.distrust", style: { "line-color": red, "target-arrow-color": red } },
    { selector: ".chosen", style: { "border-color": ink, "border-width": 3 } },
  ];
}

/** Draw into `canvas`; `chosen(address)` hears of clicks. */
export function draw(canvas, all, chosen) {
  const data = heaviest(all);
  const crowded = data.nodes.length > CROWD;
  const graph = cytoscape({
    container: canvas, elements: elements(data), style: look(canvas, crowded), layout: { name: "preset", fit: true, padding: 24 },
    minZoom: 0.1, maxZoom: 4, autoungrabify: true, boxSelectionEnabled: false, userZoomingEnabled: false,
  });
  graph.on("tap", "node", (event) => chosen(event.target.id()));
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => graph.style(look(canvas, crowded));
  scheme.addEventListener("change", recolour);
  const watch = new ResizeObserver(() => {
    graph.resize();
    graph.fit(undefined, 24);
    // Labels stay readable when a small screen makes the graph small.
    graph.nodes().style("font-size", Math.min(30, Math.max(13, 10 / graph.zoom())));
  });
  watch.observe(canvas);
  return {
    select(one, paths) {
      graph.batch(() => {
        graph.elements().removeClass("chosen way faded");
        graph.getElementById(one).addClass("chosen");
        if (paths.length) graph.edges().addClass("faded");
        for (const way of paths) {
          way.nodes.slice(1).forEach((node, i) => graph.getElementById(`${way.nodes[i]} ${node}`).removeClass("faded").addClass("way"));
        }
      });
    },
    destroy() {
      watch.disconnect();
      scheme.removeEventListener("change", recolour);
      graph.destroy();
    },
  };
}

