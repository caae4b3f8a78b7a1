/** Elements, numbers and times for people. Text is only ever set as text: values are what a model's owner wrote. */

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

/** Return text of the catalogue, isolated from the direction of what is around it. */
export const text = (value) => h("bdi", { textContent: value });

/**
 * Put lines into a list, by their keys: what is there already stays the element that it is, and keeps the focus.
 *
 * @param {HTMLElement} list
 * @param {Map<string, {element: HTMLElement}>} shown what is there; it is kept up to date
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

/** Put an element before another one; where the browser can, without taking the focus from it. */
function moveBefore(list, element, before) {
  if (element.parentNode === list && list.moveBefore) return void list.moveBefore(element, before);
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(element, before);
  focused?.focus({ preventScroll: true });
}

/** Put children in place of an element's own, and the focus back on what has the same `data-key`. */
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

/** Return the whole number that somebody wrote, such as `7B` or `1.5 GB`; "" for nothing, null for anything else. */
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

/** Tell something in passing. */
export function toast(message) {
  const element = document.querySelector("#toast");
  element.textContent = message;
  element.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => element.classList.remove("shown"), 4000);
}

/** Have the browser save a file. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Put a text on the clipboard, and say so. */
export async function copy(written, what) {
  try {
    await navigator.clipboard.writeText(written);
    toast(`${what} copied.`);
  } catch {
    const area = document.body.appendChild(h("textarea", { value: written, className: "copied" }));
    area.select();
    const done = document.execCommand("copy"); // plain http other than loopback has no clipboard
    area.remove();
    toast(done ? `${what} copied.` : "The browser does not let this page copy.");
  }
}

/** Return what to tell of an error: what was wrong, where, what to do. */
export function told(error) {
  if (error instanceof TypeError) return "The service cannot be reached. Check the connection, then try again.";
  const places = error.errors?.length ? ` ${error.errors.join(" ")}` : "";
  const id = error.requestId ? ` (request ${error.requestId})` : "";
  return `${error.message}${places}${error.status >= 500 ? id : ""}`;
}
