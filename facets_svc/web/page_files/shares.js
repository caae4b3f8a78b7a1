/** The shares of a facet's values in the models that have one, as a bar with a legend and as a table. */

import { exact, h, replace, svg, text } from "./dom.js";
import { FACETS, withChoice } from "./state.js";

const MOST_PARTS = 6;
const WIDTH = 1000;
const HEIGHT = 24;
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** Return the parts of a counted facet: its first values, the others, and the models without one. */
export function parts(counted) {
  const first = counted.values.slice(0, MOST_PARTS);
  const others = counted.values.slice(MOST_PARTS).reduce((sum, { count }) => sum + count, counted.other_count);
  const all = [
    ...first.map(({ value, count }) => ({ value, label: value, count })),
    { label: "Other values", count: others }, { label: "(not set)", count: counted.missing_count, isUnset: true },
  ].filter(({ count }) => count > 0);
  const total = all.reduce((sum, { count }) => sum + count, 0);
  return all.map((part) => ({ ...part, share: part.count / total }));
}

/** Return the card, and `show(counted)`. */
export function shares(app) {
  const chosen = h("select", { "aria-label": "Facet whose shares are shown", onchange: draw }, FACETS.map(({ key, label }) => h("option", { value: key, textContent: label })));
  chosen.value = "licenses";
  const bar = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const legend = h("ul", { className: "legend" });
  const rows = h("tbody");
  const element = h("section", { className: "plot shares", "aria-label": "Shares" },
    h("div", { className: "heading" }, h("h3", { textContent: "Shares" }), chosen), bar, legend,
    h("details", { className: "behind" }, h("summary", { "aria-label": "Table of shares", textContent: "Table" }),
      h("div", { className: "table" }, h("table", {}, h("thead", {}, h("tr", {}, ["Value", "Models", "Share"].map((textContent, at) => h("th", { scope: "col", className: at ? "number" : "", textContent })))), rows))));
  let counted = null;

  function draw() {
    const facet = FACETS.find(({ key }) => key === chosen.value);
    const shown = parts(counted.facets[facet.key]);
    let left = 0;
    bar.setAttribute("aria-label", `Shares of ${facet.label.toLowerCase()}; the table below has its numbers`);
    bar.replaceChildren(...shown.map((part, at) => {
      const x = left;
      left += part.share * WIDTH;
      return svg("rect", { class: colour(part, at), x, y: 0, width: Math.max(1, part.share * WIDTH - 2), height: HEIGHT },
        svg("title", {}, `${part.label}: ${exact(part.count)} models, ${percent.format(part.share)}`));
    }));
    const select = ({ value }) => app.go(withChoice(app.state(), facet.parameter, value, "selected"));
    replace(legend, shown.map((part, at) => h("li", {},
      svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { class: colour(part, at), width: 10, height: 10, rx: 2 })),
      part.value === undefined ? h("span", { textContent: part.label })
        : h("button", { type: "button", className: "link", "data-key": `share-${part.value}`, title: "Filter by this value", onclick: () => select(part) }, text(part.value)),
      h("span", { className: "muted", textContent: percent.format(part.share) }))));
    replace(rows, shown.map((part) => h("tr", {}, h("td", {}, text(part.label)), h("td", { className: "number", textContent: exact(part.count) }), h("td", { className: "number", textContent: percent.format(part.share) }))));
  }

  return {
    element,
    show(next) {
      counted = next;
      draw();
    },
  };
}

const colour = (part, at) => (part.value !== undefined ? `part part-${at}` : part.isUnset ? "part unset-part" : "part rest");
