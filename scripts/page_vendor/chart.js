/** What the SQL view takes of Chart.js 4: bars, lines and points over names, numbers and times. */

import {
  BarController, BarElement, CategoryScale, Chart, LineController, LineElement, LinearScale, LogarithmicScale, PointElement,
  ScatterController, Tooltip,
} from "chart.js";

Chart.register(
  BarController, BarElement, CategoryScale, LineController, LineElement, LinearScale, LogarithmicScale, PointElement,
  ScatterController, Tooltip,
);

export { Chart };
