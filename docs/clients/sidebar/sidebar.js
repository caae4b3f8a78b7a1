/** The page: shows what `facets.js` knows, and tells it what the user does. */

import {
  FACETS, Latest, MEASURES, Refused, SORTS, ask, boundsOfBar, countsUrl, listed, modelsUrl, readState, valuesUrl,
  withBounds, withChoice, withChoices, withPage, withoutFilters, writeState,
} from "./facets.js";

const LISTED = 10;
const PAGE = 50;
const PATIENCE_MILLISECONDS = 200;

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const number = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact" });

let state = readState(location.search);
let answer = null; // the last answer with counts; it stays in sight until the next one is there
let models = []; // those in sight, and the cursor that leads to more
let cursor = null;
const counting = new Latest(PATIENCE_MILLISECONDS);
const searched = Object.fromEntries(
  FACETS.map(({ key }) => [key, { q: "", found: null, asking: new Latest(PATIENCE_MILLISECONDS) }]),
);

// --- What the user does ---

/** Take up another state. Each is a step that the back button takes back; letters typed after each other are one. */
function go(next, { typing = false } = {}) {
  const isNew = writeState(next) !== writeState(state);
  state = next;
  if (!isNew) return;
  if (typing && history.state?.typing) history.replaceState({ typing }, "", `?${writeState(state)}`);
  else history.pushState({ typing }, "", `?${writeState(state)}`);
  refresh();
}

addEventListener("popstate", () => {
  const field = document.activeElement;
  if (field && "defaultValue" in field) field.value = field.defaultValue; // what is half written goes with the step
  state = readState(location.search);
  refresh();
});

page.connection.addEventListener("submit", (event) => {
  event.preventDefault();
  const { service, org, token } = page.connection.elements;
  // The token goes to the service that was typed beside it, and is forgotten with the tab; it is never in an address.
  sessionStorage.setItem("service", service.value);
  sessionStorage.setItem("token", token.value);
  if (org.value === state.org) return refresh();
  answer = null;
  page.sidebar.hidden = page.actions.hidden = true;
  page.total.textContent = "";
  go({ ...readState(""), org: org.value });
});

page.search.addEventListener("submit", (event) => event.preventDefault());
page.search.addEventListener("input", (event) => {
  const { search, include_public: includePublic } = page.search.elements;
  go({ ...state, search: search.value, includePublic: includePublic.checked }, { typing: event.target === search });
});

page.sort.append(...SORTS.map(({ sort, label }) => make("option", { value: sort }, label)));
page.sort.addEventListener("change", () => go({ ...state, sort: page.sort.value }));
page["more-models"].addEventListener("click", showMore);

page.clear.addEventListener("click", () => go(withoutFilters(state)));

page.csv.addEventListener("click", () =>
  attempt(async () => {
    const { body } = await ask(countsUrl(service(), state, LISTED), { token: token(), accept: "text/csv", onWait });
    const href = URL.createObjectURL(new Blob([body], { type: "text/csv" }));
    const link = make("a", { href, download: "facets.csv" });
    link.click();
    URL.revokeObjectURL(href);
  }),
);

// --- Asking ---

const service = () => sessionStorage.getItem("service");
const token = () => sessionStorage.getItem("token");
const onWait = (seconds) => showError(`The service has no time; it is asked again in ${seconds} s.`);

async function refresh() {
  fill();
  if (!state.org || !token()) return;
  page.sidebar.ariaBusy = "true";
  for (const facet of FACETS) forget(facet);
  await attempt(async () => {
    const next = await counting.run(askForBoth);
    if (next === undefined) return;
    const [counted, first] = next;
    answer = counted.body;
    models = first.body.models;
    cursor = first.body.next_cursor;
    page.sidebar.ariaBusy = "false";
    show();
  });
}

/** Ask for the counts and the first models; again, if the catalogue has changed between the two. */
async function askForBoth(signal) {
  const urls = [countsUrl(service(), state, LISTED), modelsUrl(service(), state)];
  for (;;) {
    const both = await Promise.all(urls.map((url) => ask(url, { token: token(), signal, onWait })));
    if (both[0].snapshot === both[1].snapshot) return both;
  }
}

