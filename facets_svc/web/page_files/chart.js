/** A chart of a statement's answer: bars, lines or points of its numbers. The table has the same rows. */

import { exact, h } from "./dom.js";
import { compared, isNumeric, isTime, written } from "./grid.js";

const MOST = 500;
const KINDS = [["bar", "Bars"], ["line", "Line"], ["scatter", "Points"]];

/** Return the kind of chart for an answer: bars over names, lines over times, points over numbers; null without numbers. */
export function suggested({ columns, rows }) {
  const isDrawn = ({ type }, at) => isNumeric(type) && rows.some((row) => row[at] !== null);
  const others = columns.findIndex((column, at) => at > 0 && isDrawn(column, at)); // the first column is usually the group of the counts
  const y = others >= 0 ? others : columns.findIndex(isDrawn);
  if (y < 0) return null;
  const times = columns.findIndex(({ type }, at) => at !== y && isTime(type));
  const names = columns.findIndex(({ type }, at) => at !== y && !isNumeric(type));
  const x = times >= 0 ? times : names >= 0 ? names : columns.findIndex((_, at) => at !== y);
  return { kind: times >= 0 ? "line" : x >= 0 && isNumeric(columns[x].type) ? "scatter" : "bar", x: Math.max(x, 0), y };
}

/** Return the region of the chart, and `show(answer)`, which loads the library and draws it. */
export function chart() {
  const canvas = h("canvas", { role: "img" });
  const option = ([value, textContent]) => h("option", { value, textContent });
  const kind = h("select", { onchange: draw }, KINDS.map(option));
  const x = h("select", { onchange: draw });
  const y = h("select", { onchange: draw });
  const cut = h("p", { className: "muted" });
  const labelled = (label, field) => h("label", { className: "field inline" }, h("span", { textContent: label }), field);
  const tools = h("div", { className: "parameters" }, labelled("Chart", kind), labelled("Across", x), labelled("Up", y));
  const none = h("p", { className: "muted", textContent: "There is no column of numbers to draw." });
  const drawing = h("div", { className: "canvas" }, canvas);
  const element = h("div", { className: "card chart" }, tools, none, drawing, cut);
  let answer = null;
  let drawn = null;

  async function draw() {
    const { Chart } = await import("./vendor/chart.js");
    drawn?.destroy();
    const { columns, rows } = answer;
    const [across, up] = [Number(x.value), Number(y.value)];
    // Bars have the order of the answer; a line goes from left to right.
    const ordered = kind.value === "bar" ? rows : rows.toSorted((a, b) => compared(a[across], b[across]));
    const shown = ordered.filter((row) => row[up] !== null).slice(0, MOST);
    cut.textContent = rows.length > MOST ? `The first ${exact(MOST)} of ${exact(rows.length)} rows are drawn.` : "";
    canvas.setAttribute("aria-label", `${KINDS.find(([name]) => name === kind.value)[1]} of ${columns[up].name} by ${columns[across].name}; the table has the numbers`);
    const [ink, line, accent] = ["--soft", "--line", "--accent"].map(resolved);
    const isScatter = kind.value === "scatter";
    const axis = (name) => ({ grid: { color: line }, border: { color: line }, ticks: { color: ink }, title: { display: true, text: name, color: ink } });
    drawn = new Chart(canvas, {
      type: kind.value,
      data: {
        labels: isScatter ? undefined : shown.map((row) => (row[across] === null ? "null" : shortened(written(row[across])))),
        datasets: [{ data: isScatter ? shown.map((row) => ({ x: row[across], y: row[up] })) : shown.map((row) => row[up]), backgroundColor: accent, borderColor: accent, borderWidth: kind.value === "line" ? 2 : 0, pointRadius: 2.5 }],
      },
      options: { animation: false, maintainAspectRatio: false, scales: { x: { ...axis(columns[across].name), grid: { display: isScatter, color: line } }, y: { ...axis(columns[up].name), beginAtZero: kind.value === "bar" } } },
    });
  }

  /** Return the colour of a CSS variable in the current theme: a canvas does not resolve variables. */
  function resolved(name) {
    canvas.style.color = `var(${name})`;
    return getComputedStyle(canvas).color;
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => element.isConnected && drawn && draw());

  return {
    element,
    show(next) {
      answer = next;
      const first = suggested(next);
      none.hidden = first !== null;
      tools.hidden = drawing.hidden = first === null;
      if (!first) return;
      x.replaceChildren(...next.columns.map(({ name }, at) => option([at, name])));
      y.replaceChildren(...next.columns.flatMap(({ name, type }, at) => (isNumeric(type) ? [option([at, name])] : [])));
      [kind.value, x.value, y.value] = [first.kind, first.x, first.y];
      return draw();
    },
  };
}

const shortened = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
