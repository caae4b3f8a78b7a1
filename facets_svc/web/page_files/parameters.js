/** The parameters of a statement: a field for each, and the values to send. */

import { h } from "./dom.js";

/** Return the JSON value of a parameter, from its text and its type ("" unless a named query declares it). */
export function valueOf(text, type = "") {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (type.endsWith("[]")) return listOf(trimmed);
  if (/^(VARCHAR|DATE|TIMESTAMP)$/.test(type)) return text;
  try {
    const parsed = JSON.parse(trimmed);
    // A whole number that a double cannot hold is sent as text: the service converts it to the declared type.
    return typeof parsed === "number" && Number.isInteger(parsed) && !Number.isSafeInteger(parsed) ? trimmed : parsed;
  } catch {
    return text;
  }
}

/**
 * Return the row of fields.
 *
 * `show(names, declared)` makes a field for each name; fields that stay keep their text. `declared` are the parameters
 * of the named query that the statement comes from. `values()` returns the values to send.
 */
export function parameterFields(onRun) {
  const element = h("form", { className: "parameters", hidden: true, "aria-label": "Parameters",
    onsubmit: (event) => (event.preventDefault(), onRun()) });
  let types = {};

  return {
    element,
    show(names, declared = [], { afresh = false } = {}) {
      const typed = afresh ? {} : Object.fromEntries(inputs().map(({ name, value }) => [name, value]));
      const known = Object.fromEntries(declared.map((one) => [one.name, one]));
      if (!afresh && names.join() === inputs().map(({ name }) => name).join()) return;
      types = Object.fromEntries(names.map((name) => [name, known[name]?.type ?? ""]));
      element.replaceChildren(...names.map((name) => h("label", { className: "field" },
        h("span", { textContent: types[name] ? `${name} (${types[name]})` : name }),
        h("input", { name, title: known[name]?.meaning ?? "A number, a text, true, false, or a list such as [\"a\", \"b\"]", autocomplete: "off", spellcheck: false,
          placeholder: "null", value: typed[name] ?? shown(known[name]?.default) }))), h("button", { hidden: true }));
      element.hidden = !names.length;
    },
    values: () => Object.fromEntries(inputs().map(({ name, value }) => [name, valueOf(value, types[name])])),
  };

  function inputs() {
    return [...element.querySelectorAll("input")];
  }
}

function listOf(text) {
  try {
    return [JSON.parse(text)].flat();
  } catch {
    return text.split(",").map((item) => item.trim()).filter(Boolean);
  }
}

function shown(value) {
  if (value === null || value === undefined) return "";
  if (!Array.isArray(value)) return String(value);
  return value.some((item) => String(item).includes(",")) ? JSON.stringify(value) : value.join(", ");
}
