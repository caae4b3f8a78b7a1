// Makes the requests of a front end with the types that openapi-typescript generates, and prints what it got.
// Its arguments are the address, the token of a member of google, and that of an operator.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };
const [address, member, operator] = process.argv.slice(2);

const api = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${member}` } });
const asOperator = { Authorization: `Bearer ${operator}` };
const org = { org: "google" };

function required<Data>(data: Data | undefined): Data {
  if (data === undefined) throw new Error("There is no answer.");
  return data;
}

const facets = required(
  (await api.GET("/api/v1/org/{org}/models/facets", { params: { path: org, query: { license: ["apache-2.0"] } } })).data,
);
const counts = required(
  (
    await api.GET("/api/v1/org/{org}/models/facets", {
      params: { path: org, query: { counts: true, facets: ["licenses"], facet_limit: 2, match: ["tags:any"] } },
    })
  ).data,
);
const values: components["schemas"]["CountedValue"][] = counts.facets?.licenses?.values ?? [];
const models = required(
  (
    await api.GET("/api/v1/org/{org}/models", {
      params: { path: org, query: { sort: "-downloads", limit: 2, fields: ["id", "name"] } },
    })
  ).data,
);
const id = required(models.models[0]?.id);
const model = required((await api.GET("/api/v1/org/{org}/models/{id}", { params: { path: { ...org, id } } })).data);
const sql = required(
  (
    await api.POST("/api/v1/org/{org}/sql", {
      params: { path: org },
      headers: asOperator,
      body: { query: "SELECT count(*) AS models FROM models WHERE org = $org", parameters: { org: "google" } },
    })
  ).data,
);
const forbidden = await api.GET("/api/v1/org/{org}/models/facets", { params: { path: { org: "facebook" } } });
const invalid = await api.GET("/api/v1/org/{org}/models/facets", {
  params: { path: org, query: { facet_limit: 0 } },
});

console.log(
  JSON.stringify({
    total: facets.total,
    filtered_total: facets.filtered_total,
    listed: values.length,
    counted: values[0]?.count,
    models: models.models.length,
    model: model.id === id,
    sql: sql.rows,
    forbidden: [forbidden.error?.code, forbidden.error?.type],
    invalid: [invalid.error?.code, invalid.error?.errors?.map((error) => error.loc)],
  }),
);
