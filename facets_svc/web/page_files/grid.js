/** The table of a statement's answer: a click on a column's header sorts it. */

import { exact, h, replace } from "./dom.js";

const ROWS_SHOWN = 500;

/** Return whether a DuckDB type is a number. */
export const isNumeric = (type) => /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL(\(\d+,\s*\d+\))?)$/.test(type);

/** Return whether a DuckDB type is a date or a time. */
export const isTime = (type) => /^(DATE|TIMESTAMP)/.test(type) && !type.endsWith("]");

/** Return the text of a cell; null has none. */
export const written = (cell) => (cell === null ? "" : typeof cell === "object" ? JSON.stringify(cell) : String(cell));

/** Compare two cells for sorting; nulls come last in both directions. */
export function compared(a, b, isDown) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = typeof a === "number" && typeof b === "number" ? a - b : written(a) < written(b) ? -1 : Number(written(a) > written(b));
  return isDown ? -order : order;
}

/** Return the region of the table, and `show(answer)`. */
export function grid() {
  const element = h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Rows" });
  let answer = null;
  let shown = ROWS_SHOWN;
  let sorted = { column: -1, down: false };

  function sort(column) {
    sorted = { column, down: sorted.column === column && !sorted.down };
    draw();
  }

  function head({ name, type }, at) {
    const isSorted = at === sorted.column;
    return h("th", { scope: "col", className: isNumeric(type) ? "number" : "", "aria-sort": isSorted ? (sorted.down ? "descending" : "ascending") : "none" },
      h("button", { type: "button", title: type, "data-key": `sort-${at}`, onclick: () => sort(at) }, h("bdi", { textContent: name }), isSorted ? (sorted.down ? " ↓" : " ↑") : ""));
  }

  function draw() {
    const { columns, rows } = answer;
    const { column, down } = sorted;
    const ordered = column < 0 ? rows : rows.toSorted((a, b) => compared(a[column], b[column], down));
    const cell = (value, at) => h("td", { className: isNumeric(columns[at].type) ? "number" : "" },
      value === null ? h("span", { className: "muted", textContent: "null" }) : h("bdi", { textContent: written(value) }));
    replace(element,
      h("table", {},
        h("thead", {}, h("tr", {}, columns.map(head))),
        h("tbody", {}, ordered.slice(0, shown).map((row) => h("tr", {}, row.map(cell))))),
      rows.length > shown ? h("button", { type: "button", className: "link more", "data-key": "more-rows",
        textContent: `Show ${exact(Math.min(ROWS_SHOWN, rows.length - shown))} more of ${exact(rows.length)} rows`, onclick: () => ((shown += ROWS_SHOWN), draw()) }) : []);
  }

  return {
    element,
    show(next) {
      answer = next;
      shown = ROWS_SHOWN;
      sorted = { column: -1, down: false };
      draw();
    },
  };
}
