/** InstantSearch's own widgets over the service: only the line that makes the client is not Algolia's. */

import { facetsClient } from "./searchclient.js";

const { connect, error, search } = Object.fromEntries(["connect", "error", "search"].map((id) => [id, document.getElementById(id)]));
const given = new URLSearchParams(location.search);
connect.elements.service.value = given.get("service") ?? "http://127.0.0.1:8000";
connect.elements.org.value = given.get("org") ?? "";

connect.addEventListener("submit", (event) => {
  event.preventDefault();
  const [service, org, token] = ["service", "org", "token"].map((name) => connect.elements[name].value.trim());
  connect.hidden = true;
  search.hidden = false;
  start(facetsClient({ service, org, token: () => token, includePublic: true }));
});

function start(searchClient) {
  const { instantsearch } = window;
  const { clearRefinements, configure, currentRefinements, hits, pagination, rangeInput, refinementList, searchBox, sortBy, stats } = instantsearch.widgets;
  const searching = instantsearch({ indexName: "models", searchClient });
  searching.on("error", (failure) => {
    error.textContent = failure.message;
    error.hidden = false;
  });
  searching.on("render", () => (error.hidden ||= searching.status === "idle"));
  const labels = { license: "Licence", task_categories: "Task", framework: "Framework", tags: "Tag", parameters: "Parameters" };
  searching.addWidgets([
    configure({ hitsPerPage: 20 }),
    searchBox({ container: "#box", placeholder: "Search names and descriptions" }),
    stats({ container: "#stats" }),
    sortBy({ container: "#sort", items: [
      { label: "Last updated", value: "models" }, { label: "Most downloads", value: "models/-downloads" }, { label: "Name", value: "models/name" },
    ] }),
    currentRefinements({ container: "#active", transformItems: (items) => items.map((item) => ({ ...item, label: labels[item.attribute] })) }),
    clearRefinements({ container: "#clear" }),
    refinementList({ container: "#license", attribute: "license" }),
    refinementList({ container: "#task_categories", attribute: "task_categories" }),
    refinementList({ container: "#framework", attribute: "framework" }),
    refinementList({ container: "#tags", attribute: "tags", operator: "and", searchable: true, searchablePlaceholder: "Find a tag", showMore: true, showMoreLimit: 100 }),
    rangeInput({ container: "#parameters", attribute: "parameters" }),
    hits({ container: "#hits", templates: {
      item: (hit, { html, components }) => html`
        <h3>${hit.org}/${components.Highlight({ hit, attribute: "name" })}</h3>
        <p>${components.Highlight({ hit, attribute: "description" })}</p>`,
      empty: "No model matches.",
    } }),
    pagination({ container: "#pages" }),
  ]);
  searching.start();
}
