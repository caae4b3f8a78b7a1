/** The page: sign-in, choice of org and of view. The views are `browse.js` and `bench.js`. */

import { browse } from "./browse.js";
import { detail } from "./detail.js";
import { h, toast, told } from "./dom.js";
import { ask, readState, writeState } from "./state.js";

const STORED = "facets-token";
const OTHER = "\u0000other";

// First remove the token from the URL, so that no history, link or referrer has it.
const given = new URLSearchParams(location.hash.slice(1));
let token = given.get("token") ?? sessionStorage.getItem(STORED) ?? "";
if (given.has("token")) {
  given.delete("token");
  history.replaceState(null, "", location.pathname + location.search + (given.size ? `#${given}` : ""));
}

const find = (selector) => document.querySelector(selector);
const [account, views, signIn] = [find("#account"), find("#views"), find("#sign-in")];
let state = readState(location.search);
let bench = null;

const app = {
  service: new URL(".", location.href).href.replace(/\/$/, ""),
  state: () => state,
  told,
  go(next, how = "push") {
    const address = writeState(next);
    if (address === writeState(state)) return;
    state = next;
    history[how === "replace" ? "replaceState" : "pushState"](null, "", `?${address}`);
    show();
  },
  /** Send a request with the token; throws like `ask`. */
  ask: (url, options) => ask(url, { token, onWait: (seconds) => toast(`The service is busy; asking again in ${seconds} s.`), ...options }),
  /** Run an action, and show a message for an error that `handled(error)` does not handle. */
  async attempt(action, handled = () => false) {
    try {
      await action();
    } catch (error) {
      if (!app.refused(error) && !handled(error)) toast(told(error));
    }
  },
  /** Open the SQL view with the statement of a fragment. */
  openSql(fragment) {
    const next = { ...state, view: "sql", model: "" };
    history.pushState(null, "", `?${writeState(next)}#${fragment}`);
    state = next;
    show();
  },
  /** If the service refused the token, return to the sign-in with the reason. Return whether it did. */
  refused(error) {
    if (error.status !== 401) return false;
    signOut(error.message);
    return true;
  },
};
const view = browse(find("#browse"), app);
const panel = detail(find("#detail"), app);

/** Return the claims of a token, unverified: they only decide what the page offers. */
function claims() {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
  } catch {
    return null;
  }
}

function show() {
  const orgs = claims()?.orgs;
  const isSignedIn = Boolean(token) && orgs !== undefined;
  for (const element of [account, views]) element.hidden = !isSignedIn;
  signIn.hidden = isSignedIn;
  if (!isSignedIn) {
    find("#browse").hidden = find("#bench").hidden = true;
    document.title = "Sign in – Model catalogue";
    return;
  }
  showOrgs(Array.isArray(orgs) ? orgs.map(String) : []);
  for (const link of views.querySelectorAll("a")) {
    const isShown = link.dataset.view === state.view;
    link.href = `?${writeState({ ...state, view: link.dataset.view, model: "" })}`;
    if (isShown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${state.org || "Model catalogue"} – ${state.view ? "SQL" : "Models"}`;
  find("#browse").hidden = state.view !== "" || !state.org;
  find("#bench").hidden = state.view !== "sql" || !state.org;
  if (!state.org) return;
  if (state.view === "sql") return void showBench();
  view.show();
  panel.show();
}

async function showBench() {
  if (!bench) {
    const module = await import("./bench.js");
    bench ??= module.bench(find("#bench"), app);
  }
  bench.show();
}

function showOrgs(orgs) {
  const isOperator = !orgs.length;
  if (!state.org && orgs.length) {
    state = { ...state, org: orgs[0] };
    history.replaceState(null, "", `?${writeState(state)}${location.hash}`);
  }
  const names = [...new Set([...orgs, ...(state.org ? [state.org] : [])])];
  const select = account.elements.org;
  select.replaceChildren(...names.map((name) => h("option", { value: name, textContent: name })),
    ...(isOperator ? [h("option", { value: OTHER, textContent: "Another org…" })] : []));
  select.value = state.org || OTHER;
  account.elements.other.hidden = select.value !== OTHER;
  account.elements.other.setAttribute("aria-label", "Name of the org");
}

function choose(org) {
  view.reset();
  app.go({ ...readState(""), org, includePublic: state.includePublic, view: state.view });
}

account.elements.org.addEventListener("change", ({ target }) => {
  account.elements.other.hidden = target.value !== OTHER;
  if (target.value === OTHER) account.elements.other.focus();
  else choose(target.value);
});
account.addEventListener("submit", (event) => {
  event.preventDefault();
  const other = account.elements.other.value.trim();
  if (other) choose(other);
  account.elements.other.value = "";
});

function signOut(reason = "") {
  token = "";
  sessionStorage.removeItem(STORED);
  view.reset();
  if (find("#detail").open) find("#detail").close();
  const error = signIn.querySelector(".error");
  error.textContent = reason;
  error.hidden = !reason;
  show();
  signIn.querySelector("[name=token]").focus();
}

find("#sign-out").addEventListener("click", () => signOut());
signIn.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const { token: field, remember } = event.target.elements;
  token = field.value.trim().replace(/^Bearer\s+/i, "");
  if (claims()?.orgs === undefined) return signOut("This is not a token of this service. Paste all of it, without quotes.");
  field.value = "";
  if (remember.checked) sessionStorage.setItem(STORED, token);
  signIn.querySelector(".error").hidden = true;
  show();
  find("#content").focus();
});
views.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  app.go({ ...state, view: link.dataset.view, model: "" });
});
addEventListener("popstate", () => {
  const before = state.org;
  state = readState(location.search);
  if (state.org !== before) view.reset();
  show();
});
addEventListener("hashchange", () => {
  if (new URLSearchParams(location.hash.slice(1)).has("token")) location.reload();
});
addEventListener("offline", () => toast("The network is gone; what is shown stays."));
show();
