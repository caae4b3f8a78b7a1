/** The SQL that lists the models that pass the filters, for the SQL view and for analysts. */

import { FACETS, MEASURES } from "./state.js";

const COLUMNS = ["id", "org", "name", "license", "framework", "size_category", "task_categories", "tags", "is_public", "parameters", "size_bytes", "downloads", "created_at", "updated_at"];
// The service ignores case and accents in a search. These functions of DuckDB do the same, except for rare letters.
const FOLDED = (column) => `strip_accents(lower(${column}))`;

/** Return the statement of a state, over the table `models`. */
export function statement(state) {
  const conditions = [
    state.includePublic ? `(org = ${literal(state.org)} OR is_public)` : `org = ${literal(state.org)}`,
    ...state.search.split(/\s+/u).filter(Boolean).map(searched),
    ...FACETS.flatMap((facet) => chosen(facet, state.choices[facet.parameter])),
    ...MEASURES.flatMap((measure) => bounded(measure, state.bounds)),
  ];
  const [column, direction] = state.sort.startsWith("-") ? [state.sort.slice(1), "DESC"] : [state.sort, "ASC"];
  return [
    `SELECT ${COLUMNS.join(", ")}`,
    `FROM ${state.asOf ? `models_at(${literal(state.asOf)})` : "models"}`,
    `WHERE ${conditions.join("\n    AND ")}`,
    `ORDER BY ${column} ${direction} NULLS LAST, id ${direction}`,
  ].join("\n");
}

/** Return a text as an SQL literal. */
export const literal = (text) => `'${text.replaceAll("'", "''")}'`;

function searched(term) {
  const folded = FOLDED(literal(term));
  return `(contains(${FOLDED("org || '/' || name")}, ${folded}) OR contains(${FOLDED("coalesce(description, '')")}, ${folded}))`;
}

function chosen(facet, { selected, excluded, missing, match }) {
  const column = facet.parameter;
  const list = (values) => `[${values.map(literal).join(", ")}]`;
  const isUnset = facet.isList ? `len(${column}) = 0` : `${column} IS NULL`;
  const isAll = (match || facet.match) === "all";
  const of = (values, all) => {
    if (facet.isList) return `${all ? "list_has_all" : "list_has_any"}(${column}, ${list(values)})`;
    const isOne = `${column} IN (${values.map(literal).join(", ")})`;
    return all && values.length > 1 ? `FALSE /* no model has ${values.length} values of ${column} */` : isOne;
  };
  const alternatives = [...(selected.length ? [of(selected, isAll)] : []), ...(missing ? [isUnset] : [])];
  const wanted = alternatives.length > 1 ? `(${alternatives.join(isAll ? " AND " : " OR ")})` : alternatives[0];
  const refused = excluded.length ? `NOT coalesce(${of(excluded, false)}, FALSE)` : null;
  return [wanted, refused].filter(Boolean);
}

function bounded({ key, type, from, to }, bounds) {
  const bound = (name) => (type === "date" ? `TIMESTAMPTZ ${literal(bounds[name])}` : String(BigInt(bounds[name])));
  return [
    ...(bounds[from] ? [`${key} >= ${bound(from)}`] : []),
    ...(to && bounds[to] ? [`${key} ${type === "date" ? "<" : "<="} ${bound(to)}`] : []),
  ];
}
