/**
 * What the page knows and asks, without a page: its state, the URLs that follow from it, its requests, and what
 * is to be listed. `browse.js` shows it.
 *
 * The state is what the user has chosen. It is written as the query of the page's own address, in the words of the
 * service, so that a link, a bookmark and the browser's back button are all the same thing. States are never changed:
 * each `with…` returns another one.
 *
 * @typedef {{selected: string[], excluded: string[], missing: boolean, match: "any" | "all" | ""}} Choices
 * @typedef {{org: string, search: string, includePublic: boolean, sort: string, asOf: string, view: string,
 *            model: string, choices: Record<string, Choices>,
 *            bounds: Record<string, string>}} State
 * @typedef {{value: string, count: number, selected: boolean}} Value
 */

/** The facets: `key` in the service's answers, `parameter` in its requests. Sizes go by size, others by count. */
export const FACETS = [
  { key: "tags", parameter: "tags", label: "Tags", match: "all", sort: "count", isList: true },
  { key: "licenses", parameter: "license", label: "Licence", match: "any", sort: "count" },
  { key: "task_categories", parameter: "task_categories", label: "Task", match: "any", sort: "count", isList: true },
  { key: "frameworks", parameter: "framework", label: "Framework", match: "any", sort: "count" },
  { key: "size_categories", parameter: "size_category", label: "Size class", match: "any", sort: "value" },
];

/** The numbers and times that may be bounded, by which parameters; the answer's `stats` has the numbers by `key`. */
export const MEASURES = [
  { key: "parameters", label: "Parameters", type: "number", from: "parameters_min", to: "parameters_max" },
  { key: "size_bytes", label: "Size", type: "number", from: "size_bytes_min", to: "size_bytes_max" },
  { key: "downloads", label: "Downloads", type: "number", from: "downloads_min", to: "" },
  { key: "created_at", label: "Created", type: "date", from: "created_after", to: "created_before" },
  { key: "updated_at", label: "Updated", type: "date", from: "updated_after", to: "updated_before" },
];

/** What models are listed by; the first is what the service takes when nothing is said. */
export const SORTS = [
  { sort: "-updated_at", label: "Last updated" },
  { sort: "-created_at", label: "Newest" },
  { sort: "-downloads", label: "Most downloads" },
  { sort: "name", label: "Name" },
  { sort: "-parameters", label: "Largest" },
];

const FIELDS = [
  ...["id", "org", "name", "description", "license", "framework", "task_categories"],
  ...["is_public", "parameters", "size_bytes", "downloads", "updated_at"],
];
const GREATEST = 2n ** 63n - 1n;
const BOUNDS = MEASURES.flatMap((measure) => [measure.from, measure.to]).filter(Boolean);

/** Return the state that a query string says; what it does not know is left out. */
export function readState(query) {
  const read = new URLSearchParams(query);
  const choices = {};
  for (const { parameter } of FACETS) {
    choices[parameter] = {
      selected: unique(read.getAll(parameter)),
      excluded: unique(read.getAll("exclude").filter((text) => facetOf(text) === parameter).map(afterColon)),
      missing: read.getAll("missing").includes(parameter),
      match: read.getAll("match").filter((text) => facetOf(text) === parameter).map(afterColon).at(-1) ?? "",
    };
  }
  return {
    org: read.get("org") ?? "",
    search: read.get("search") ?? "",
    includePublic: read.get("include_public") === "true",
    sort: SORTS.find(({ sort }) => sort === read.get("sort"))?.sort ?? SORTS[0].sort,
    asOf: read.get("as_of") ?? "",
    view: read.get("view") === "sql" ? "sql" : "",
    model: read.get("model") ?? "",
    choices,
    bounds: Object.fromEntries(BOUNDS.map((name) => [name, read.get(name) ?? ""])),
  };
}

/** Return the query string that says a state, always the same one: `readState` reads it back. */
export function writeState(state) {
  const org = state.org ? [["org", state.org]] : [];
  const sort = state.sort === SORTS[0].sort ? [] : [["sort", state.sort]];
  const view = state.view ? [["view", state.view]] : [];
  const model = state.model ? [["model", state.model]] : [];
  return String(new URLSearchParams([...org, ...filters(state), ...sort, ...view, ...model]));
}

