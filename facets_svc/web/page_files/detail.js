/** The panel of one model: its record, and its rank among the models that pass. */

import { date, exact, h, human, text } from "./dom.js";
import { FACETS, MEASURES, countsUrl, recordUrl, withChoice } from "./state.js";

const COMPARED_VALUES = 1000;
const QUARTERS = ["lowest quarter", "second quarter", "third quarter", "highest quarter"];

/** Return `show()`, which opens or closes the dialog according to the app's state. */
export function detail(dialog, app) {
  const close = h("button", { type: "button", className: "quiet", "aria-label": "Close", textContent: "×", onclick: () => dialog.close() });
  let opened = ""; // the id of the model that the panel shows
  dialog.addEventListener("close", () => {
    // The browser returns the focus to the element that opened the panel, unless the list was drawn again.
    if (document.activeElement === document.body || dialog.contains(document.activeElement)) {
      (document.querySelector(`[data-key="${CSS.escape(`model-${opened}`)}"]`) ?? document.querySelector("#content")).focus({ preventScroll: true });
    }
    if (app.state().model) app.go({ ...app.state(), model: "" });
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  async function show() {
    const state = app.state();
    if (!state.model) return void (dialog.open && dialog.close());
    opened = state.model;
    dialog.replaceChildren(h("header", {}, h("h2", { id: "detail-title", textContent: "Loading…" }), close));
    if (!dialog.open) dialog.showModal();
    try {
      const [{ body: model }, counted] = await Promise.all([
        app.ask(recordUrl(app.service, state, state.model)),
        app.ask(countsUrl(app.service, state, COMPARED_VALUES)).then(({ body }) => body, () => null),
      ]);
      if (app.state().model !== state.model) return;
      dialog.replaceChildren(...record(model, counted, state));
      close.focus();
    } catch (failure) {
      if (app.refused(failure)) return void dialog.close();
      if (app.state().model !== state.model) return;
      dialog.querySelector("h2").textContent = failure.status === 404 ? "No such model" : "The model cannot be shown";
      dialog.append(h("p", { className: "error", role: "alert", textContent: app.told(failure) }));
    }
  }

  function record(model, counted, state) {
    const term = (label, ...content) => h("div", {}, h("dt", { textContent: label }), h("dd", {}, ...content));
    const unset = () => h("span", { className: "muted", textContent: "not set" });
    const number = ({ key, label }) => {
      if (model[key] === null) return term(label, unset());
      const place = placeOf(model[key], counted?.stats[key]);
      return term(label, `${human(model[key], key)} `, h("span", { className: "muted", textContent: `${exact(model[key])}${place ? ` · ${place} of those listed` : ""}` }));
    };
    const values = (facet) => {
      const held = [model[facet.parameter]].flat().filter((value) => value !== null);
      return term(facet.label, held.length ? h("ul", { className: "chips" }, held.map((value) => h("li", {}, chosen(facet, value)))) : unset());
    };
    const chosen = (facet, value) => {
      const all = counted?.facets[facet.key];
      const at = all ? all.values.findIndex((one) => one.value === value) : -1;
      const standing = at < 0 ? "" : `${exact(all.values[at].count)} ${all.values[at].count === 1 ? "model" : "models"}, ${rankOf(all.values, at)} of ${exact(all.total_values)}`;
      return h("button", { type: "button", className: "chip", title: "Filter by this value", onclick: () => app.go({ ...withChoice(app.state(), facet.parameter, value, "selected"), model: "" }) },
        text(value), standing ? h("span", { className: "count", textContent: standing }) : null);
    };
    return [
      h("header", {}, h("h2", { id: "detail-title" }, h("span", { className: "owner" }, text(model.org), "/"), text(model.name)), close),
      h("p", {}, h("span", { className: model.is_public ? "public" : "private", textContent: model.is_public ? "Public" : "Private" })),
      model.description ? h("p", { className: "full" }, text(model.description)) : "",
      h("dl", { className: "record" },
        MEASURES.filter(({ type }) => type === "number").map(number),
        FACETS.map(values),
        term("Created", date(model.created_at)), term("Updated", date(model.updated_at)),
        term("Id", h("code", {}, text(model.id)))),
      h("p", { className: "muted", textContent: state.search || Object.values(state.choices).some(({ selected }) => selected.length)
        ? "Counts and places are among the models that pass the filters; a facet's own filter does not count." : "Counts and places are among the models listed." }),
    ];
  }

  return { show };
}

/** Return the quarter of a number by the quartiles of its statistics; "" without quartiles. */
export function placeOf(number, stats) {
  return stats?.count ? QUARTERS[stats.quartiles.filter((quartile) => number > quartile).length] : "";
}

/** Return the rank by count of the value at an index, such as `2nd`. Equal counts have equal ranks. */
export function rankOf(values, at) {
  const rank = values.filter(({ count }) => count > values[at].count).length + 1;
  const ending = rank % 100 >= 11 && rank % 100 <= 13 ? "th" : ["th", "st", "nd", "rd"][rank % 10] ?? "th";
  return `${rank}${ending}`;
}
