/** Exports of the view: its models and facets as CSV, and the view as curl, Python, SQL or a link. */

import { copy, exact, h, save, toast } from "./dom.js";
import { statement } from "./statement.js";
import { countsUrl, modelsUrl } from "./state.js";

const CSV_MODELS = 10_000;
const CSV_VALUES = 1000;
const PAGE_MODELS = 200;

/** Return the menu. */
export function exportMenu(app) {
  const actions = [
    ["Models as CSV", csvOfModels], ["Facets as CSV", csvOfFacets],
    ["Copy as curl", () => copy(curl(modelsUrl(app.service, app.state())), "The curl command")],
    ["Copy as Python", () => copy(python(modelsUrl(app.service, app.state())), "The Python code")],
    ["Copy as SQL", () => copy(statement(app.state()), "The statement")],
    ["Copy the link", () => copy(location.href, "The link")],
    ["Open in SQL", () => app.openSql(new URLSearchParams({ sql: statement(app.state()) }))],
  ];
  const summary = h("summary", { role: "button", textContent: "Export" });
  const act = (action) => {
    menu.open = false;
    summary.focus();
    return action();
  };
  const menu = h("details", { className: "menu" }, summary,
    h("div", {}, actions.map(([label, action]) => h("button", { type: "button", textContent: label, onclick: () => act(action) }))));
  menu.addEventListener("keydown", (event) => event.key === "Escape" && ((menu.open = false), summary.focus()));
  document.addEventListener("click", (event) => menu.open && !menu.contains(event.target) && (menu.open = false));

  async function csvOfFacets() {
    await app.attempt(async () => {
      const { body } = await app.ask(countsUrl(app.service, app.state(), CSV_VALUES), { accept: "text/csv" });
      save(body, `${app.state().org}-facets.csv`);
    });
  }

  async function csvOfModels() {
    await app.attempt(async () => {
      const state = app.state();
      const parts = [];
      let next = "";
      for (let rows = 0; rows < CSV_MODELS; rows += PAGE_MODELS) {
        toast(rows ? `${exact(rows)} models so far…` : "Preparing the CSV…");
        const url = modelsUrl(app.service, state, { cursor: next, limit: PAGE_MODELS, fields: [] });
        const { body, headers } = await app.ask(url, { accept: "text/csv" });
        const csv = await body.text();
        parts.push(parts.length ? csv.slice(csv.indexOf("\n") + 1) : csv);
        next = headers.get("X-Next-Cursor") ?? "";
        if (!next) break;
      }
      save(new Blob(parts, { type: "text/csv" }), `${state.org}-models.csv`);
      toast(next ? `The CSV holds the first ${exact(CSV_MODELS)} models. Narrow the filters for the rest.` : "The CSV is complete.");
    });
  }

  return menu;
}

const curl = (url) => `curl -H "Authorization: Bearer $FACETS_TOKEN" '${url.replaceAll("'", "%27")}'`;
const python = (url) => [
  "import json, os, urllib.request", "",
  "request = urllib.request.Request(", `    ${JSON.stringify(url)},`,
  '    headers={"Authorization": f"Bearer {os.environ[\'FACETS_TOKEN\']}"},', ")",
  "with urllib.request.urlopen(request) as answer:", '    print(json.load(answer)["models"])', ""].join("\n");