/** Return a state in which a value is "selected", "excluded" or neither (""). */
export function withChoice(state, parameter, value, choice) {
  const before = state.choices[parameter];
  const others = (values) => values.filter((other) => other !== value);
  return withChoices(state, parameter, {
    selected: choice === "selected" ? [...others(before.selected), value] : others(before.selected),
    excluded: choice === "excluded" ? [...others(before.excluded), value] : others(before.excluded),
  });
}

/** Return a state with some of a facet's choices changed, such as `{ missing: true }`. */
export function withChoices(state, parameter, changed) {
  return { ...state, choices: { ...state.choices, [parameter]: { ...state.choices[parameter], ...changed } } };
}

/** Return a state with some bounds changed, such as `{ downloads_min: "10" }`; "" is no bound. */
export function withBounds(state, changed) {
  return { ...state, bounds: { ...state.bounds, ...changed } };
}

/** Return a state in which nothing is filtered. */
export function withoutFilters(state) {
  const { org, includePublic, sort, asOf, view } = state;
  return { ...readState(""), org, includePublic, sort, asOf, view };
}

/** Return the bounds that leave what a bar of a histogram counts: it holds `lower`, and not `upper`. */
export function boundsOfBar(measure, bar) {
  const from = bar.lower === null ? "" : String(BigInt(bar.lower));
  const last = BigInt(bar.upper) - 1n; // exact beyond 2^53 too
  const to = String(last < GREATEST ? last : GREATEST);
  return measure.to ? { [measure.from]: from, [measure.to]: to } : { [measure.from]: from };
}

/** Return the address of every facet's first values, with counts, and of how numbers and times are spread. */
export function countsUrl(service, state, limit) {
  return address(service, state, "/facets", { counts: "true", timeline: "true", facet_limit: limit });
}

/** Return the address of a page of one facet's values that hold `q`. */
export function valuesUrl(service, state, facet, { q = "", offset = 0, limit = 50 } = {}) {
  return address(service, state, `/facets/${facet.key}`, { ...(q && { q }), sort: facet.sort, offset, limit });
}

/** Return the address of the record of one model. */
export function recordUrl(service, state, id) {
  const { org, includePublic, asOf } = state;
  return address(service, { ...readState(""), org, includePublic, asOf }, `/${encodeURIComponent(id)}`, {});
}

/** Return the address of the list of snapshots that may be asked. */
export function snapshotsUrl(service, state) {
  const scope = state.includePublic ? "?include_public=true" : "";
  return `${orgUrl(service, state.org)}/snapshots${scope}`;
}

/** Return the address that everything of one org begins with. */
export function orgUrl(service, org) {
  return `${service.replace(/\/+$/, "")}/api/v1/org/${encodeURIComponent(org)}`;
}

/** Return the address of a page of the models that pass, the first one without a cursor; no `fields` are all of them. */
export function modelsUrl(service, state, { cursor = "", limit = 20, fields = FIELDS } = {}) {
  return address(service, state, "", { sort: state.sort, limit, ...(fields.length && { fields }), ...(cursor && { cursor }) });
}

/**
 * Return the values of a facet to list, in order. What is selected or excluded is always there, so that it can be taken
 * back: the service lists what is selected, and of what is excluded only what would come back.
 *
 * @param {State} state
 * @param {object} facet one of FACETS
 * @param {{values: Value[]}} counted the facet in the answer of `countsUrl`
 * @param {Value[] | null} found the values of the pages of `valuesUrl` that were asked for, if any
 * @returns {(Value & {excluded: boolean})[]}
 */
export function listed(state, facet, counted, found = null) {
  const { selected, excluded } = state.choices[facet.parameter];
  const counts = new Map(counted.values.map(({ value, count }) => [value, count]));
  const first = (found ?? counted.values).map(({ value, count }) => ({ value, count }));
  const there = new Set(first.map(({ value }) => value));
  const added = unique([...selected, ...excluded]).filter((value) => !there.has(value));
  return [...added.map((value) => ({ value, count: counts.get(value) ?? 0 })), ...first].map((row) => ({
    ...row,
    selected: selected.includes(row.value),
    excluded: excluded.includes(row.value),
  }));
}

/**
 * Return the pages of a facet's values with one more. Pages belong to one snapshot each: null says that the catalogue
 * has changed since the page before, and that the first page is to be asked for again.
 */
