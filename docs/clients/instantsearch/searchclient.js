/**
 * A `searchClient` for InstantSearch.js over this service: `search` and `searchForFacetValues`, without dependencies.
 *
 *     import { facetsClient } from "./searchclient.js";
 *     instantsearch({ indexName: "models", searchClient: facetsClient({ service, org, token: () => token }) });
 *
 * Attributes are the service's parameters: tags, license, task_categories, framework and size_category for
 * `refinementList`; parameters, size_bytes and downloads for `rangeInput`. The index's name is the order of the models:
 * `models`, or `models/-downloads` and so on for `sortBy`.
 */

const KEYS = { tags: "tags", license: "licenses", task_categories: "task_categories", framework: "frameworks", size_category: "size_categories" };
const NUMBERS = ["parameters", "size_bytes", "downloads"];
const MAX_PAGES = 50;
const MAX_LIMIT = 200;
const TEXTS = ["name", "org", "description"];

/** Return a client; `token` returns the bearer token, which goes into no address. */
export function facetsClient({ service, org, token, includePublic = false }) {
  const base = `${service.replace(/\/+$/, "")}/api/v1/org/${encodeURIComponent(org)}/models`;

  async function get(path, query) {
    const answer = await fetch(`${base}${path}?${query}`, { headers: { Authorization: `Bearer ${token()}` } });
    const body = await answer.json();
    if (!answer.ok) throw new Error([body.detail, ...(body.errors ?? []).map(({ msg }) => msg)].join(" "));
    return body;
  }

  /** Return the models of a page: the service pages by cursor, so that those before it are passed over. */
  async function models(query, page, size) {
    if (size === 0) return [];
    if (page >= MAX_PAGES) throw new Error(`There is no page beyond ${MAX_PAGES}; narrow the filters.`);
    const limit = Math.min(size, MAX_LIMIT);
    let cursor = [];
    for (let left = page * limit; left > 0; left -= MAX_LIMIT) {
      const asked = new URLSearchParams([...query, ["fields", "id"], ["limit", Math.min(left, MAX_LIMIT)], ...cursor]);
      const { next_cursor: next } = await get("", asked);
      if (!next) return [];
      cursor = [["cursor", next]];
    }
    return (await get("", new URLSearchParams([...query, ["limit", limit], ...cursor]))).models;
  }

  async function one({ indexName, params = {} }) {
    const began = Date.now();
    const { page = 0, hitsPerPage = 20, query = "", maxValuesPerFacet = 10 } = params;
    const filtered = filters(params, includePublic);
    const sort = indexName.includes("/") ? [["sort", indexName.slice(indexName.indexOf("/") + 1)]] : [];
    const [counted, hits] = await Promise.all([
      get("/facets", new URLSearchParams([...filtered, ["counts", "true"], ["facet_limit", maxValuesPerFacet]])),
      models([...filtered, ...sort], page, hitsPerPage),
    ]);
    const wanted = [params.facets ?? []].flat();
    const facets = {};
    const stats = {};
    for (const name of wanted.includes("*") ? [...Object.keys(KEYS), ...NUMBERS] : wanted) {
      if (KEYS[name]) facets[name] = Object.fromEntries(counted.facets[KEYS[name]].values.map(({ value, count }) => [value, count]));
      else if (counted.stats[name]?.count) {
        const { min, max, mean } = counted.stats[name];
        stats[name] = { min, max, avg: mean };
        facets[name] = { [min]: 1, [max]: 1 }; // `rangeInput` looks here for whether there are numbers
      }
    }
    return {
      index: indexName, query, params: "", page, hitsPerPage,
      hits: hits.map((model) => hit(model, params)),
      nbHits: counted.filtered_total, nbPages: Math.min(MAX_PAGES, Math.ceil(counted.filtered_total / Math.max(1, hitsPerPage))),
      facets, facets_stats: stats, exhaustiveNbHits: true, exhaustiveFacetsCount: true, processingTimeMS: Date.now() - began,
    };
  }

  return {
    /** InstantSearch sends more questions for disjunctive facets; each is answered as it is asked. */
    async search(requests) {
      return { results: await Promise.all(requests.map(one)) };
    },
    async searchForFacetValues(requests) {
      return Promise.all(requests.map(async ({ params }) => {
        const { facetName, facetQuery = "", maxFacetHits = 10 } = params;
        if (!KEYS[facetName]) throw new Error(`There is no facet ${facetName}; there are ${Object.keys(KEYS).join(", ")}.`);
        const asked = [...filters(params, includePublic), ["limit", maxFacetHits], ...(facetQuery ? [["q", facetQuery]] : [])];
        const { values } = await get(`/facets/${KEYS[facetName]}`, new URLSearchParams(asked));
        return { facetHits: values.map(({ value, count }) => ({ value, highlighted: marked(value, [facetQuery], params), count })), exhaustiveFacetsCount: true };
      }));
    },
  };
}

