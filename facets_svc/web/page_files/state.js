/**
 * The logic of the page without its elements: the state, its URLs, requests to the service, and the values to list.
 * `browse.js` shows them.
 *
 * The state has the choices of the user. It is the query string of the page's URL, with the names of the service's
 * parameters, so that links, bookmarks and the back button work. States are immutable: each `with…` returns a new one.
 *
 * @typedef {{selected: string[], excluded: string[], missing: boolean, match: "any" | "all" | ""}} Choices
 * @typedef {{org: string, search: string, includePublic: boolean, sort: string, asOf: string, view: string,
 *            model: string, choices: Record<string, Choices>,
 *            bounds: Record<string, string>}} State
 * @typedef {{value: string, count: number, selected: boolean}} Value
 */

/** The facets: `key` in the service's answers, `parameter` in its requests. Sizes are sorted by size, others by count. */
export const FACETS = [
  { key: "tags", parameter: "tags", label: "Tags", match: "all", sort: "count", isList: true },
  { key: "licenses", parameter: "license", label: "Licence", match: "any", sort: "count" },
  { key: "task_categories", parameter: "task_categories", label: "Task", match: "any", sort: "count", isList: true },
  { key: "frameworks", parameter: "framework", label: "Framework", match: "any", sort: "count" },
  { key: "size_categories", parameter: "size_category", label: "Size class", match: "any", sort: "value" },
];

/** The numbers and times with bounds, and their parameters. The answer's `stats` has the numbers by `key`. */
export const MEASURES = [
  { key: "parameters", label: "Parameters", type: "number", from: "parameters_min", to: "parameters_max" },
  { key: "size_bytes", label: "Size", type: "number", from: "size_bytes_min", to: "size_bytes_max" },
  { key: "downloads", label: "Downloads", type: "number", from: "downloads_min", to: "" },
  { key: "created_at", label: "Created", type: "date", from: "created_after", to: "created_before" },
  { key: "updated_at", label: "Updated", type: "date", from: "updated_after", to: "updated_before" },
];

/** The orders of the list of models; the first is the service's default. */
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

/** Return the state of a query string, and ignore unknown parameters. */
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

/** Return the query string of a state, which `readState` reads. Equal states have equal query strings. */
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

/** Return a state with other choices for a facet, such as `{ missing: true }`. */
export function withChoices(state, parameter, changed) {
  return { ...state, choices: { ...state.choices, [parameter]: { ...state.choices[parameter], ...changed } } };
}

/** Return a state with other bounds, such as `{ downloads_min: "10" }`; "" removes a bound. */
export function withBounds(state, changed) {
  return { ...state, bounds: { ...state.bounds, ...changed } };
}

/** Return a state without filters. */
export function withoutFilters(state) {
  const { org, includePublic, sort, asOf, view } = state;
  return { ...readState(""), org, includePublic, sort, asOf, view };
}

/** Return the bounds that select the models of a histogram's bar, which includes `lower` and excludes `upper`. */
export function boundsOfBar(measure, bar) {
  const from = bar.lower === null ? "" : String(BigInt(bar.lower));
  const last = BigInt(bar.upper) - 1n; // BigInt: exact beyond 2^53
  const to = String(last < GREATEST ? last : GREATEST);
  return measure.to ? { [measure.from]: from, [measure.to]: to } : { [measure.from]: from };
}

/** Return the URL of all facets' first values with counts, and of the distributions of numbers and times. */
export function countsUrl(service, state, limit) {
  return address(service, state, "/facets", { counts: "true", timeline: "true", facet_limit: limit });
}

/** Return the URL of a page of one facet's values that contain `q`. */
export function valuesUrl(service, state, facet, { q = "", offset = 0, limit = 50 } = {}) {
  return address(service, state, `/facets/${facet.key}`, { ...(q && { q }), sort: facet.sort, offset, limit });
}

/** Return the URL of the record of one model. */
export function recordUrl(service, state, id) {
  const { org, includePublic, asOf } = state;
  return address(service, { ...readState(""), org, includePublic, asOf }, `/${encodeURIComponent(id)}`, {});
}

/** Return the URL of the list of available snapshots. */
export function snapshotsUrl(service, state) {
  const scope = state.includePublic ? "?include_public=true" : "";
  return `${orgUrl(service, state.org)}/snapshots${scope}`;
}

/** Return the start of all URLs of one org. */
export function orgUrl(service, org) {
  return `${service.replace(/\/+$/, "")}/api/v1/org/${encodeURIComponent(org)}`;
}

/** Return the URL of a page of the models that pass: the first page without a cursor, all fields without `fields`. */
export function modelsUrl(service, state, { cursor = "", limit = 20, fields = FIELDS } = {}) {
  return address(service, state, "", { sort: state.sort, limit, ...(fields.length && { fields }), ...(cursor && { cursor }) });
}

/**
 * Return the values of a facet to list, in order. Selected and excluded values are always listed, so that the user can
 * undo the choice: the service lists all selected values, but not all excluded ones.
 *
 * @param {State} state
 * @param {object} facet one of FACETS
 * @param {{values: Value[]}} counted the facet in the answer of `countsUrl`
 * @param {Value[] | null} found the values of the requested pages of `valuesUrl`, if any
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
 * Return the pages of a facet's values with one more. Return null if the new page comes from another snapshot than the
 * ones before: then request the first page again.
 */
export function withPage(found, page, snapshot) {
  if (page.offset === 0) return { values: page.values, total: page.total_values, snapshot };
  if (!found || found.snapshot !== snapshot) return null;
  return { values: [...found.values, ...page.values], total: page.total_values, snapshot };
}

/** The error of a request: the envelope of the service, and the seconds after which to retry. */
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
 * Send a request to the service. The browser's cache handles `If-None-Match` and 304.
 *
 * On a 429, call `onWait` with the seconds of Retry-After, wait and retry, at most `tries` times. Throws Refused, a
 * TypeError if the service cannot be reached, and the reason that `signal` was aborted with.
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
      const envelope = await answer.json().catch(() => ({})); // the body may be a proxy's page, or empty
      throw new Refused(answer.status, envelope, seconds, answer.headers.get("X-Request-Id"));
    }
    onWait(seconds);
    await pause(seconds * 1000, signal);
  }
}

/** Runs the latest request only: waits a moment for a later one, and aborts the one before. */
export class Latest {
  #milliseconds;
  #running = null;

  constructor(milliseconds) {
    this.#milliseconds = milliseconds;
  }

  /** Return the result of `request(signal)`, or undefined if a later request has replaced it. */
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

/** Return the scope and the filters as pairs of the service's parameters. */
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
