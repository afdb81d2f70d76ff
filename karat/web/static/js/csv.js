// Tables as CSV files. Cells that hold addresses, hashes or amounts give them whole (data-csv).

import { h } from "./dom.js";

/** A button that saves a table; `all()` gives every row, where only some are shown. */
export function csvButton(name, columns, rows, all) {
  const button = h("button", { type: "button", class: "button small csv", "data-key": `csv ${name}`, "aria-label": `Save ${name} as CSV` }, "CSV");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      save(`karat-${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}.csv`, text(columns, all ? await all() : rows));
      button.textContent = "CSV";
    } catch {
      button.textContent = "CSV failed";
    }
    button.disabled = false;
  });
  return button;
}

function text(columns, rows) {
  const shown = columns.filter((column) => column.csv !== false);
  const lines = rows.map((row, i) => shown.map((column) => quoted(column.csv ? column.csv(row, i) : value(column.cell(row, i)))));
  return [shown.map((column) => quoted(column.label)), ...lines].map((line) => line.join(",")).join("\r\n") + "\r\n";
}

function value(cell) {
  if (cell === null || cell === undefined || cell === false) return "";
  if (Array.isArray(cell)) return cell.map(value).filter(Boolean).join(" ");
  if (!(cell instanceof Element)) return String(cell);
  const whole = cell.matches("[data-csv]") ? cell : cell.querySelector("[data-csv]");
  if (whole) return whole.dataset.csv;
  return cell.textContent === "–" ? "" : cell.textContent.trim();
}

/** A field; what a spreadsheet would take for a formula becomes text. */
function quoted(field) {
  const plain = String(field ?? "").replaceAll("−", "-");
  const safe = /^[=+@\t\r-]/.test(plain) && !/^[+-]?[\d.,]+( %)?$/.test(plain) ? `'${plain}` : plain;
  return `"${safe.replaceAll('"', '""')}"`;
}

function save(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
