/** The cards with distributions of numbers and times, each with fields for a range and a table. */

import { exact, h, human, number, replace } from "./dom.js";
import { histogram } from "./histogram.js";
import { MEASURES, boundsOfBar, withBounds } from "./state.js";

const MOST_BARS = 80;
const MOST_MONTHS = 48;

/** Return all bins from the first to the last one with models: the service omits empty ones. */
export function filled(bins) {
  if (!bins.length) return [];
  const counts = new Map(bins.map((bin) => [bin.upper, bin]));
  const last = bins.at(-1).upper;
  const every = [];
  for (let bin = bins[0]; ; ) {
    every.push(bin);
    if (bin.upper >= last || every.length > MOST_BARS) return every;
    const lower = bin.upper;
    const upper = String(lower)[0] === "2" ? (lower / 2) * 5 : lower * 2;
    bin = counts.get(upper) ?? { lower, upper, count: 0 };
  }
}

/**
 * Return the bars of a timeline from its first to its last month: one per month, or per year if there are too many.
 *
 * @param {{month: string, count: number}[]} timeline
 * @returns {{label: string, first: string, end: string, count: number}[]} `first` is the bar's first day, `end` the day after it
 */
export function periods(timeline) {
  if (!timeline.length) return [];
  const monthOf = ({ month }) => Number(month.slice(0, 4)) * 12 + Number(month.slice(5)) - 1;
  const [begin, end] = [monthOf(timeline[0]), monthOf(timeline.at(-1))];
  const months = end - begin < MOST_MONTHS ? 1 : 12;
  const bars = [];
  for (let month = Math.floor(begin / months); month <= Math.floor(end / months); month++) {
    const first = firstDay(month * months);
    bars.push({ label: months === 1 ? monthName.format(new Date(first)) : first.slice(0, 4), first, end: firstDay((month + 1) * months), count: 0 });
  }
  for (const one of timeline) bars[Math.floor(monthOf(one) / months) - Math.floor(begin / months)].count += one.count;
  return bars;
}

/** Return a card for each number and for the time of creation, and `show(counted)`. */
export function plots(app) {
  const cards = [...MEASURES.filter(({ type }) => type === "number").map((measure) => numberCard(measure, app)), createdCard(app)];
  return {
    elements: cards.map(({ element }) => element),
    show(counted) {
      for (const card of cards) card.show(counted);
    },
  };
}

function createdCard(app) {
  const go = (bounds) => app.go(withBounds(app.state(), bounds));
  const field = (name, label) => h("input", { type: "date", name, "data-key": name, "aria-label": label, onchange: ({ target }) => go({ [name]: target.value }) });
  const fields = [field("created_after", "Created from"), field("created_before", "Created before")];
  return card("Created", {
    fields,
    clear: h("button", { type: "button", className: "quiet", textContent: "Clear", "data-key": "clear-created", "aria-label": "Clear the range of created",
      onclick: () => go({ created_after: "", created_before: "" }) }),
    isSet: () => fields.some(({ name }) => app.state().bounds[name]),
    read({ timeline }) {
      for (const input of fields) input.value = app.state().bounds[input.name].slice(0, 10);
      const bars = periods(timeline);
      const dated = timeline.reduce((sum, { count }) => sum + count, 0);
      return {
        note: dated ? `${exact(dated)} with a date` : "no model has it",
        bars,
        ends: bars.length ? [bars[0].label, bars.at(-1).label] : [],
        onRange: (first, last) => go({ created_after: bars[first].first, created_before: bars[last].end }),
      };
    },
  });
}

const firstDay = (month) => `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}-01`;
const monthName = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });

function numberCard(measure, app) {
  const name = measure.label.toLowerCase();
  const go = (bounds) => app.go(withBounds(app.state(), bounds));
  const field = (bound, isFrom) => {
    const input = h("input", { name: bound, autocomplete: "off", placeholder: isFrom ? "from" : "to", "data-key": bound,
      "aria-label": `${measure.label} ${isFrom ? "at least" : "at most"}, such as ${measure.key === "size_bytes" ? "2GB" : "7B"}`,
      onchange: () => {
        const wanted = number(input.value);
        input.setCustomValidity(wanted === null ? "Write a whole number, such as 7000000, 7M or 2GB." : "");
        if (input.reportValidity()) go({ [bound]: wanted });
      } });
    return input;
  };
  const fields = [field(measure.from, true), ...(measure.to ? [field(measure.to, false)] : [])];
  return card(measure.label, {
    fields,
    clear: h("button", { type: "button", className: "quiet", textContent: "Clear", "data-key": `clear-${measure.key}`, "aria-label": `Clear the range of ${name}`,
      onclick: () => go(Object.fromEntries(fields.map((input) => [input.name, ""]))) }),
    isSet: () => fields.some((input) => app.state().bounds[input.name]),
    read({ stats }) {
      const spread = stats[measure.key];
      for (const input of fields) {
        const bound = app.state().bounds[input.name];
        input.value = bound ? human(Number(bound), measure.key).replace(" ", "") : "";
        input.title = bound ? exact(Number(bound)) : "";
      }
      const bins = filled(spread.histogram);
      const range = (bin) => (bin.lower === null ? "below 1" : `${human(bin.lower, measure.key)} – ${human(bin.upper, measure.key)}`);
      return {
        note: spread.count ? `median ${human(spread.quartiles[1], measure.key)}` : "no model has it",
        bars: bins.map((bin) => ({ label: range(bin), count: bin.count })),
        ends: bins.length ? [human(bins[0].lower ?? 0, measure.key), human(bins.at(-1).upper, measure.key)] : [],
        onRange: (first, last) => go({ ...boundsOfBar(measure, bins[last]), [measure.from]: boundsOfBar(measure, bins[first])[measure.from] }),
      };
    },
  });
}

/**
 * Return a card with bars, a range and a table, and `show(answer)`; `read(answer)` returns its content. A table that the
 * user opened stays open.
 */
export function card(title, { fields, clear, isSet, read }) {
  const name = title.toLowerCase();
  const note = h("span", { className: "muted" });
  const drawing = h("div");
  const rows = h("tbody");
  const element = h("section", { className: "plot", "aria-label": title },
    h("h3", {}, title, " ", note), drawing,
    h("details", { className: "behind" },
      h("summary", { "aria-label": `Range and table of ${name}`, textContent: "Range and table" }),
      h("form", { className: "range", onsubmit: (event) => event.preventDefault() }, fields, clear),
      h("div", { className: "table" }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col", textContent: title }), h("th", { scope: "col", className: "number", textContent: "Models" }))), rows))));
  return {
    element,
    show(answer) {
      const shown = read(answer);
      note.textContent = shown.note;
      clear.hidden = !isSet();
      drawing.replaceChildren(shown.bars.length
        ? histogram(shown.bars.map((bar) => ({ ...bar, label: `${bar.label}: ${exact(bar.count)} models` })), { name, ends: shown.ends, onRange: shown.onRange })
        : h("p", { className: "muted empty", textContent: "Nothing to plot." }));
      replace(rows, shown.bars.flatMap(({ label, count }, at) => (count ? [h("tr", {},
        h("td", {}, h("button", { type: "button", className: "link", "data-key": `bar-${label}`, title: "Set the range", textContent: label, onclick: () => shown.onRange(at, at) })),
        h("td", { className: "number", textContent: exact(count) }))] : [])));
    },
  };
}
