/** Histograms as inline SVG: a range is selected by dragging, by two fields, or from the table behind. */

import { exact, h, human, number, svg } from "./dom.js";
import { boundsOfBar } from "./state.js";

const HEIGHT = 72;
const WIDTH = 300;

/** Return every bin from the first to the last one that holds models: the service leaves the empty ones out. */
export function filled(histogram) {
  if (!histogram.length) return [];
  const counts = new Map(histogram.map((bin) => [bin.upper, bin]));
  const last = histogram.at(-1).upper;
  const bins = [];
  for (let bin = histogram[0]; ; ) {
    bins.push(bin);
    if (bin.upper >= last || bins.length > 80) return bins;
    const lower = bin.upper;
    const upper = String(lower)[0] === "2" ? (lower / 2) * 5 : lower * 2;
    bin = counts.get(upper) ?? { lower, upper, count: 0 };
  }
}

/**
 * Return a card with the histogram of a measure.
 *
 * @param {object} measure one of MEASURES
 * @param {object} stats its statistics in the answer of `countsUrl`
 * @param {object} bounds the bounds of the state
 * @param {(changed: object) => void} onRange takes the bounds that somebody selects
 */
export function plot(measure, stats, bounds, onRange) {
  const bins = filled(stats.histogram);
  const range = (first, last) => {
    const [low, high] = first <= last ? [bins[first], bins[last]] : [bins[last], bins[first]];
    onRange({ ...boundsOfBar(measure, high), [measure.from]: boundsOfBar(measure, low)[measure.from] });
  };
  const isSet = Boolean(bounds[measure.from] || (measure.to && bounds[measure.to]));
  const median = stats.count ? `median ${human(stats.quartiles[1], measure.key)}` : "no model has it";
  return h("section", { className: "plot", "aria-label": measure.label },
    h("h3", {}, measure.label, h("span", { className: "muted", textContent: median })),
    bins.length ? bars(measure, bins, range) : h("p", { className: "muted empty", textContent: "Nothing to plot." }),
    h("form", { className: "range", onsubmit: (event) => event.preventDefault() },
      field(measure, "from", bounds, onRange),
      measure.to ? field(measure, "to", bounds, onRange) : null,
      h("button", { type: "button", className: "quiet", hidden: !isSet, textContent: "Clear", "data-key": `clear-${measure.key}`,
        "aria-label": `Clear the range of ${measure.label.toLowerCase()}`,
        onclick: () => onRange({ [measure.from]: "", ...(measure.to && { [measure.to]: "" }) }) })),
    h("details", { className: "behind" },
      h("summary", { textContent: "As a table", "data-key": `table-${measure.key}` }),
      h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col", textContent: measure.label }), h("th", { scope: "col", className: "number", textContent: "Models" }))),
        h("tbody", {}, bins.map((bin, at) => bin.count ? h("tr", {},
          h("td", {}, h("button", { type: "button", className: "link", textContent: label(measure, bin), onclick: () => range(at, at) })),
          h("td", { className: "number", textContent: exact(bin.count) })) : null).filter(Boolean)))));
}

function bars(measure, bins, range) {
  const most = Math.max(...bins.map(({ count }) => count));
  const step = WIDTH / bins.length;
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `Histogram of ${measure.label.toLowerCase()}; the table below has its numbers` });
  const columns = bins.map((bin, at) => {
    const tall = bin.count ? Math.max(2, (bin.count / most) * (HEIGHT - 2)) : 0;
    const bar = svg("rect", { class: "shown", x: at * step + step * 0.08, y: HEIGHT - tall, width: step * 0.84, height: tall });
    const area = svg("rect", { class: "area", x: at * step, y: 0, width: step, height: HEIGHT, "data-at": at });
    return svg("g", {}, bar, area, svg("title", {}, `${label(measure, bin)}: ${exact(bin.count)} models`));
  });
  drawn.append(...columns);
  const at = ({ clientX }) => {
    const { left, width } = drawn.getBoundingClientRect();
    return Math.min(bins.length - 1, Math.max(0, Math.floor(((clientX - left) / width) * bins.length)));
  };
  let from = -1;
  const mark = (to) => columns.forEach((column, i) =>
    column.classList.toggle("marked", from >= 0 && i >= Math.min(from, to) && i <= Math.max(from, to)));
  drawn.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = at(event);
    drawn.setPointerCapture(event.pointerId);
    mark(from);
  });
  drawn.addEventListener("pointermove", (event) => from >= 0 && mark(at(event)));
  drawn.addEventListener("pointerup", (event) => {
    if (from < 0) return;
    const first = from;
    from = -1;
    range(first, at(event));
  });
  drawn.addEventListener("pointercancel", () => ((from = -1), mark(-1)));
  return h("div", { className: "drawn" }, drawn, h("p", { className: "axis muted", "aria-hidden": "true" },
    h("span", { textContent: human(bins[0].lower ?? 0, measure.key) }),
    h("span", { textContent: human(bins.at(-1).upper, measure.key) })));
}

function field(measure, end, bounds, onRange) {
  const name = measure[end];
  const isFrom = end === "from";
  return h("input", { name, value: bounds[name] ? human(Number(bounds[name]), measure.key).replace(" ", "") : "", autocomplete: "off",
    title: bounds[name] ? exact(Number(bounds[name])) : "", placeholder: isFrom ? "from" : "to", "data-key": name,
    "aria-label": `${measure.label} ${isFrom ? "at least" : "at most"}, such as ${measure.key === "size_bytes" ? "2GB" : "7B"}`,
    onchange: ({ target }) => {
      const bound = number(target.value);
      target.setCustomValidity(bound === null ? "Write a whole number, such as 7000000, 7M or 2GB." : "");
      if (target.reportValidity()) onRange({ [name]: bound });
    } });
}

const label = (measure, bin) =>
  bin.lower === null ? "below 1" : `${human(bin.lower, measure.key)} – ${human(bin.upper, measure.key)}`;
