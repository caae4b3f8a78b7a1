/** The browse view: the filters, what is active, the histograms and the models. It shows a state and asks for others. */

import { copy, date, exact, h, human, replace, save, text, time, toast, told } from "./dom.js";
import { plot } from "./plots.js";
import {
  FACETS, MEASURES, SORTS, Latest, ask, countsUrl, listed, modelsUrl, recordUrl, snapshotsUrl, valuesUrl, withBounds,
  withChoice, withChoices, withPage, withoutFilters, writeState,
} from "./state.js";

const FIRST_VALUES = 8;
const MORE_VALUES = 50;
const CSV_MODELS = 10_000;
const TYPING = 200;

/**
 * @param {HTMLElement} root where it is shown
 * @param {{service: string, token: () => string, state: () => object, go: (state: object, how?: string) => void,
 *          refused: (error: Error) => boolean}} app
 */
export function browse(root, app) {
  const counting = new Latest(0);
  const finding = new Map(FACETS.map(({ key }) => [key, new Latest(TYPING)]));
  const found = new Map(); // facet key -> the pages that somebody asked for
  const queries = new Map(); // facet key -> what somebody searches for in the facet
  let counted = null; // the last answer of countsUrl
  let models = [];
  let cursor = null;
  let snapshots = [];
  let typing = 0;
  let shownFor = "";

  const search = h("input", { type: "search", maxLength: 256, placeholder: "Search names and descriptions", autocomplete: "off",
    "aria-label": "Search names and descriptions", oninput: () => {
      clearTimeout(typing);
      typing = setTimeout(() => app.go({ ...app.state(), search: search.value }, "replace"), TYPING);
    } });
  const scope = h("input", { type: "checkbox", onchange: () => app.go({ ...app.state(), includePublic: scope.checked }) });
  const asOf = h("select", { "aria-label": "As of", onchange: () => app.go({ ...app.state(), asOf: asOf.value }) });
  const since = h("p", { className: "since muted" });
  const sort = h("select", { onchange: () => app.go({ ...app.state(), sort: sort.value }) },
    SORTS.map((one) => h("option", { value: one.sort, textContent: one.label })));
  const total = h("h1", { role: "status", className: "total" });
  const error = h("div", { className: "error", role: "alert", hidden: true });
  const chips = h("ul", { className: "chips", "aria-label": "Active filters" });
  const plots = h("div", { className: "plots" });
  const list = h("ol", { className: "models", "aria-label": "Models" });
  const empty = h("div", { className: "card none", hidden: true });
  const more = h("button", { type: "button", className: "wide", textContent: "Show more models", hidden: true, onclick: moreModels });
  const toggle = h("button", { type: "button", className: "filters-toggle", "aria-expanded": "false", "aria-controls": "filters",
    onclick: () => {
      const isOpen = root.classList.toggle("filtering");
      toggle.setAttribute("aria-expanded", String(isOpen));
    } }, "Filters");
  const facets = new Map(FACETS.map((facet) => [facet.key, section(facet)]));
  const sidebar = h("aside", { id: "filters", "aria-label": "Filters" },
    h("label", { className: "check scope" }, scope, "Public models of other orgs too"),
    [...facets.values()].map(({ element }) => element),
    h("label", { className: "field" }, h("span", { textContent: "As of" }), asOf), since);
  const overview = h("details", { className: "overview", open: matchMedia("(min-width: 56rem)").matches },
    h("summary", { textContent: "Distributions" }), plots);
  const menu = h("details", { className: "menu" },
    h("summary", { role: "button", textContent: "Export" }),
    h("div", {},
      h("button", { type: "button", textContent: "Models as CSV", onclick: (event) => closing(event, csvOfModels) }),
      h("button", { type: "button", textContent: "Facets as CSV", onclick: (event) => closing(event, csvOfFacets) }),
      h("button", { type: "button", textContent: "Copy as curl", onclick: (event) => closing(event, () => copy(curl(), "The curl command")) }),
      h("button", { type: "button", textContent: "Copy as Python", onclick: (event) => closing(event, () => copy(python(), "The Python code")) }),
      h("button", { type: "button", textContent: "Copy the link", onclick: (event) => closing(event, () => copy(location.href, "The link")) })));
  menu.addEventListener("keydown", (event) => event.key === "Escape" && ((menu.open = false), menu.firstChild.focus()));
  document.addEventListener("click", (event) => menu.open && !menu.contains(event.target) && (menu.open = false));

  root.append(sidebar, h("section", { className: "results", "aria-label": "Results" },
    h("div", { className: "searching", role: "search" }, search, toggle),
    error,
    h("div", { className: "heading" }, total, h("div", { className: "tools" },
      h("label", { className: "field inline" }, h("span", { textContent: "Sort" }), sort), menu)),
    chips, overview, list, empty, more));

  /** Show the state of the app: what is chosen at once, its numbers when they come. */
  async function show() {
    const state = app.state();
    const asked = writeState({ ...state, view: "", model: "" });
    if (document.activeElement !== search) search.value = state.search;
    scope.checked = state.includePublic;
    sort.value = state.sort;
    showChips(state);
    if (asked === shownFor) return;
    found.clear();
    root.setAttribute("aria-busy", "true");
    const run = async (signal) => {
      const options = { token: app.token(), signal, onWait: (seconds) => toast(`The service is busy; asking again in ${seconds} s.`) };
      return Promise.all([
        ask(countsUrl(app.service, state, FIRST_VALUES), options),
        ask(modelsUrl(app.service, state), options),
        ask(snapshotsUrl(app.service, state), options).catch(() => null),
      ]);
    };
    if (!counted) skeleton();
    try {
      const answers = await counting.run(run);
      if (!answers) return;
      shownFor = asked;
      counted = answers[0].body;
      ({ models, next_cursor: cursor } = answers[1].body);
      snapshots = answers[2]?.body.snapshots ?? [];
      error.hidden = true;
      for (const facet of FACETS) if (queries.get(facet.key)) find(facet, 0);
      showAll(state);
    } catch (failure) {
      if (app.refused(failure)) return;
      total.textContent = counted ? total.textContent : "";
      if (!counted) list.replaceChildren();
      error.hidden = false;
      error.replaceChildren(h("p", { textContent: told(failure) }),
        h("button", { type: "button", textContent: "Try again", onclick: () => ((shownFor = ""), show()) }));
    }
    root.removeAttribute("aria-busy");
  }

  function skeleton() {
    total.textContent = "Loading…";
    list.replaceChildren(...Array.from({ length: 5 }, () => h("li", { className: "skeleton", "aria-hidden": "true" })));
  }

  function showAll(state) {
    const { filtered_total: passing, total: all } = counted;
    replace(total, `${exact(passing)} `, h("span", { className: "muted", textContent: passing === all ? (all === 1 ? "model" : "models") : `of ${exact(all)} models` }));
    for (const facet of FACETS) showFacet(facet);
    replace(plots, MEASURES.filter(({ key }) => counted.stats[key]).map((measure) =>
      plot(measure, counted.stats[measure.key], state.bounds, (changed) => app.go(withBounds(app.state(), changed)))));
    showModels();
    showSnapshots(state);
  }

  function showSnapshots(state) {
    const current = snapshots.find((one) => one.is_current);
    const chosen = snapshots.find((one) => one.id === state.asOf);
    replace(asOf, h("option", { value: "", textContent: "Now" }),
      snapshots.filter((one) => !one.is_current).map((one) => h("option", { value: one.id, textContent: time(one.created_at) })),
      state.asOf && !chosen ? h("option", { value: state.asOf, textContent: state.asOf }) : []);
    asOf.value = state.asOf;
    const change = chosen && current ? current.models - chosen.models : 0;
    since.textContent = !state.asOf ? (current ? `Snapshot of ${time(current.created_at)}` : "")
      : !chosen || !current ? "An earlier snapshot"
      : `${exact(chosen.models)} models then, ${exact(current.models)} now (${change < 0 ? "−" : "+"}${exact(Math.abs(change))})`;
  }

  function section(facet) {
    const values = h("ul", { className: "values" });
    const foot = h("p", { className: "foot" });
    const badge = h("span", { className: "badge", hidden: true });
    const query = h("input", { type: "search", maxLength: 256, placeholder: `Find in ${facet.label.toLowerCase()}`, autocomplete: "off",
      "aria-label": `Find in ${facet.label.toLowerCase()}`, oninput: () => {
        queries.set(facet.key, query.value.trim());
        if (query.value.trim()) find(facet, 0);
        else {
          found.delete(facet.key);
          finding.get(facet.key).run(async () => {});
          showFacet(facet);
        }
      } });
    const match = facet.isList ? h("select", { className: "match", "aria-label": `${facet.label}: models must have`,
      onchange: () => app.go(withChoices(app.state(), facet.parameter, { match: match.value === facet.match ? "" : match.value })) },
      h("option", { value: "all", textContent: "all of these" }), h("option", { value: "any", textContent: "any of these" })) : null;
    const element = h("details", { className: "facet", id: `facet-${facet.key}`, open: true },
      h("summary", {}, h("h2", { textContent: facet.label }), badge),
      h("div", { className: "within" }, query, match), values, foot);
    return { element, values, foot, badge, query, match };
  }

  function showFacet(facet) {
    const state = app.state();
    const { values, foot, badge, query, match } = facets.get(facet.key);
    const { selected, excluded, missing, match: how } = state.choices[facet.parameter];
    const of = counted.facets[facet.key];
    const pages = found.get(facet.key);
    const rows = listed(state, facet, of, pages?.values);
    const chosen = selected.length + excluded.length + Number(missing);
    badge.textContent = String(chosen);
    badge.hidden = !chosen;
    badge.setAttribute("aria-label", `${chosen} active`);
    if (match) match.value = how || facet.match;
    const distinct = pages?.total ?? of.total_values;
    query.parentElement.hidden = of.total_values <= 5 && !query.value && !match;
    query.hidden = of.total_values <= 5 && !query.value;
    const most = Math.max(1, of.missing_count, ...rows.map(({ count }) => count));
    const items = rows.map((row) => value(facet, row, most));
    if (!queries.get(facet.key) && (of.missing_count || missing)) items.push(notSet(facet, of, missing, most));
    replace(values, items);
    const left = distinct - (pages?.values ?? of.values).length;
    replace(foot, !items.length ? h("span", { className: "muted", textContent: queries.get(facet.key) ? "No value matches." : "No values." }) : [],
      left > 0 ? h("button", { type: "button", className: "link", "data-key": `more-${facet.key}`,
        "aria-label": `Show more of ${facet.label.toLowerCase()}`,
        textContent: left > MORE_VALUES ? `Show ${MORE_VALUES} more of ${exact(left)}` : `Show ${exact(left)} more`, onclick: () => find(facet, pages?.values.length ?? 0) }) : []);
  }

  function value(facet, row, most) {
    const change = (choice) => app.go(withChoice(app.state(), facet.parameter, row.value, choice));
    const meter = h("span", { className: "meter", "aria-hidden": "true" });
    meter.style.width = `${(row.count / most) * 100}%`;
    return h("li", { className: row.excluded ? "excluded" : "" }, meter,
      h("label", { className: "check" },
        h("input", { type: "checkbox", checked: row.selected, "data-key": `select-${row.value}`, onchange: ({ target }) => change(target.checked ? "selected" : "") }),
        h("span", { className: "value", title: row.value }, text(row.value)), " ", h("span", { className: "count", textContent: exact(row.count) })),
      h("button", { type: "button", className: "exclude", "aria-pressed": String(row.excluded), "data-key": `exclude-${row.value}`,
        "aria-label": `Exclude ${row.value}`, title: row.excluded ? "Do not exclude" : "Exclude", textContent: "−",
        onclick: () => change(row.excluded ? "" : "excluded") }));
  }

  function notSet(facet, of, missing, most) {
    const meter = h("span", { className: "meter", "aria-hidden": "true" });
    meter.style.width = `${(of.missing_count / most) * 100}%`;
    return h("li", { className: "unset" }, meter, h("label", { className: "check" },
      h("input", { type: "checkbox", checked: missing, "data-key": "missing",
        onchange: ({ target }) => app.go(withChoices(app.state(), facet.parameter, { missing: target.checked })) }),
      h("span", { className: "value", textContent: "(not set)" }), " ", h("span", { className: "count", textContent: exact(of.missing_count) })));
  }

  async function find(facet, offset) {
    const state = app.state();
    const q = queries.get(facet.key) ?? "";
    try {
      const page = await finding.get(facet.key).run((signal) =>
        ask(valuesUrl(app.service, state, facet, { q, offset, limit: MORE_VALUES }), { token: app.token(), signal }));
      if (!page) return;
      const pages = withPage(found.get(facet.key), page.body, page.snapshot);
      if (!pages) return void find(facet, 0);
      found.set(facet.key, pages);
      showFacet(facet);
    } catch (failure) {
      if (!app.refused(failure)) toast(told(failure));
    }
  }

  function showChips(state) {
    const made = [];
    const chip = (label, value, next, isOut = false) => made.push(h("li", { className: isOut ? "chip out" : "chip" },
      h("span", {}, h("span", { className: "muted", textContent: `${label} ` }), text(value)),
      h("button", { type: "button", "aria-label": `Remove ${label} ${value}`, "data-key": `chip-${label}-${value}`, textContent: "×", onclick: () => app.go(next()) })));
    if (state.search.trim()) chip("Search", state.search.trim(), () => ((search.value = ""), { ...app.state(), search: "" }));
    for (const { parameter, label } of FACETS) {
      const { selected, excluded, missing } = state.choices[parameter];
      for (const value of selected) chip(label, value, () => withChoice(app.state(), parameter, value, ""));
      for (const value of excluded) chip(`Not ${label.toLowerCase()}`, value, () => withChoice(app.state(), parameter, value, ""), true);
      if (missing) chip(label, "(not set)", () => withChoices(app.state(), parameter, { missing: false }));
    }
    for (const { key, label, type, from, to } of MEASURES) {
      for (const [name, sign] of [[from, "≥"], [to, "≤"]]) {
        if (!name || !state.bounds[name]) continue;
        const bound = type === "date" ? state.bounds[name] : human(Number(state.bounds[name]), key);
        chip(`${label} ${type === "date" ? (sign === "≥" ? "from" : "before") : sign}`, bound, () => withBounds(app.state(), { [name]: "" }));
      }
    }
    toggle.textContent = made.length ? `Filters (${made.length})` : "Filters";
    if (made.length > 1) made.push(h("li", {}, h("button", { type: "button", className: "link", "data-key": "clear", textContent: "Clear all",
      onclick: () => ((search.value = ""), app.go(withoutFilters(app.state()))) })));
    chips.hidden = !made.length;
    replace(chips, made);
  }

  function showModels() {
    replace(list, models.map(row));
    empty.hidden = models.length > 0;
    overview.hidden = models.length === 0;
    more.hidden = !cursor;
    empty.replaceChildren(h("h2", { textContent: counted.total ? "Nothing matches" : "No models yet" }),
      h("p", { className: "muted", textContent: counted.total ? "No model passes all of these filters. Take one away, or begin again." : "This org has no models that you may see." }),
      counted.total ? h("button", { type: "button", className: "primary", textContent: "Clear all filters", onclick: () => ((search.value = ""), app.go(withoutFilters(app.state()))) }) : "");
  }

  function row(model) {
    const fact = (value) => (value ? h("span", { className: "fact" }, text(value)) : null);
    const figure = (label, value, measure, unit) => h("div", { title: value === null ? "" : exact(value) },
      h("dt", { textContent: label }), h("dd", { textContent: human(value, measure) + (value === null ? "" : unit) }));
    return h("li", { className: "model" },
      h("div", { className: "about" },
        h("p", { className: "name" }, h("button", { type: "button", className: "link", "data-key": `model-${model.id}`, onclick: () => app.go({ ...app.state(), model: model.id }) },
          h("span", { className: "owner" }, text(model.org), "/"), text(model.name)),
          model.is_public ? null : h("span", { className: "private", textContent: "Private" })),
        model.description ? h("p", { className: "description" }, text(model.description)) : null,
        h("p", { className: "facts" }, fact(model.license), fact(model.framework), (model.task_categories ?? []).slice(0, 2).map(fact),
          model.updated_at ? h("span", { className: "muted", textContent: `Updated ${date(model.updated_at)}` }) : null)),
      h("dl", { className: "figures" }, figure("Parameters", model.parameters, "", ""), figure("Size", model.size_bytes, "size_bytes", ""), figure("Downloads", model.downloads, "", "")));
  }

  async function moreModels() {
    more.disabled = true;
    const asked = shownFor;
    try {
      const { body } = await ask(modelsUrl(app.service, app.state(), { cursor }), { token: app.token() });
      if (asked !== shownFor) return;
      cursor = body.next_cursor;
      const rows = body.models.map(row);
      models.push(...body.models);
      list.append(...rows);
      more.hidden = !cursor;
      rows[0]?.querySelector("button").focus({ preventScroll: true });
    } catch (failure) {
      if (app.refused(failure)) return;
      if (failure.isGone) {
        toast("The catalogue has changed; here is its first page.");
        shownFor = "";
        show();
      } else toast(told(failure));
    } finally {
      more.disabled = false;
    }
  }

  /** Show the record of one model in a dialog, and where it stands among those that pass. */
  async function detail(dialog) {
    const state = app.state();
    if (!state.model) return void (dialog.open && dialog.close());
    const close = h("button", { type: "button", className: "quiet", "aria-label": "Close", textContent: "×", onclick: () => dialog.close() });
    dialog.onclose = () => app.state().model && app.go({ ...app.state(), model: "" });
    dialog.onclick = (event) => event.target === dialog && dialog.close();
    dialog.replaceChildren(h("header", {}, h("h2", { id: "detail-title", textContent: "Loading…" }), close));
    if (!dialog.open) dialog.showModal();
    try {
      const { body } = await ask(recordUrl(app.service, state, state.model), { token: app.token() });
      if (app.state().model !== state.model) return;
      dialog.replaceChildren(...record(body, close));
      close.focus();
    } catch (failure) {
      if (app.refused(failure)) return void dialog.close();
      dialog.querySelector("h2").textContent = failure.status === 404 ? "No such model" : "The model cannot be shown";
      dialog.append(h("p", { className: "error", role: "alert", textContent: told(failure) }));
    }
  }

  function record(model, close) {
    const term = (label, ...content) => h("div", {}, h("dt", { textContent: label }), h("dd", {}, ...content));
    const standing = (key) => {
      const stats = counted?.stats[key];
      if (model[key] === null || model[key] === undefined) return "not set";
      const place = stats?.count ? stats.quartiles.filter((quartile) => model[key] > quartile).length : -1;
      const among = ["lowest quarter", "second quarter", "third quarter", "highest quarter"][place];
      return [`${human(model[key], key)} `, h("span", { className: "muted", textContent: `${exact(model[key])}${among ? ` · ${among} of what is listed` : ""}` })];
    };
    const choices = (facet, values) => h("ul", { className: "chips" }, values.map((value) => {
      const count = counted?.facets[facet.key].values.find((one) => one.value === value)?.count;
      return h("li", {}, h("button", { type: "button", className: "chip", title: "Filter by this value",
        onclick: () => app.go({ ...withChoice(app.state(), facet.parameter, value, "selected"), model: "" }) },
        text(value), count === undefined ? null : h("span", { className: "count", textContent: exact(count) })));
    }));
    const of = { tags: model.tags, licenses: [model.license], task_categories: model.task_categories, frameworks: [model.framework], size_categories: [model.size_category] };
    return [
      h("header", {}, h("h2", { id: "detail-title" }, h("span", { className: "owner" }, text(model.org), "/"), text(model.name)), close),
      h("p", {}, h("span", { className: model.is_public ? "public" : "private", textContent: model.is_public ? "Public" : "Private" })),
      model.description ? h("p", { className: "full" }, text(model.description)) : "",
      h("dl", { className: "record" },
        MEASURES.filter(({ type }) => type === "number").map(({ key, label }) => term(label, ...[standing(key)].flat())),
        FACETS.map((facet) => {
          const values = (of[facet.key] ?? []).filter((value) => value !== null);
          return term(facet.label, values.length ? choices(facet, values) : h("span", { className: "muted", textContent: "not set" }));
        }),
        term("Created", date(model.created_at)), term("Updated", date(model.updated_at)),
        term("Id", h("code", {}, text(model.id)))),
    ];
  }

  function closing(event, action) {
    menu.open = false;
    menu.firstChild.focus();
    return action(event);
  }

  async function csvOfFacets() {
    await download(async () => {
      const { body } = await ask(countsUrl(app.service, app.state(), 1000), { token: app.token(), accept: "text/csv" });
      save(body, `${app.state().org}-facets.csv`);
    });
  }

  async function csvOfModels() {
    await download(async () => {
      const parts = [];
      let next = "";
      for (let rows = 0; rows < CSV_MODELS; rows += 200) {
        toast(rows ? `${exact(rows)} models so far…` : "Preparing the CSV…");
        const url = modelsUrl(app.service, app.state(), { cursor: next, limit: 200 }).replace(/&fields=[^&]*/, "");
        const { body, headers } = await ask(url, { token: app.token(), accept: "text/csv" });
        const csv = await body.text();
        parts.push(parts.length ? csv.slice(csv.indexOf("\n") + 1) : csv);
        next = headers.get("X-Next-Cursor") ?? "";
        if (!next) break;
      }
      save(new Blob(parts, { type: "text/csv" }), `${app.state().org}-models.csv`);
      toast(next ? `The CSV holds the first ${exact(CSV_MODELS)} models. Narrow the filters for the rest.` : "The CSV is complete.");
    });
  }

  async function download(action) {
    try {
      await action();
    } catch (failure) {
      if (!app.refused(failure)) toast(told(failure));
    }
  }

  const curl = () => `curl -H "Authorization: Bearer $FACETS_TOKEN" '${modelsUrl(app.service, app.state()).replaceAll("'", "%27")}'`;
  const python = () => [
    "import json, os, urllib.request", "",
    "request = urllib.request.Request(", `    ${JSON.stringify(modelsUrl(app.service, app.state()))},`,
    '    headers={"Authorization": f"Bearer {os.environ[\'FACETS_TOKEN\']}"},', ")",
    "with urllib.request.urlopen(request) as answer:", '    print(json.load(answer)["models"])', ""].join("\n");

  return { show, detail, reset: () => ((shownFor = ""), (counted = null)) };
}
