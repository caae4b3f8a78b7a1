/** The SQL view: runs a statement or a named query, and shows the answer as a table or a chart. */

import { chart } from "./chart.js";
import { TABLES } from "./dictionary.js";
import { copy, exact, h, replace, save, toast, told } from "./dom.js";
import { editor } from "./editor.js";
import { grid } from "./grid.js";
import { parameterFields } from "./parameters.js";
import { orgUrl } from "./state.js";

const FORMS = [
  ["CSV", "text/csv", "csv"], ["JSON", "application/json", "json"], ["JSON lines", "application/jsonl", "jsonl"],
  ["Parquet", "application/vnd.apache.parquet", "parquet"], ["Arrow", "application/vnd.apache.arrow.stream", "arrows"],
];
const FIRST = "SELECT license, count(*) AS models, sum(downloads) AS downloads\nFROM models\nGROUP BY license\nORDER BY models DESC, license";
const LONGEST_LINK = 32_000;

export function bench(root, app) {
  let running = null;
  let named = null; // the named query that the statement is, or was edited from
  let isEdited = true;
  let queries = [];
  let shownOrg = "";
  let shownFragment = "";

  const holder = h("div", { className: "editor" });
  const statement = editor(holder, { label: "SQL statement", onRun: run, onChange: changed });
  const fields = parameterFields(run);
  const go = h("button", { type: "button", className: "primary", textContent: "Run", onclick: run });
  const cancel = h("button", { type: "button", textContent: "Cancel", hidden: true, onclick: () => running?.abort() });
  const status = h("p", { className: "muted", role: "status" });
  const error = h("p", { className: "error", role: "alert", hidden: true });
  const notice = h("p", { className: "notice", role: "status", hidden: true });
  const reading = h("p", { className: "muted reading", hidden: true });
  const table = grid();
  const drawing = chart();
  const views = [["Table", table], ["Chart", drawing]];
  const tabs = h("div", { className: "tabs", role: "group", "aria-label": "Show the rows as", hidden: true }, views.map(([label, view]) =>
    h("button", { type: "button", "aria-pressed": String(view === table), textContent: label, onclick: () => turnTo(view) })));
  let shownView = table;
  let answer = null;
  drawing.element.hidden = table.element.hidden = true;
  const listed = h("nav", { className: "queries", "aria-label": "Named queries" });
  const reference = h("section", { className: "reference", "aria-labelledby": "reference-title" }, h("h2", { id: "reference-title", textContent: "Tables" }),
    TABLES.map(({ name, meaning, columns }) => h("details", {}, h("summary", { title: meaning }, h("code", { textContent: name })),
      h("p", { className: "muted", textContent: meaning }),
      h("ul", {}, columns.map((column) => h("li", {}, h("button", { type: "button", className: "link", title: `${column.meaning} Click to insert.`, onclick: () => statement.insert(column.name) },
        h("code", { textContent: column.name })), " ", h("span", { className: "muted", textContent: column.type.toLowerCase().replace("timestamp with time zone", "timestamptz") })))))));
  const form = h("select", { "aria-label": "Export as", onchange: () => {
    const chosen = FORMS.find(([, type]) => type === form.value);
    form.value = "";
    if (chosen) download(chosen);
  } }, h("option", { value: "", textContent: "Export…" }), FORMS.map(([label, type]) => h("option", { value: type, textContent: label })));
  root.append(h("aside", { className: "shelf" }, listed, reference), h("section", { className: "work", "aria-label": "SQL" },
    h("h1", { textContent: "SQL" }), reading, holder, fields.element,
    h("div", { className: "run" }, go, cancel, form,
      h("button", { type: "button", textContent: "Copy link", onclick: () => keep() && copy(location.href, "The link") }),
      h("span", { className: "muted", textContent: "Ctrl + Enter runs it" })),
    error, notice, h("div", { className: "heading" }, status, tabs), table.element, drawing.element));

  async function show() {
    const { org } = app.state();
    if (org === shownOrg) return void restore();
    shownOrg = org;
    running?.abort();
    if (!statement.value) statement.value = FIRST;
    try {
      const { body } = await app.ask(`${orgUrl(app.service, org)}/sql/queries`);
      queries = body.queries;
      error.hidden = true;
      go.disabled = form.disabled = false;
      replace(listed, h("h2", { textContent: "Named queries" }), queries.map((query) =>
        h("button", { type: "button", "data-name": query.name, "data-key": query.name, "aria-pressed": "false", textContent: query.question, onclick: () => take(query) })));
      restore();
    } catch (failure) {
      if (app.refused(failure)) return;
      shownOrg = "";
      queries = [];
      listed.replaceChildren();
      go.disabled = form.disabled = failure.status === 403;
      fail(failure);
    }
  }

  /** Put a named query into the editor. */
  function take(query) {
    statement.value = query.query;
    named = query;
    isEdited = false;
    fields.show(query.parameters.map(({ name }) => name), query.parameters, { afresh: true });
    reading.textContent = query.reading;
    press();
  }

  function changed() {
    isEdited = true;
    statement.mark();
    fields.show(statement.parameters(), named?.parameters);
    press();
  }

  function press() {
    reading.hidden = isEdited || !reading.textContent;
    for (const button of listed.querySelectorAll("button")) button.setAttribute("aria-pressed", String(!isEdited && button.dataset.name === named?.name));
  }

  /** Put the statement from the URL into the editor: `#sql=…` or `#query=name`, and `$parameter=value`. */
  function restore() {
    if (!location.hash || location.hash === shownFragment) return;
    shownFragment = location.hash;
    const given = new URLSearchParams(location.hash.slice(1));
    const query = queries.find(({ name }) => name === given.get("query"));
    if (query) take(query);
    else if (given.has("sql")) statement.value = given.get("sql");
    for (const input of fields.element.querySelectorAll("input")) input.value = given.get(`$${input.name}`) ?? input.value;
  }

  /** Write the statement to the URL behind `#`, which browsers do not send. Return whether it fits. */
  function keep() {
    const values = [...fields.element.querySelectorAll("input")].map(({ name, value }) => [`$${name}`, value]);
    const said = new URLSearchParams([isEdited ? ["sql", statement.value] : ["query", named.name], ...values]);
    const address = new URL(`#${said}`, location.href).href;
    const isShort = address.length <= LONGEST_LINK;
    if (isShort) {
      history.replaceState(history.state, "", address);
      shownFragment = location.hash;
    } else toast("The statement is too long for a link.");
    return isShort;
  }

  function asked() {
    const values = Object.entries(fields.values());
    if (isEdited) return { query: statement.value, parameters: Object.fromEntries(values) };
    return { name: named.name, parameters: Object.fromEntries(values.filter(([, value]) => value !== null)) };
  }

  async function ran(accept, use, options = {}) {
    running?.abort();
    const mine = (running = new AbortController());
    const began = performance.now();
    const ticking = setInterval(() => (status.textContent = `Running… ${((performance.now() - began) / 1000).toFixed(1)} s`), 200);
    cancel.hidden = false;
    error.hidden = true;
    statement.mark();
    try {
      const got = await app.ask(`${orgUrl(app.service, app.state().org)}/sql`, { json: asked(), accept, signal: mine.signal, ...options });
      if (mine === running) use(got, performance.now() - began);
    } catch (failure) {
      if (mine.signal.aborted) {
        if (mine === running) status.textContent = "Cancelled.";
      } else if (!app.refused(failure)) {
        status.textContent = "";
        fail(failure);
      }
    } finally {
      clearInterval(ticking);
      if (mine === running) cancel.hidden = true;
    }
  }

  function run() {
    if (go.disabled) return undefined;
    keep();
    return ran("application/json", ({ body }, milliseconds) => {
      answer = body;
      status.textContent = `${exact(body.rows.length)} ${body.rows.length === 1 ? "row" : "rows"} in ${exact(Math.round(milliseconds))} ms`;
      notice.hidden = !body.truncated;
      notice.textContent = `The answer was cut after ${exact(body.rows.length)} rows: the service sends no more rows or bytes than it is set to. Add a LIMIT or a filter.`;
      tabs.hidden = false;
      turnTo(shownView);
    });
  }

  function turnTo(view) {
    shownView = view;
    views.forEach(([, other], at) => {
      other.element.hidden = other !== view;
      tabs.children[at].setAttribute("aria-pressed", String(other === view));
    });
    return view.show(answer);
  }

  function fail(failure) {
    const place = (failure.places ?? []).find((loc) => loc[1] === "query" && loc.length === 4);
    const message = place ? failure.errors[0].replace(/^\d+: /, "") : told(failure);
    error.textContent = place && !/in line \d+/.test(message) ? `Line ${place[2]}, column ${place[3]}: ${message}` : message;
    error.hidden = false;
    if (place) statement.mark(message, Number(place[2]), Number(place[3]));
  }

  const download = ([label, type, ending]) => ran(type, ({ body, headers }, milliseconds) => {
    save(body, `result.${ending}`);
    const cut = headers.get("X-Sql-Truncated") === "true" ? ", cut at the service's limit" : "";
    status.textContent = `${exact(Number(headers.get("X-Sql-Rows")))} rows exported as ${label} in ${exact(Math.round(milliseconds))} ms${cut}`;
  }, { asBlob: true });

  return { show };
}
