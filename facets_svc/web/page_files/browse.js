/** The browse view: sends the requests of a state, and passes the answers to the parts that show them. */

import { chips } from "./chips.js";
import { exact, h, replace } from "./dom.js";
import { exportMenu } from "./exports.js";
import { FIRST_VALUES, filters } from "./filters.js";
import { modelList } from "./models.js";
import { plots } from "./plots.js";
import { shares } from "./shares.js";
import { snapshots } from "./snapshots.js";
import { Latest, SORTS, countsUrl, modelsUrl, writeState } from "./state.js";

const TYPING_MILLISECONDS = 200;

/** Return `show()`, which shows the app's state, and `reset()`, which discards all answers. */
export function browse(root, app) {
  const counting = new Latest(0);
  let counted = null; // the latest answer of countsUrl
  let shownFor = ""; // the URL that it answers
  let typing = 0;

  const search = h("input", { type: "search", maxLength: 256, placeholder: "Search names and descriptions", autocomplete: "off", "aria-label": "Search names and descriptions",
    oninput: () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        typing = 0;
        app.go({ ...app.state(), search: search.value }, "replace");
      }, TYPING_MILLISECONDS);
    } });
  const sort = h("select", { "aria-label": "Sort", onchange: () => app.go({ ...app.state(), sort: sort.value }) }, SORTS.map((one) => h("option", { value: one.sort, textContent: one.label })));
  const total = h("h1", { role: "status", className: "total" });
  const error = h("div", { className: "error", role: "alert", hidden: true });
  // On a narrow screen, the filters cover the models on demand.
  const isNarrow = matchMedia("(max-width: 56rem)");
  const toggle = h("button", { type: "button", className: "filters-toggle", "aria-expanded": "false", "aria-controls": "filters", onclick: () => cover(true) }, "Filters");
  const done = h("button", { type: "button", className: "primary done", onclick: () => cover(false) });
  const sidebar = filters(app);
  sidebar.element.append(done);
  sidebar.element.addEventListener("keydown", ({ key }) => key === "Escape" && results.inert && cover(false));
  isNarrow.addEventListener("change", () => cover(false));
  const active = chips(app);
  const days = snapshots(app);
  const numbers = plots(app);
  const parts = shares(app);
  const list = modelList(app, { onGone: () => ((shownFor = ""), show()) });
  const overview = h("details", { className: "overview", hidden: true, open: !isNarrow.matches },
    h("summary", { textContent: "Distributions" }), h("div", { className: "plots" }, numbers.elements, parts.element));

  const results = h("section", { className: "results", "aria-label": "Results" },
    h("div", { className: "searching", role: "search" }, search, toggle),
    error, days.bar,
    h("div", { className: "heading" }, total, h("div", { className: "tools" },
      days.field, h("label", { className: "field inline sort" }, h("span", { textContent: "Sort" }), sort), exportMenu(app))),
    active.element, overview, list.elements);
  root.append(sidebar.element, results);

  function cover(isCovered) {
    if (results.inert === isCovered) return;
    root.classList.toggle("filtering", isCovered);
    results.inert = isCovered;
    toggle.setAttribute("aria-expanded", String(isCovered));
    (isCovered ? sidebar.element.querySelector("input") : toggle).focus({ preventScroll: true });
  }

  /** Show the selection at once, and its counts when the answer arrives. */
  async function show() {
    const state = app.state();
    const asked = writeState({ ...state, view: "", model: "" });
    if (!typing) search.value = state.search;
    sort.value = state.sort;
    const chosen = active.show();
    toggle.textContent = chosen ? `Filters (${chosen})` : "Filters";
    sidebar.show(counted);
    if (asked === shownFor) return;
    root.setAttribute("aria-busy", "true");
    if (!counted) {
      total.textContent = "Loading…";
      list.wait();
    }
    try {
      const answers = await counting.run((signal) => Promise.all([
        app.ask(countsUrl(app.service, state, FIRST_VALUES), { signal }),
        app.ask(modelsUrl(app.service, state), { signal }),
      ]));
      if (!answers) return; // a later request has replaced this one
      shownFor = asked;
      error.hidden = true;
      showAnswers(...answers);
    } catch (failure) {
      if (app.refused(failure)) return;
      if (!counted) {
        total.textContent = "";
        list.clear();
      }
      error.hidden = false;
      error.replaceChildren(h("p", { textContent: app.told(failure) }),
        h("button", { type: "button", textContent: "Try again", onclick: () => ((shownFor = ""), show()) }));
    }
    root.removeAttribute("aria-busy");
  }

  function showAnswers({ body, snapshot }, { body: models }) {
    counted = body;
    const { filtered_total: passing, total: all } = counted;
    replace(total, `${exact(passing)} `, h("span", { className: "muted", textContent: passing === all ? (all === 1 ? "model" : "models") : `of ${exact(all)} models` }));
    sidebar.show(counted, { isNew: true });
    done.textContent = `Show ${exact(passing)} ${passing === 1 ? "model" : "models"}`;
    overview.hidden = passing === 0;
    if (passing) {
      numbers.show(counted);
      parts.show(counted);
    }
    list.show(models);
    days.show(snapshot);
  }

  return { show, reset: () => ((shownFor = ""), (counted = null)) };
}
