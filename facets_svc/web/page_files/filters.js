/** The sidebar: facets with counts, whose values can be searched, listed in full, selected and excluded. */

import { exact, h, keyed, replace } from "./dom.js";
import { FACETS, Latest, listed, valuesUrl, withChoice, withChoices, withPage } from "./state.js";

export const FIRST_VALUES = 8;
const MORE_VALUES = 100;
const TYPING_MILLISECONDS = 200;
const SHORT_LIST = 5;

/** Return the sidebar, and `show(counted)`, which shows the app's state with the counts of an answer. */
export function filters(app) {
  const scope = h("input", { type: "checkbox", onchange: () => app.go({ ...app.state(), includePublic: scope.checked }) });
  const facets = FACETS.map((facet) => facetSection(facet, app));
  const element = h("aside", { id: "filters", "aria-label": "Filters" },
    h("label", { className: "check scope" }, scope, "Public models of other orgs too"),
    facets.map((section) => section.element));

  return {
    element,
    show(counted, { isNew = false } = {}) {
      scope.checked = app.state().includePublic;
      if (counted) for (const section of facets) section.show(counted, isNew);
    },
  };
}

function facetSection(facet, app) {
  const name = facet.label.toLowerCase();
  const finding = new Latest(0);
  const values = h("ul", { className: "values" });
  const foot = h("p", { className: "foot" });
  const badge = h("span", { className: "badge", hidden: true });
  const query = h("input", { type: "search", maxLength: 256, placeholder: `Find in ${name}`, autocomplete: "off", "aria-label": `Find in ${name}`, oninput: typed });
  const match = h("select", { className: "match", "aria-label": `${facet.label}: models must have`,
    onchange: () => app.go(withChoices(app.state(), facet.parameter, { match: match.value === facet.match ? "" : match.value })) },
    h("option", { value: "any", textContent: "any of these" }), h("option", { value: "all", textContent: "all of these" }));
  const element = h("details", { className: "facet", id: `facet-${facet.key}`, open: true },
    h("summary", {}, h("h2", { textContent: facet.label }), badge),
    h("div", { className: "within" }, query, match), values, foot);
  const rows = new Map(); // the line of each value: reused when counts change, so that it keeps the focus
  let counted = null;
  let found = null; // the pages of values that the user requested
  let waiting = 0;

  function typed() {
    clearTimeout(waiting);
    waiting = setTimeout(search, TYPING_MILLISECONDS);
  }

  function search() {
    if (query.value.trim()) return void find(0);
    found = null;
    finding.run(async () => {}); // aborts a running request
    draw();
  }

  /** Request a page of values: those that contain the typed text, or all. */
  async function find(offset) {
    const q = query.value.trim();
    await app.attempt(async () => {
      const page = await finding.run((signal) => app.ask(valuesUrl(app.service, app.state(), facet, { q, offset, limit: MORE_VALUES }), { signal }));
      if (!page) return;
      found = withPage(found, page.body, page.snapshot);
      if (found) draw();
      else await find(0);
    });
  }

  function draw() {
    const of = counted.facets[facet.key];
    const choices = app.state().choices[facet.parameter];
    const { selected, excluded, missing } = choices;
    const chosen = selected.length + excluded.length + Number(missing);
    const isSearched = Boolean(query.value.trim());
    badge.textContent = String(chosen);
    badge.hidden = !chosen;
    badge.setAttribute("aria-label", `${chosen} active`);
    match.value = choices.match || facet.match;
    match.hidden = !facet.isList;
    query.hidden = of.total_values <= SHORT_LIST && !isSearched;
    query.parentElement.hidden = query.hidden && match.hidden;

    const lines = listed(app.state(), facet, of, found?.values).map((row) => ({ ...row, key: `=${row.value}` }));
    if (!isSearched && (of.missing_count || missing)) lines.push({ key: "missing", value: "(not set)", count: of.missing_count, selected: missing, isMissing: true });
    const most = Math.max(1, ...lines.map(({ count }) => count));
    keyed(values, rows, lines, (row) => line(row), (item, row) => item.update(row, most));

    const left = (found?.total ?? of.total_values) - (found?.values ?? of.values).length;
    replace(foot,
      lines.length ? [] : h("span", { className: "muted", textContent: isSearched ? "No value matches." : "No values." }),
      left > 0 ? h("button", { type: "button", className: "link", "data-key": `more-${facet.key}`, "aria-label": `Show more of ${name}`,
        textContent: left > MORE_VALUES ? `Show ${MORE_VALUES} more of ${exact(left)}` : `Show ${exact(left)} more`, onclick: () => find(found?.values.length ?? 0) }) : []);
  }

  /** Return the line of a value, and the function that updates it. */
  function line({ value, isMissing }) {
    const meter = h("span", { className: "meter", "aria-hidden": "true" });
    const count = h("span", { className: "count" });
    const box = h("input", { type: "checkbox", "data-key": isMissing ? "missing" : `select-${value}`, onchange: () => app.go(isMissing
      ? withChoices(app.state(), facet.parameter, { missing: box.checked })
      : withChoice(app.state(), facet.parameter, value, box.checked ? "selected" : "")) });
    const exclude = isMissing ? null : h("button", { type: "button", className: "exclude", "data-key": `exclude-${value}`, "aria-label": `Exclude ${value}`, textContent: "−",
      onclick: () => app.go(withChoice(app.state(), facet.parameter, value, exclude.getAttribute("aria-pressed") === "true" ? "" : "excluded")) });
    const item = h("li", { className: isMissing ? "unset" : "" }, meter,
      h("label", { className: "check" }, box, h("span", { className: "value", title: isMissing ? "" : value }, h("bdi", { textContent: value })), " ", count), exclude);
    return {
      element: item,
      update(row, most) {
        meter.style.width = `${(row.count / most) * 100}%`;
        count.textContent = exact(row.count);
        box.checked = row.selected;
        if (isMissing) return;
        item.className = row.excluded ? "excluded" : "";
        exclude.setAttribute("aria-pressed", String(row.excluded));
        exclude.title = row.excluded ? "Do not exclude" : "Exclude";
      },
    };
  }

  return {
    element,
    show(next, isNew) {
      counted = next;
      if (isNew) found = null; // its counts belong to another question
      draw();
      if (isNew && query.value.trim()) find(0);
    },
  };
}
