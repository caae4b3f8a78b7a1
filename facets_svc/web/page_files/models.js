/** The models that pass, page by page. */

import { date, exact, h, human, replace, text, toast } from "./dom.js";
import { modelsUrl, withoutFilters } from "./state.js";

const LOADING_ROWS = 5;

/** Return the list, `show(answer, total)` for its first page, `wait()` until that arrives, and `clear()`. */
export function modelList(app, { onGone }) {
  const list = h("ol", { className: "models", "aria-label": "Models" });
  const empty = h("div", { className: "card none", hidden: true });
  const more = h("button", { type: "button", className: "wide", textContent: "Show more models", hidden: true, onclick: next });
  let cursor = null;
  let shown = null; // the answer with the first page

  function row(model) {
    const fact = (value) => (value ? h("span", { className: "fact" }, text(value)) : null);
    const figure = (label, value, measure) => h("div", { title: value === null ? "" : exact(value) }, h("dt", { textContent: label }), h("dd", { textContent: human(value, measure) }));
    return h("li", { className: "model" },
      h("div", { className: "about" },
        h("p", { className: "name" },
          h("button", { type: "button", className: "link", "data-key": `model-${model.id}`, onclick: () => app.go({ ...app.state(), model: model.id }) },
            h("span", { className: "owner" }, text(model.org), "/"), text(model.name)),
          model.is_public ? null : h("span", { className: "private", textContent: "Private" })),
        model.description ? h("p", { className: "description" }, text(model.description)) : null,
        h("p", { className: "facts" }, fact(model.license), fact(model.framework), (model.task_categories ?? []).slice(0, 2).map(fact),
          model.updated_at ? h("span", { className: "muted", textContent: `Updated ${date(model.updated_at)}` }) : null)),
      h("dl", { className: "figures" }, figure("Parameters", model.parameters, ""), figure("Size", model.size_bytes, "size_bytes"), figure("Downloads", model.downloads, "")));
  }

  async function next() {
    more.disabled = true;
    const begun = shown;
    await app.attempt(async () => {
      const { body } = await app.ask(modelsUrl(app.service, app.state(), { cursor }));
      if (begun !== shown) return;
      cursor = body.next_cursor;
      const rows = body.models.map(row);
      list.append(...rows);
      more.hidden = !cursor;
      rows[0]?.querySelector("button").focus({ preventScroll: true });
    }, (failure) => {
      if (!failure.isGone) return false;
      toast("The catalogue has changed; here is its first page.");
      onGone();
      return true;
    });
    more.disabled = false;
  }

  function nothing(total) {
    return total
      ? [h("h2", { textContent: "Nothing matches" }), h("p", { className: "muted", textContent: "No model passes all of these filters. Take one away, or begin again." }),
        h("button", { type: "button", className: "primary", textContent: "Clear all filters", onclick: () => app.go(withoutFilters(app.state())) })]
      : [h("h2", { textContent: "No models yet" }), h("p", { className: "muted", textContent: "This org has no models that you may see. Public models of other orgs can be added on the left." })];
  }

  return {
    elements: [list, empty, more],
    show(answer) {
      shown = answer;
      cursor = answer.next_cursor;
      replace(list, answer.models.map(row));
      more.hidden = !cursor;
      empty.hidden = answer.models.length > 0;
      empty.replaceChildren(...(answer.models.length ? [] : nothing(answer.total)));
    },
    wait() {
      list.replaceChildren(...Array.from({ length: LOADING_ROWS }, () => h("li", { className: "skeleton", "aria-hidden": "true" })));
    },
    clear: () => list.replaceChildren(),
  };
}
