/** The active filters: a chip for each, which removes it. */

import { h, human, replace, text } from "./dom.js";
import { FACETS, MEASURES, withBounds, withChoice, withChoices, withoutFilters } from "./state.js";

/** Return the active filters: the name of each, its value, and the state without it. */
export function active(state) {
  const found = [];
  const add = (label, value, without, isOut = false) => found.push({ label, value, without, isOut });
  if (state.search.trim()) add("Search", state.search.trim(), (now) => ({ ...now, search: "" }));
  for (const { parameter, label } of FACETS) {
    const { selected, excluded, missing } = state.choices[parameter];
    for (const value of selected) add(label, value, (now) => withChoice(now, parameter, value, ""));
    for (const value of excluded) add(`Not ${label.toLowerCase()}`, value, (now) => withChoice(now, parameter, value, ""), true);
    if (missing) add(label, "(not set)", (now) => withChoices(now, parameter, { missing: false }));
  }
  for (const { key, label, type, from, to } of MEASURES) {
    for (const [name, relation] of [[from, type === "date" ? "from" : "≥"], [to, type === "date" ? "before" : "≤"]]) {
      const bound = state.bounds[name];
      if (bound) add(`${label} ${relation}`, type === "date" ? bound : human(Number(bound), key), (now) => withBounds(now, { [name]: "" }));
    }
  }
  return found;
}

/** Return the list of chips, and `show()`. */
export function chips(app) {
  const element = h("ul", { className: "chips", "aria-label": "Active filters" });
  const chip = ({ label, value, without, isOut }) => h("li", { className: isOut ? "chip out" : "chip" },
    h("span", {}, h("span", { className: "muted", textContent: `${label} ` }), text(value)),
    h("button", { type: "button", "aria-label": `Remove ${label} ${value}`, "data-key": `chip-${label}-${value}`, textContent: "×", onclick: () => app.go(without(app.state())) }));
  const clear = () => h("li", {}, h("button", { type: "button", className: "link", "data-key": "clear", textContent: "Clear all", onclick: () => app.go(withoutFilters(app.state())) }));

  return {
    element,
    show() {
      const found = active(app.state());
      element.hidden = !found.length;
      replace(element, ...found.map(chip), ...(found.length > 1 ? [clear()] : []));
      return found.length;
    },
  };
}
