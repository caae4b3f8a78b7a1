/** The SQL view: an editor, the named queries with their parameters, and a table of what comes back. */

import { copy, exact, h, replace, save, toast, told } from "./dom.js";
import { ask, orgUrl } from "./state.js";

const ROWS_SHOWN = 500;
const FORMS = [
  ["CSV", "text/csv", "csv"], ["JSON lines", "application/jsonl", "jsonl"],
  ["Parquet", "application/vnd.apache.parquet", "parquet"], ["Arrow", "application/vnd.apache.arrow.stream", "arrows"],
];
const FIRST = "SELECT license, count(*) AS models, sum(downloads) AS downloads\nFROM models\nGROUP BY license\nORDER BY models DESC, license";
const WORDS = new Set(("select from where group by order having limit offset as and or not in is null like ilike between case when then else end "
  + "join left right inner outer full cross on using with union all distinct desc asc nulls first last over partition filter true false cast "
  + "exists qualify values intersect except unnest interval").split(" "));
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?\*\/)|('(?:[^']|'')*'?)|(\$\w+)|(\b\d+(?:\.\d+)?\b)|(\b[A-Za-z_]\w*\b)/g;

export function bench(root, app) {
  let running = null;
  let named = null; // the query of the cookbook that is shown as it is
  let answer = null; // columns and rows
  let sorted = { column: -1, down: false };
  let shownOrg = "";

  const area = h("textarea", { spellcheck: false, autocapitalize: "off", autocomplete: "off", "aria-label": "SQL statement", "aria-describedby": "bench-keys",
    oninput: () => ((named = null), (fields.hidden = true), colour()), onscroll: () => (behind.scrollTop = area.scrollTop),
    onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        run();
      }
    } });
  const behind = h("pre", { "aria-hidden": "true" });
  const fields = h("div", { className: "parameters", hidden: true });
  const go = h("button", { type: "button", className: "primary", textContent: "Run", onclick: run });
  const cancel = h("button", { type: "button", textContent: "Cancel", hidden: true, onclick: () => running?.abort() });
  const status = h("p", { className: "muted", role: "status" });
  const error = h("p", { className: "error", role: "alert", hidden: true });
  const notice = h("p", { className: "notice", hidden: true });
  const table = h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Rows", hidden: true });
  const queries = h("nav", { className: "queries", "aria-label": "Named queries" });
  const form = h("select", { "aria-label": "Export as", onchange: () => {
    const chosen = FORMS.find(([, type]) => type === form.value);
    form.value = "";
    if (chosen) download(chosen);
  } }, h("option", { value: "", textContent: "Export…" }), FORMS.map(([label, type]) => h("option", { value: type, textContent: label })));
  root.append(queries, h("section", { className: "work", "aria-label": "SQL" },
    h("h1", { textContent: "SQL" }),
    h("div", { className: "editor" }, behind, area), fields,
    h("div", { className: "run" }, go, cancel, form,
      h("button", { type: "button", textContent: "Copy link", onclick: link }),
      h("span", { id: "bench-keys", className: "muted", textContent: "Ctrl + Enter runs it" })),
    error, notice, status, table));
  const linked = new URLSearchParams(location.hash.slice(1)).get("sql");
  area.value = linked ?? FIRST;
  colour();

  async function show() {
    const { org } = app.state();
    if (org === shownOrg) return;
    shownOrg = org;
    running?.abort();
    try {
      const { body } = await ask(`${orgUrl(app.service, org)}/sql/queries`, { token: app.token() });
      error.hidden = true;
      replace(queries, h("h2", { textContent: "Named queries" }), body.queries.map((query) => h("button", { type: "button", "aria-pressed": "false",
        title: query.reading, textContent: query.question, onclick: ({ target }) => take(query, target) })));
      go.disabled = form.disabled = false;
    } catch (failure) {
      if (app.refused(failure)) return;
      shownOrg = "";
      queries.replaceChildren();
      go.disabled = form.disabled = failure.status === 403;
      fail(failure);
    }
  }

  function take(query, button) {
    named = query;
    area.value = query.query.trim();
    for (const other of queries.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    fields.hidden = !query.parameters.length;
    fields.replaceChildren(...query.parameters.map(({ name, type, meaning, required, default: standard }) => h("label", { className: "field" },
      h("span", { textContent: `${name} (${type})` }),
      h("input", { name, required, title: meaning, value: standard === null || standard === undefined ? "" : typeof standard === "string" ? standard : JSON.stringify(standard) }))));
    colour();
  }

  function asked() {
    if (!named) return { query: area.value };
    const parameters = {};
    for (const { name, value } of fields.querySelectorAll("input")) {
      const { type } = named.parameters.find((one) => one.name === name);
      if (value !== "") parameters[name] = /text|varchar|string|date|time/i.test(type) && !/list|\[\]/i.test(type) ? value : parsed(value);
    }
    return { name: named.name, parameters };
  }

  async function ran(accept, use) {
    running?.abort();
    const mine = (running = new AbortController());
    const began = performance.now();
    const ticking = setInterval(() => (status.textContent = `Running… ${((performance.now() - began) / 1000).toFixed(1)} s`), 100);
    cancel.hidden = false;
    error.hidden = true;
    try {
      const got = await ask(`${orgUrl(app.service, app.state().org)}/sql`, { token: app.token(), json: asked(), accept, signal: mine.signal });
      if (mine === running) use(got, performance.now() - began);
    } catch (failure) {
      if (mine.signal.aborted) status.textContent = "Cancelled.";
      else if (!app.refused(failure)) {
        status.textContent = "";
        fail(failure);
      }
    } finally {
      clearInterval(ticking);
      if (mine === running) cancel.hidden = true;
    }
  }

  function run() {
    colour();
    return ran("application/json", ({ body }, milliseconds) => {
      answer = body;
      sorted = { column: -1, down: false };
      status.textContent = `${exact(body.rows.length)} ${body.rows.length === 1 ? "row" : "rows"} in ${Math.round(milliseconds)} ms`;
      notice.hidden = !body.truncated;
      notice.textContent = "The answer was cut: the service sends no more rows or bytes than it is set to. Add a LIMIT or a filter.";
      draw();
    });
  }

  function draw() {
    const { columns, rows } = answer;
    const { column, down } = sorted;
    const order = column < 0 ? rows : rows.toSorted((a, b) => compared(a[column], b[column]) * (down ? -1 : 1));
    table.hidden = false;
    const isNumber = columns.map(({ type }) => /INT|DOUBLE|FLOAT|DECIMAL|REAL/.test(type) && !type.includes("["));
    replace(table, h("table", {},
      h("thead", {}, h("tr", {}, columns.map(({ name, type }, at) => h("th", { scope: "col", className: isNumber[at] ? "number" : "",
        "aria-sort": at === column ? (down ? "descending" : "ascending") : "none" },
        h("button", { type: "button", title: type, "data-key": `sort-${at}`, onclick: () => {
          sorted = { column: at, down: column === at && !down };
          draw();
        } }, name, at === column ? (down ? " ↓" : " ↑") : ""))))),
      h("tbody", {}, order.slice(0, ROWS_SHOWN).map((row) => h("tr", {}, row.map((cell, at) => h("td", { className: isNumber[at] ? "number" : "" },
        cell === null ? h("span", { className: "muted", textContent: "null" }) : h("bdi", { textContent: written(cell) }))))))));
    if (rows.length > ROWS_SHOWN) table.append(h("p", { className: "foot muted", textContent: `The first ${exact(ROWS_SHOWN)} rows are shown; an export has all of them.` }));
  }

  function fail(failure) {
    const place = (failure.places ?? []).find((loc) => loc[1] === "query" && loc.length === 4);
    const message = place ? failure.errors[0].replace(/^\d+: /, "") : told(failure);
    error.textContent = place && !/in line \d+/.test(message) ? `Line ${place[2]}, column ${place[3]}: ${message}` : message;
    error.hidden = false;
    if (place) colour(place[2] - 1, place[3] - 1);
  }

  const download = ([, type, ending]) => ran(type, ({ body, headers }, milliseconds) => {
    save(body, `result.${ending}`);
    const cut = headers.get("X-Sql-Truncated") === "true" ? ", cut at the service's limit" : "";
    status.textContent = `${exact(Number(headers.get("X-Sql-Rows")))} rows exported in ${Math.round(milliseconds)} ms${cut}`;
  });

  function link() {
    const address = new URL(location.href);
    address.hash = String(new URLSearchParams({ sql: area.value }));
    if (address.href.length > 32_000) return toast("The statement is too long for a link.");
    return copy(address.href, "The link");
  }

  /** Colour the statement behind the text area; a word at line and column, from 0, is marked as wrong. */
  function colour(line = -1, column = -1) {
    const sql = area.value;
    const wrong = line < 0 ? -1 : sql.split("\n").slice(0, line).reduce((sum, one) => sum + one.length + 1, column);
    const parts = [];
    let last = 0;
    for (const found of sql.matchAll(TOKEN)) {
      const [token, comment, string, parameter, digits, word] = found;
      let kind = comment ? "comment" : string ? "string" : parameter ? "parameter" : digits ? "digits" : word && WORDS.has(word.toLowerCase()) ? "keyword" : "";
      if (wrong >= found.index && wrong < found.index + token.length) kind += " wrong";
      parts.push(sql.slice(last, found.index), kind ? h("span", { className: kind, textContent: token }) : token);
      last = found.index + token.length;
    }
    behind.replaceChildren(...parts, `${sql.slice(last)}\n`);
  }

  return { show };
}

function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const written = (cell) => (typeof cell === "object" ? JSON.stringify(cell) : String(cell));

function compared(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "number" && typeof b === "number" ? a - b : written(a) < written(b) ? -1 : Number(written(a) > written(b));
}
