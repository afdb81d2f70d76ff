// The OpenAPI document in a form to read.

import { h, replace } from "../dom.js";
import { crumbs, table } from "../parts.js";

export default async function page(main) {
  document.title = "API – Karat";
  let described;
  try {
    described = await (await fetch("/api/openapi.json", { credentials: "omit" })).json();
  } catch {
    replace(main, h("h1", {}, "API"), h("p", { class: "note bad" }, "The description cannot be read: the server of this page does not answer."));
    return;
  }
  const paths = Object.entries(described.paths);
  const base = described.servers[0].url;
  replace(main,
    crumbs(["Tasks", "/"], "API"), h("h1", {}, "API"),
    h("p", { class: "lead" }, described.info.description),
    h("p", {}, "The machine-readable form, OpenAPI ", described.openapi, ": ", h("a", { href: "/api/openapi.json" }, "/api/openapi.json")),
    h("section", { class: "panel" }, h("h2", {}, "Questions"), paths.map(([path, { get }]) => operation(base, path, get))),
    h("section", { class: "panel" }, h("h2", {}, "Answers"), Object.entries(described.components.schemas).map(([name, schema]) => model(name, schema))));
}

function operation(base, path, get) {
  const result = nameOf(get.responses["200"].content["application/json"].schema);
  return h("article", { class: "operation" },
    h("h3", {}, h("code", {}, `GET ${base}${path}`)),
    h("p", {}, get.summary, " Gives ", h("a", { href: `#${result}` }, result), "."),
    get.parameters.length ? table({
      caption: "Parameters", hideCaption: true, rows: get.parameters,
      columns: [
        { label: "Parameter", head: true, cell: (one) => h("code", {}, one.name) },
        { label: "In", cell: (one) => one.in },
        { label: "Kind", cell: (one) => kind(one.schema) },
        { label: "Meaning", wide: true, cell: (one) => one.description || "–" },
      ],
    }) : null);
}

function model(name, schema) {
  const fields = Object.entries(schema.properties ?? {});
  return h("details", { class: "operation", id: name, open: location.hash === `#${name}` }, h("summary", {}, h("strong", {}, name), " ", h("span", { class: "quiet" }, schema.description ?? "")),
    table({
      caption: `Fields of ${name}`, hideCaption: true, rows: fields,
      columns: [
        { label: "Field", head: true, cell: ([field]) => h("code", {}, field) },
        { label: "Kind", cell: ([, value]) => kind(value) },
        { label: "Meaning", wide: true, cell: ([, value]) => value.description ?? "–" },
      ],
    }));
}

const nameOf = (schema) => schema.$ref?.split("/").at(-1) ?? "";

function kind(schema) {
  if (schema.$ref) return h("a", { href: `#${nameOf(schema)}` }, nameOf(schema));
  if (schema.anyOf) return schema.anyOf.map((one, i) => [i ? " or " : null, kind(one)]);
  if (schema.enum) return schema.enum.map((one) => (one === "" ? "empty" : one)).join(", ");
  if (schema.type === "array") return ["list of ", kind(schema.items)];
  if (schema.type === "object" && schema.additionalProperties) return ["text to ", kind(schema.additionalProperties)];
  return schema.const ?? schema.type ?? "any";
}
