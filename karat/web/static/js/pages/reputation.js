// The trust graph: who vouches for whom, and what that makes of everyone.

import { h, path, replace } from "../dom.js";
import { count, plural } from "../format.js";
import { get, region, taskDetails } from "../live.js";
import { address, crumbs, hash, pager, panel, reputation, table, taskTabs } from "../parts.js";
import { MOST_DRAWN } from "../limits.js";
import { standing } from "../standing.js";

const SIZE = 50;
const drawer = import("../graph.js"); // large: it comes while the graph is being asked for

/** Of a task; without one, over all tasks. */
export default async function page(main, task = null) {
  document.title = task ? `Reputation in task ${task} – Karat` : "Reputation – Karat";
  const details = task ? taskDetails(task) : null;
  const view = new View(task);
  const graph = region(view.url(), (data, one) => view.render(data, one), { name: "The graph" });
  const shown = graph.refresh();
  replace(main,
    task ? crumbs(["Tasks", "/"], [(await details).name ?? `Task ${task}`, path("tasks", task)], "Reputation") : null,
    h("h1", {}, "Reputation"), task ? taskTabs(task, "Reputation") : null,
    h("p", { class: "lead" }, `MeritRank${task ? "" : " over all tasks"}: how likely a walk along the edges of trust meets somebody, seen from ${task ? "the" : "a"} sponsor. Choose a node, here or in the table, to see why it stands where it stands.`),
    task ? h("p", { class: "quiet" }, h("a", { href: "/reputation" }, "Over all tasks")) : view.choices,
    h("div", { class: "split" }, view.stage, view.side), graph.element);
  await shown;
}

class View {
  constructor(task) {
    this.task = task;
    this.ego = null; // whose view was chosen; over all tasks only
    this.choices = h("div", { class: "controls" });
    this.names = new Map();
    this.chosen = null;
    this.drawing = null;
    this.drawn = null; // the answer that is drawn
    this.offset = 0;
    this.canvas = h("div", { class: "graph", id: "graph", role: "img", "aria-label": "The graph of trust. The table below has the same content." });
    this.stage = h("section", { class: "panel stage" }, h("h2", { class: "unseen" }, "Graph"), this.canvas,
      h("p", { class: "legend" }, [["sponsor", "sponsor"], ["verifier", "verifier"], ["trainer", "trainer"], ["trust", "trust"], ["distrust", "distrust"]].map(([style, label]) => h("span", { class: `key node-${style}` }, label))));
    this.why = h("div", { class: "why", "aria-live": "polite" }, h("p", { class: "quiet" }, "Nothing chosen yet."));
    this.side = h("section", { class: "panel side", id: "why", tabindex: "-1" }, h("h2", {}, "Why"), this.why);
  }

  /** Where the graph is asked for, or the reasons for one's score. */
  url(one = null) {
    const base = this.task ? `/tasks/${this.task}/reputation` : "/reputation";
    return base + (one ? `/${one}` : "") + (this.ego ? `?ego=${this.ego}` : "");
  }

  /** Over all tasks: whose view it is, and the way to a single task's. */
  chooseView(data, graph) {
    const name = (one) => this.names.get(one) ?? `${one.slice(0, 6)}…${one.slice(-4)}`;
    replace(this.choices, h("label", {}, "Seen by ", h("select", {
      "data-key": "ego",
      onchange: (event) => {
        this.ego = event.target.value;
        graph.go(this.url());
        if (this.chosen) this.choose(this.chosen, false);
      },
    }, data.sponsors.map((one) => h("option", { value: one, selected: one === data.ego }, name(one))))));
  }

  render(data, one) {
    for (const node of data.nodes) if (node.name) this.names.set(node.address, node.name);
    if (!this.task) this.chooseView(data, one);
    if (this.drawn !== one.text) this.draw(data, one.text);
    const shown = data.nodes.slice(this.offset, this.offset + SIZE);
    return panel("Everyone", this.about(data), table({
      caption: data.computing ? "Scores are being computed…" : `${plural(data.nodes.length, "node")}, best first`,
      rows: shown,
      columns: [
        { label: "#", num: true, cell: (_, i) => h("span", { class: "num" }, this.offset + i + 1) },
        { label: "Who", head: true, cell: (node) => address(node.address, { name: node.name, task: this.task }) },
        { label: "Role", cell: (node) => node.role },
        { label: "Score", num: true, cell: (node) => (node.address === data.ego ? h("span", { class: "quiet" }, "sees") : reputation(data.computing && node.score === 0 ? null : node.score)) },
        { label: "Trusted by", num: true, cell: (node) => degree(data.edges, node.address, 1) },
        { label: "Distrusted by", num: true, cell: (node) => degree(data.edges, node.address, -1) },
        { label: "Why", cell: (node) => h("button", { type: "button", class: "button small", "data-key": `explain ${node.address}`, "aria-label": `Explain the score of ${node.name ?? node.address}`, onclick: () => this.choose(node.address, true) }, "Explain") },
      ],
    }), pager({ total: data.nodes.length, offset: this.offset, size: SIZE, shown: shown.length, what: "nodes", go: (offset) => {
      this.offset = offset;
      one.show();
    } }));
  }

  about(data) {
    const left = data.total - data.nodes.length;
    return [
      data.nodes.length > MOST_DRAWN ? h("p", { class: "quiet" }, `The graph shows the ${MOST_DRAWN} that weigh most; the table has all.`) : null,
      left || data.left_out ? h("p", { class: "note" }, `Shown are the ${plural(data.nodes.length, "node")} that matter most${left ? `, ${count(left)} are left out` : ""}${data.left_out ? `, and ${plural(data.left_out, "light edge")}` : ""}. The command line has all: karat reputation export.`) : null,
      data.epoch ? h("p", { class: "quiet" }, `Anchored on chain: epoch ${data.epoch.epoch}, ${plural(data.epoch.nodes, "node")} up to block ${count(data.epoch.to_block)}, root `, hash(data.epoch.root, "root")) : h("p", { class: "quiet" }, this.task ? "No epoch is anchored on chain yet." : "What is anchored on chain is of single tasks."),
    ];
  }

  async draw(data, text) {
    this.drawn = text;
    const { draw } = await drawer;
    this.drawing?.destroy();
    this.drawing = draw(this.canvas, data, (chosen) => this.choose(chosen, false));
    if (this.chosen) this.drawing.select(this.chosen, []);
    performance.mark("drawn");
  }

  async choose(one, move) {
    this.chosen = one;
    this.drawing?.select(one, []);
    const title = h("p", { class: "who" }, address(one, { name: this.names.get(one) ?? null, task: this.task }));
    replace(this.why, title, h("p", { class: "quiet" }, "Looking for the ways of trust…"));
    if (move) this.side.focus();
    try {
      let data = await get(this.url(one));
      while (data.computing && !data.explanation && this.chosen === one) {
        await new Promise((go) => setTimeout(go, 1000));
        data = await get(this.url(one));
      }
      if (this.chosen !== one) return;
      replace(this.why, title, standing(data, this.task, this.names));
      this.drawing?.select(one, data.explanation?.paths ?? []);
    } catch (error) {
      replace(this.why, title, h("p", { class: "note bad" }, `It cannot be explained: ${error.message}.`));
    }
  }
}

function degree(edges, node, sign) {
  const times = edges.filter((edge) => edge.target === node && Math.sign(edge.weight) === sign).length;
  return times ? h("span", { class: "num" }, count(times)) : h("span", { class: "nil" }, "–");
}