export function withPage(found, page, snapshot) {
  if (page.offset === 0) return { values: page.values, total: page.total_values, snapshot };
  if (!found || found.snapshot !== snapshot) return null;
  return { values: [...found.values, ...page.values], total: page.total_values, snapshot };
}

/** What the service answered instead of what was asked: its envelope, and after how many seconds to come back. */
export class Refused extends Error {
  constructor(status, envelope, retryAfterSeconds, requestId) {
    super(envelope.detail ?? `The service answered ${status}.`);
    this.status = status;
    this.isGone = (envelope.errors ?? []).some(({ type }) => type === "gone"); // a cursor of another snapshot
    this.places = (envelope.errors ?? []).map(({ loc }) => loc);
    this.errors = (envelope.errors ?? []).map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`);
    this.retryAfterSeconds = retryAfterSeconds;
    this.requestId = requestId;
  }
}

/**
 * Ask the service; the browser's cache sends `If-None-Match` and takes the 304 by itself.
 *
 * When it has no time (429), wait for as long as it says and ask again, at most `tries` times, telling `onWait` the
 * seconds. Throws Refused, a TypeError when it cannot be reached, and what `signal` was aborted with.
 *
 * @returns {Promise<{body: any, snapshot: string, headers: Headers}>} JSON read, any other form as a Blob
 */
export async function ask(url, { token, signal, accept = "application/json", onWait = () => {}, tries = 3, json = null, asBlob = false }) {
  for (;;) {
    const headers = { Authorization: `Bearer ${token}`, Accept: accept };
    const posted = json && { method: "POST", body: JSON.stringify(json) };
    if (posted) headers["Content-Type"] = "application/json";
    const answer = await fetch(url, { ...posted, headers, signal });
    if (answer.ok) {
      const body = accept === "application/json" && !asBlob ? await answer.json() : await answer.blob();
      return { body, snapshot: answer.headers.get("X-Snapshot-Id"), headers: answer.headers };
    }
    const seconds = Number(answer.headers.get("Retry-After") ?? 0);
    tries -= 1;
    if (answer.status !== 429 || tries < 1) {
      const envelope = await answer.json().catch(() => ({})); // a proxy's page, or nothing
      throw new Refused(answer.status, envelope, seconds, answer.headers.get("X-Request-Id"));
    }
    onWait(seconds);
    await pause(seconds * 1000, signal);
  }
}

/** Runs one request at a time, the latest: it waits a moment for a later one, and a later one aborts it. */
export class Latest {
  #milliseconds;
  #running = null;

  constructor(milliseconds) {
    this.#milliseconds = milliseconds;
  }

  /** Return what `request(signal)` returns, or undefined when a later one has taken its place. */
  async run(request) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      await pause(this.#milliseconds, running.signal);
      const answer = await request(running.signal);
      return running.signal.aborted ? undefined : answer;
    } catch (error) {
      if (running.signal.aborted) return undefined;
      throw error;
    }
  }
}

function address(service, state, path, asked) {
  const query = new URLSearchParams([...filters(state), ...Object.entries(asked)]);
  return `${orgUrl(service, state.org)}/models${path}${query.size ? "?" : ""}${query}`;
}

/** Everything that narrows the scope, and the scope, as pairs of the service's parameters. */
function filters(state) {
  const pairs = [];
  if (state.search.trim()) pairs.push(["search", state.search.trim()]);
  if (state.includePublic) pairs.push(["include_public", "true"]);
  if (state.asOf) pairs.push(["as_of", state.asOf]);
  for (const { parameter } of FACETS) {
    const { selected, excluded, missing, match } = state.choices[parameter];
    pairs.push(...selected.map((value) => [parameter, value]));
    pairs.push(...excluded.map((value) => ["exclude", `${parameter}:${value}`]));
    if (missing) pairs.push(["missing", parameter]);
    if (match) pairs.push(["match", `${parameter}:${match}`]);
  }
  return [...pairs, ...Object.entries(state.bounds).filter(([, text]) => text)];
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

const unique = (values) => [...new Set(values)];
const facetOf = (text) => text.slice(0, text.indexOf(":"));
const afterColon = (text) => text.slice(text.indexOf(":") + 1);