async function showMore() {
  await attempt(async () => {
    const url = modelsUrl(service(), state, { cursor });
    const next = await counting.run((signal) => ask(url, { token: token(), signal, onWait }));
    if (next === undefined) return;
    models = [...models, ...next.body.models];
    cursor = next.body.next_cursor;
    show();
  });
}

/** Ask for the first page of a facet's values that hold what is searched for, or for the page after those in sight. */
async function look(facet, { more }) {
  const { q, found, asking } = searched[facet.key];
  const offset = more ? (found?.values.length ?? 0) : 0;
  await attempt(async () => {
    const url = valuesUrl(service(), state, facet, { q, offset, limit: PAGE });
    const next = await asking.run((signal) => ask(url, { token: token(), signal, onWait }));
    if (next === undefined) return;
    searched[facet.key].found = withPage(found, next.body, next.snapshot);
    if (!searched[facet.key].found) return refresh();
    show();
  });
}

function forget(facet) {
  searched[facet.key].found = null;
  if (searched[facet.key].q) look(facet, { more: false });
}

async function attempt(asked) {
  try {
    page.error.hidden = true;
    await asked();
    page.error.hidden = true;
  } catch (error) {
    page.sidebar.ariaBusy = "false";
    if (error instanceof Refused && error.isGone) return refresh(); // the catalogue has changed: from the beginning
    if (error instanceof Refused) {
      const retry = error.retryAfterSeconds ? `Try again in ${error.retryAfterSeconds} s.` : "";
      showError([error.message, ...error.errors, retry, `(request ${error.requestId})`].filter(Boolean).join("\n"));
    } else if (error instanceof TypeError) {
      showError(`The service cannot be reached, or its FACETS_CORS_ORIGINS does not have ${location.origin}.`);
    } else throw error;
  }
}

// --- Showing ---

function showError(text) {
  page.error.textContent = text;
  page.error.hidden = false;
}

/** Put the state into the fields that are there from the beginning. */
function fill() {
  const { search, include_public: includePublic } = page.search.elements;
  if (search.value !== state.search) search.value = state.search;
  includePublic.checked = state.includePublic;
  page.sort.value = state.sort;
  const { service: address, org } = page.connection.elements;
  address.value = service() ?? address.value;
  org.value = state.org || org.value;
}

function show() {
  if (!answer) return;
  const before = document.activeElement;
  page.total.textContent = `${number.format(answer.filtered_total)} of ${number.format(answer.total)} models`;
  page.sidebar.hidden = page.actions.hidden = false;
  page.models.replaceChildren(...models.map(showModel));
  page["more-models"].hidden = cursor === null;
  page.facets.replaceChildren(...FACETS.map(showFacet));
  page.measures.replaceChildren(...MEASURES.map(showMeasure));
  restore(before);
}

/** Give an element that was made anew the focus back, and what is half written in it: nobody loses their place. */
function restore(before) {
  const after = before?.id && !before.isConnected ? document.getElementById(before.id) : null;
  if (!after) return;
  after.focus();
  if (before.value !== before.defaultValue && before.type !== "checkbox") after.value = before.value;
  if (before.type === "search") after.setSelectionRange(before.selectionStart, before.selectionEnd);
}

function showModel({ org, name, license, framework, parameters, downloads, created_at: createdAt }) {
  const known = [
    license, framework, parameters && `${short.format(parameters)} parameters`,
    downloads && `${short.format(downloads)} downloads`, createdAt && `of ${createdAt.slice(0, 10)}`,
  ];
  return make("li", {}, make("span", { className: "value" }, `${org}/${name}`), " ",
    make("span", { className: "note" }, known.filter(Boolean).join(", ")));
}