/** Return the service's parameters for `facetFilters` (an array of arrays: all of, any of) and `numericFilters`. */
export function filters({ query = "", facetFilters = [], numericFilters = [], filters: written = "" }, includePublic = false) {
  if (written) throw new Error(`The filter ${written} is not understood; use facetFilters and numericFilters.`);
  const pairs = [];
  if (query.trim()) pairs.push(["search", query.trim()]);
  if (includePublic) pairs.push(["include_public", "true"]);
  const groups = new Map();
  for (const group of [facetFilters].flat().map((entry) => [entry].flat())) {
    for (const text of group) {
      const name = text.slice(0, text.indexOf(":"));
      const value = text.slice(name.length + 1);
      if (!KEYS[name]) throw new Error(`There is no facet ${name}; there are ${Object.keys(KEYS).join(", ")}.`);
      if (value.startsWith("-")) pairs.push(["exclude", `${name}:${value.slice(1)}`]);
      else {
        pairs.push([name, value.replace(/^\\-/, "-")]);
        groups.set(name, [...(groups.get(name) ?? []), group.length]);
      }
    }
  }
  for (const [name, sizes] of groups) pairs.push(["match", `${name}:${sizes.some((size) => size > 1) ? "any" : "all"}`]);
  for (const text of [numericFilters].flat(2)) {
    const [, name, sign, number] = /^(\w+)\s*(>=|<=|=)\s*(-?\d+)$/.exec(text) ?? [];
    if (!NUMBERS.includes(name)) throw new Error(`The filter ${text} is not understood; write such as parameters>=1000.`);
    if (name === "downloads" && sign !== ">=") throw new Error("Downloads have no upper bound; give rangeInput a min only.");
    if (sign !== "<=") pairs.push([`${name}_min`, number]);
    if (sign !== ">=") pairs.push([`${name}_max`, number]);
  }
  return pairs;
}

/** Return a model as a hit: the words of the query are marked in its texts. */
function hit(model, params) {
  const words = (params.query ?? "").split(/\s+/u).filter(Boolean);
  const shown = Object.fromEntries(TEXTS.map((name) => [name, { value: marked(model[name] ?? "", words, params) }]));
  return { ...model, objectID: model.id, _highlightResult: shown, _snippetResult: shown };
}

/**
 * Return a text with words marked, whatever their case, as InstantSearch asks: its own tags are placeholders, and it
 * escapes the text itself. With tags of HTML nobody does, so that the text is escaped here.
 */
function marked(text, words, { highlightPreTag: before = "<em>", highlightPostTag: after = "</em>" }) {
  const escape = before.includes("<") ? escaped : (part) => part;
  const sought = words.filter(Boolean).map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  if (!sought.length) return escape(text);
  // Splitting at a group leaves what was found at the odd places.
  return text.split(new RegExp(`(${sought.join("|")})`, "giu")).map((part, at) => (at % 2 ? `${before}${escape(part)}${after}` : escape(part))).join("");
}

const escaped = (text) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
