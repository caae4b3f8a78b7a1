/** The day to show the catalogue of, and the changes since. */

import { exact, h, replace, text, time } from "./dom.js";
import { FACETS, countsUrl, snapshotsUrl } from "./state.js";

const COMPARED_VALUES = 1000;
const MOST_CHANGES = 8;

/** Return the field for the day, the bar that is shown for an earlier one, and `show()`. */
export function snapshots(app) {
  const day = h("input", { type: "date", onchange: () => (day.value || !app.state().asOf ? day.checkValidity() && app.go({ ...app.state(), asOf: day.value }) : back()) });
  const field = h("label", { className: "field inline" }, h("span", { textContent: "As of" }), day);
  const summary = h("p", { role: "status" });
  const changed = h("div", { className: "changed" });
  const details = h("details", { className: "since", ontoggle: () => details.open && compare() },
    h("summary", { textContent: "What changed since" }), changed);
  const bar = h("section", { className: "card earlier", "aria-label": "An earlier day", hidden: true }, h("div", { className: "heading" }, summary,
    h("button", { type: "button", textContent: "Back to now", onclick: back })), details);
  let listed = [];
  let listedFor = "";
  let comparedFor = "";

  function back() {
    app.go({ ...app.state(), asOf: "" });
    day.focus();
  }

  /** Show the state and the snapshot that answered it; request the list of days again if it may have changed. */
  async function show(snapshotId) {
    const state = app.state();
    const asked = `${state.org} ${state.includePublic} ${state.asOf ? "" : snapshotId}`;
    if (asked !== listedFor) {
      const answer = await app.ask(snapshotsUrl(app.service, state)).catch(() => null);
      if (answer) [listed, listedFor] = [answer.body.snapshots, asked];
    }
    draw(app.state(), snapshotId);
  }

  function draw(state, snapshotId) {
    const days = listed.map(({ created_at: created }) => created.slice(0, 10));
    day.min = days.at(-1) ?? "";
    day.max = days[0] ?? "";
    day.value = /^\d{4}-\d{2}-\d{2}/.exec(state.asOf)?.[0] ?? "";
    const shown = listed.find(({ id }) => id === snapshotId);
    const current = listed.find(({ is_current: isCurrent }) => isCurrent);
    const isEarlier = Boolean(state.asOf);
    bar.hidden = !isEarlier;
    field.title = current ? `The catalogue of ${time(current.created_at)}` : "";
    if (!isEarlier) details.open = false;
    if (!isEarlier || !shown || !current) return;
    const change = current.models - shown.models;
    summary.textContent = shown === current ? `This is the catalogue of now, of ${time(current.created_at)}.`
      : `The catalogue of ${time(shown.created_at)}: ${exact(shown.models)} models then, ${exact(current.models)} now (${signed(change)}).`;
    details.hidden = shown === current;
    if (details.open) compare();
  }

  /** Compare the counts of that day with those of now, under the same filters. */
  async function compare() {
    const state = app.state();
    const key = countsUrl(app.service, state, COMPARED_VALUES);
    if (key === comparedFor) return;
    comparedFor = key;
    changed.replaceChildren(h("p", { className: "muted", textContent: "Comparing…" }));
    await app.attempt(async () => {
      const [then, now] = await Promise.all([state, { ...state, asOf: "" }].map((one) => app.ask(countsUrl(app.service, one, COMPARED_VALUES))));
      if (key === countsUrl(app.service, app.state(), COMPARED_VALUES)) drawChanges(then.body, now.body, state, then.snapshot);
    }, () => ((comparedFor = ""), changed.replaceChildren(), false));
  }

  function drawChanges(then, now, state, snapshotId) {
    const rows = FACETS.flatMap((facet) => moved(then.facets[facet.key], now.facets[facet.key]).slice(0, MOST_CHANGES).map((one) => ({ facet, ...one })));
    const cells = (row) => [h("td", { textContent: row.facet.label }), h("td", {}, text(row.value)),
      ...[exact(row.then), exact(row.now), signed(row.now - row.then)].map((textContent) => h("td", { className: "number", textContent }))];
    const query = new URLSearchParams({ query: "changed-models", $since: snapshotId, ...(state.includePublic ? {} : { $org: state.org }) });
    replace(changed,
      h("p", { textContent: `Models that pass the filters: ${exact(then.filtered_total)} then, ${exact(now.filtered_total)} now (${signed(now.filtered_total - then.filtered_total)}).` }),
      rows.length ? h("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Values that changed" }, h("table", {},
        h("thead", {}, h("tr", {}, ["Facet", "Value", "Then", "Now", "Change"].map((textContent, at) => h("th", { scope: "col", className: at > 1 ? "number" : "", textContent })))),
        h("tbody", {}, rows.map((row) => h("tr", {}, cells(row)))))) : h("p", { className: "muted", textContent: "No value has another count." }),
      h("p", { className: "muted", textContent: "Of then, only models are counted that you may see now." }),
      h("p", {}, h("button", { type: "button", className: "link", "data-key": "changed-models", textContent: "List the models that changed, in SQL", onclick: () => app.openSql(query) })));
  }

  return { field, bar, show };
}

/** Return the values whose counts differ, greatest difference first; of truncated lists, only values in both. */
export function moved(then, now) {
  const counts = (facet) => new Map(facet.values.map(({ value, count }) => [value, count]));
  const [before, after] = [counts(then), counts(now)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((value) => (before.has(value) || !then.truncated) && (after.has(value) || !now.truncated))
    .map((value) => ({ value, then: before.get(value) ?? 0, now: after.get(value) ?? 0 }))
    .filter((one) => one.then !== one.now)
    .sort((a, b) => Math.abs(b.now - b.then) - Math.abs(a.now - a.then) || (a.value < b.value ? -1 : 1));
}

const signed = (number) => (number === 0 ? "±0" : `${number < 0 ? "−" : "+"}${exact(Math.abs(number))}`);
