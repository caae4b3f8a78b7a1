/** Elements, and numbers and times for people. Texts are never parsed as HTML: owners of models wrote them. */

/** Return an element; `on…` are listeners, `data-…`/`aria-…` attributes, the rest properties. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Return an element of SVG with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Return an element with text of the catalogue, isolated from the text direction around it. */
export const text = (value) => h("bdi", { textContent: value });

/**
 * Update a list to have these lines, by their keys. Elements of lines that stay are reused, and so keep the focus.
 *
 * @param {HTMLElement} list
 * @param {Map<string, {element: HTMLElement}>} shown the lines of the list by key, which this function updates
 * @param {{key: string}[]} lines
 * @param {(line: object) => {element: HTMLElement}} create
 * @param {(item: object, line: object) => void} update
 */
export function keyed(list, shown, lines, create, update) {
  const wanted = new Set(lines.map(({ key }) => key));
  for (const [key, { element }] of shown) {
    if (wanted.has(key)) continue;
    if (element.contains(document.activeElement)) (element.nextElementSibling ?? element.previousElementSibling)?.querySelector("input")?.focus({ preventScroll: true });
    element.remove();
    shown.delete(key);
  }
  let before = list.firstChild;
  for (const line of lines) {
    if (!shown.has(line.key)) shown.set(line.key, create(line));
    const item = shown.get(line.key);
    update(item, line);
    if (item.element === before) before = before.nextSibling;
    else moveBefore(list, item.element, before);
  }
}

/** Put an element before another one, without taking its focus if the browser can move it so. */
function moveBefore(list, element, before) {
  if (element.parentNode === list && list.moveBefore) return void list.moveBefore(element, before);
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(element, before);
  focused?.focus({ preventScroll: true });
}

/** Replace an element's children, and focus the child with the same `data-key` as before. */
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key;
  element.replaceChildren(...children.flat());
  if (!focused || element.contains(focused)) return void focused?.focus();
  const again = key && element.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const fallback = element.closest("details")?.querySelector("summary") ?? document.querySelector("#content");
  (again || fallback).focus({ preventScroll: true });
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

export const exact = (number) => whole.format(number);
export const date = (iso) => (iso ? day.format(new Date(iso)) : "–");
export const time = (iso) => `${moment.format(new Date(iso))} UTC`;

/** Return a number in human units: `7B` parameters, `13.4 GB`, `1.2M` downloads. */
export function human(number, measure = "") {
  if (number === null || number === undefined) return "–";
  if (measure !== "size_bytes") return short.format(number);
  const power = Math.min(5, Math.max(0, Math.floor(Math.log10(Math.max(1, number)) / 3)));
  return `${short.format(number / 1000 ** power)} ${["B", "kB", "MB", "GB", "TB", "PB"][power]}`;
}

/** Return the whole number of a text such as `7B` or `1.5 GB`; "" for an empty text, null for an invalid one. */
export function number(written) {
  const trimmed = written.trim().replaceAll(",", "");
  if (!trimmed) return "";
  const found = /^(\d+(?:\.\d+)?)\s*([kKmMgGbBtTpP]?)[bB]?$/.exec(trimmed);
  if (!found) return null;
  if (!found[2] && !found[1].includes(".")) return String(BigInt(found[1]));
  const bytes = /[a-z]b$/i.test(trimmed); // GB is bytes, B alone is a thousand millions
  const power = { "": 0, k: 3, m: 6, g: 9, b: bytes ? 0 : 9, t: 12, p: 15 }[found[2].toLowerCase()];
  return String(BigInt(Math.round(Number(found[1]) * 10 ** power)));
}

let fading = 0;

/** Show a short message. */
export function toast(message) {
  const element = document.querySelector("#toast");
  element.textContent = message;
  element.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => element.classList.remove("shown"), 4000);
}

/** Download a file. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Copy a text to the clipboard, and show a message. */
export async function copy(written, what) {
  try {
    await navigator.clipboard.writeText(written);
    toast(`${what} copied.`);
  } catch {
    const area = document.body.appendChild(h("textarea", { value: written, className: "copied" }));
    area.select();
    const done = document.execCommand("copy"); // without HTTPS, only loopback has the clipboard API
    area.remove();
    toast(done ? `${what} copied.` : "The browser does not let this page copy.");
  }
}

/** Return the message of an error: what was wrong, where, and what to do. */
export function told(error) {
  if (error instanceof TypeError) return "The service cannot be reached. Check the connection, then try again.";
  const places = error.errors?.length ? ` ${error.errors.join(" ")}` : "";
  const id = error.requestId ? ` (request ${error.requestId})` : "";
  return `${error.message}${places}${error.status >= 500 ? id : ""}`;
}
