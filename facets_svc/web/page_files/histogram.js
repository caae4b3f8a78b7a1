/** A bar chart as inline SVG, with a range that is selected by dragging. */

import { h, svg } from "./dom.js";

const HEIGHT = 72;
const WIDTH = 300;
const LEAST_HEIGHT = 2;

/**
 * Return the bar chart.
 *
 * @param {{label: string, count: number}[]} bars
 * @param {{name: string, ends: [string, string], onRange: (first: number, last: number) => void}} options `ends` are
 *   the labels of the axis; `onRange` takes the indexes of the first and the last selected bar
 */
export function histogram(bars, { name, ends, onRange }) {
  const most = Math.max(...bars.map(({ count }) => count));
  const step = WIDTH / bars.length;
  const columns = bars.map(({ label, count }, at) => {
    const tall = count ? Math.max(LEAST_HEIGHT, (count / most) * (HEIGHT - LEAST_HEIGHT)) : 0;
    return svg("g", {},
      svg("rect", { class: "shown", x: at * step + step * 0.08, y: HEIGHT - tall, width: step * 0.84, height: tall }),
      svg("rect", { class: "area", x: at * step, y: 0, width: step, height: HEIGHT }),
      svg("title", {}, label));
  });
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `Histogram of ${name}; the table below has its numbers` }, ...columns);
  let from = -1;
  const at = ({ clientX }) => {
    const { left, width } = drawn.getBoundingClientRect();
    return Math.min(bars.length - 1, Math.max(0, Math.floor(((clientX - left) / width) * bars.length)));
  };
  const mark = (to) => columns.forEach((column, place) =>
    column.classList.toggle("marked", from >= 0 && place >= Math.min(from, to) && place <= Math.max(from, to)));
  drawn.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = at(event);
    drawn.setPointerCapture(event.pointerId);
    mark(from);
  });
  drawn.addEventListener("pointermove", (event) => from >= 0 && mark(at(event)));
  drawn.addEventListener("pointerup", (event) => {
    if (from < 0) return;
    const [first, last] = [from, at(event)].sort((a, b) => a - b);
    from = -1;
    onRange(first, last);
  });
  drawn.addEventListener("pointercancel", () => ((from = -1), mark(-1)));
  return h("div", { className: "drawn" }, drawn, h("p", { className: "axis muted", "aria-hidden": "true" }, ends.map((textContent) => h("span", { textContent }))));
}