function showFacet(facet) {
  const { key, parameter, label } = facet;
  const counted = answer.facets[key];
  const { missing, match } = state.choices[parameter];
  const { q, found } = searched[key];
  const rows = listed(state, facet, counted, found?.values);
  const shown = found?.values.length ?? counted.values.filter((value) => value.count > 0).length;
  const left = (found?.total ?? counted.total_values) - shown;

  const search = make("input", {
    id: `q-${key}`, type: "search", defaultValue: q, maxLength: 256, ariaLabel: `Search in ${label}`,
  });
  search.addEventListener("input", () => {
    searched[key].q = search.value;
    if (search.value.trim()) look(facet, { more: false });
    else forget(facet), show();
  });

  const modes = make("select", { id: `match-${key}`, ariaLabel: `${label}: models that hold` },
    make("option", { value: "any" }, "any of the chosen"), make("option", { value: "all" }, "all of the chosen"));
  modes.value = counted.match;
  modes.addEventListener("change", () =>
    go(withChoices(state, parameter, { match: modes.value === facet.match ? "" : modes.value })));

  const none = checkbox(`missing-${key}`, missing, () => go(withChoices(state, parameter, { missing: !missing })));
  const without = make("li", {}, make("label", {}, none, ...named("(none)", counted.missing_count)));
  const more = make("button", { id: `more-${key}`, type: "button" }, `Show more (${number.format(left)})`);
  more.addEventListener("click", () => look(facet, { more: found !== null }));

  return make("fieldset", { id: `facet-${key}` },
    make("legend", {}, `${label} (${number.format(counted.total_values)})`),
    facet.isList || match ? modes : "", // of the others a model has one value at most
    counted.truncated || q || found ? search : "",
    make("ul", {}, ...rows.map((row) => showValue(facet, row)), missing || counted.missing_count ? without : ""),
    found && !found.values.length ? make("p", { className: "note" }, "No value holds that.") : "",
    left > 0 ? more : "");
}

function showValue({ key, parameter }, { value, count, selected, excluded }) {
  const choose = (choice) => go(withChoice(state, parameter, value, choice));
  const box = checkbox(`select-${key}-${value}`, selected, () => choose(selected ? "" : "selected"));
  const exclude = make("button", {
    id: `exclude-${key}-${value}`, type: "button", title: "Exclude",
    ariaPressed: String(excluded), ariaLabel: `Exclude ${value}`,
  }, "−");
  exclude.addEventListener("click", () => choose(excluded ? "" : "excluded"));
  return make("li", { className: excluded ? "excluded" : "" }, make("label", {}, box, ...named(value, count)), exclude);
}

function named(value, count) {
  return [make("span", { className: "value" }, value), " ", make("span", { className: "count" }, number.format(count))];
}

function showMeasure(measure) {
  const field = (name, label) => {
    const input = make("input", { id: name, type: measure.type, defaultValue: state.bounds[name] });
    input.addEventListener("change", () => go(withBounds(state, { [name]: input.value })));
    return make("label", {}, label, input);
  };
  const [from, to] = measure.type === "date" ? ["from", "before"] : ["at least", "at most"];
  const stats = answer.stats[measure.key];
  return make("fieldset", { id: `measure-${measure.key}` },
    make("legend", {}, measure.label),
    ...(stats?.count ? [bars(measure, stats), make("p", { className: "note" }, summary(stats))] : []),
    make("div", { className: "range" }, field(measure.from, from), measure.to ? field(measure.to, to) : ""));
}

function summary({ count, min, max, quartiles }) {
  const [least, most, median] = [min, max, quartiles[1]].map((value) => short.format(value));
  return `${least} to ${most}, median ${median}; ${number.format(count)} models`;
}

function bars(measure, { histogram }) {
  const highest = Math.max(...histogram.map((bar) => bar.count));
  const group = { className: "bars", role: "group", ariaLabel: `${measure.label}: how many models have how many` };
  return make("div", group, ...histogram.map((bar) => {
    const from = bar.lower === null ? "less" : short.format(bar.lower);
    const title = `${from} to ${short.format(bar.upper)}: ${number.format(bar.count)} models`;
    const button = make("button", { id: `bar-${measure.key}-${bar.lower}`, type: "button", title, ariaLabel: title });
    button.style.height = `${Math.max(5, (100 * bar.count) / highest)}%`;
    button.addEventListener("click", () => go(withBounds(state, boundsOfBar(measure, bar))));
    return button;
  }));
}

function checkbox(id, checked, onChange) {
  const box = make("input", { id, type: "checkbox", checked });
  box.addEventListener("change", onChange);
  return box;
}

/** Make an element; text is only ever text, so that a value cannot be markup. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((child) => child !== ""));
  return element;
}

refresh();
