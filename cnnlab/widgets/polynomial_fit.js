// A polynomial fitted to points from a noisy sine, with a ridge penalty. No imports; all computation is here.

const ORDERS = 10; // coefficients w0 … w9
const TEST_POINTS = 200;
const RIDGE = [0]; // where the slider stops: 0, 1e-12, 3e-12, …, 10
for (let power = -12; power < 1; power++) RIDGE.push(Number(`1e${power}`), Number(`3e${power}`));
RIDGE.push(10);
const POINT = "#E69F00"; // Okabe and Ito's colours, as in the book's other figures
const CURVE = "#0072B2";
const NEGATIVE = "#D55E00";
const SINE = "#009E73";

// Seeded standard normal numbers (mulberry32, Box and Muller), so that a reload shows the same ones.
function normals(seed) {
  let a = (seed + 0x9e3779b9) | 0;
  const uniform = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const sine = (x) => Math.sin(2 * Math.PI * x);

// Training points evenly from 0 to 1, test points between them; the noise grows with its slider, its pattern stays.
export function data(seed, points, noise) {
  const draw = normals(seed);
  const noisy = (x) => ({ x, t: sine(x) + noise * draw() });
  const test = Array.from({ length: TEST_POINTS }, (_, i) => noisy((i + 0.5) / TEST_POINTS));
  const train = Array.from({ length: points }, (_, i) => noisy(i / (points - 1)));
  return { train, test };
}

// Least squares by Householder reflections on rows [a | b]: no normal equations, whose condition would be squared.
export function leastSquares(rows) {
  const n = rows[0].length - 1;
  const R = rows.map((row) => [...row]);
  for (let k = 0; k < n; k++) {
    const below = R.slice(k);
    const v = below.map((row) => row[k]);
    const norm = Math.hypot(...v);
    if (norm === 0) continue;
    v[0] += v[0] > 0 ? norm : -norm;
    const size = v.reduce((sum, value) => sum + value * value, 0);
    for (let j = k; j <= n; j++) {
      const factor = (2 * below.reduce((sum, row, i) => sum + v[i] * row[j], 0)) / size;
      below.forEach((row, i) => (row[j] -= factor * v[i]));
    }
  }
  const w = Array(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    const rest = R[k].slice(k + 1, n).reduce((sum, value, i) => sum + value * w[k + 1 + i], 0);
    w[k] = (R[k][n] - rest) / R[k][k];
  }
  return w;
}

// Minimises mean (f(x) − t)² + λ Σ w_j² over j ≥ 1; the constant w0 is not penalised.
export function fit(train, order, ridge) {
  const scale = 1 / Math.sqrt(train.length);
  const powers = (x) => Array.from({ length: order + 1 }, (_, j) => x ** j);
  const rows = train.map(({ x, t }) => [...powers(x), t].map((value) => value * scale));
  for (let j = 1; j <= order && ridge > 0; j++) {
    rows.push(Array.from({ length: order + 2 }, (_, i) => (i === j ? Math.sqrt(ridge) : 0)));
  }
  return leastSquares(rows);
}

export const value = (w, x) => w.reduceRight((sum, coefficient) => sum * x + coefficient, 0);

export function rmse(points, f) {
  return Math.sqrt(points.reduce((sum, { x, t }) => sum + (f(x) - t) ** 2, 0) / points.length);
}

const COLUMNS = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19em),1fr))";
const CONTROLS = `${COLUMNS};gap:.3em 2em;margin:.4em 0;max-width:52em`;
const ROW = "display:grid;grid-template-columns:8em minmax(0,1fr) 4.5em;gap:.6em;align-items:center";
const BUTTON = "font:inherit;padding:.15em .7em;cursor:pointer;justify-self:start";
const WORDS = "margin:.4em 0;min-height:4.5em";

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "rect", "line", "circle", "text"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function legend(...entries) {
  const box = (color) => element("span", {
    style: `display:inline-block;width:.8em;height:.8em;background:${color};margin-right:.35em`,
  });
  return element("p", { style: "margin:.2em 0" }, ...entries.map(([color, text]) =>
    element("span", { style: "margin-right:1em;white-space:nowrap" }, ...(color ? [box(color)] : []), text)));
}

// A labelled slider that moves one of the model's values, through a list where its steps are not even.
function slider(model, name, label, { values, ...range }, text) {
  const ends = values ? { min: 0, max: values.length - 1, step: 1 } : range;
  const quiet = { "data-lm-suppress-shortcuts": "true" }; // JupyterLab leaves the arrow keys alone
  const input = element("input", { type: "range", ...ends, ...quiet, style: "width:100%" });
  const shown = element("span", { "aria-hidden": "true" });
  const nearest = (wanted) => {
    const distances = values.map((v) => Math.abs(v - wanted));
    return distances.indexOf(Math.min(...distances));
  };
  const update = () => {
    input.value = values ? nearest(model.get(name)) : model.get(name);
    shown.textContent = text(model.get(name));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.addEventListener("input", () => {
    model.set(name, values ? values[input.value] : Number(input.value));
    model.save_changes();
  });
  model.on(`change:${name}`, update);
  update();
  return element("label", { style: ROW }, label, input, shown);
}

const PANELS = "display:flex;flex-wrap:wrap;gap:.6em 1em;align-items:flex-start";

// Axes with scales X and Y from data to pixels; draw(...) fills the clipped inside, line(...) makes a curve for it.
function plot(label, x, y, [W, H] = [360, 240]) {
  const [left, right, top, bottom] = [50, 8, 8, 38];
  const inner = [W - left - right, H - top - bottom];
  const X = (v) => left + ((v - x.from) / (x.to - x.from)) * inner[0];
  const Y = (v) => H - bottom - ((v - y.from) / (y.to - y.from)) * inner[1];
  const text = (content, at, anchor = "middle") => element("text", {
    transform: `translate(${at})`, fill: "currentColor", "font-size": 12.5, "text-anchor": anchor,
  }, content);
  const write = (axis, v) => (axis.text ? axis.text(v) : `${v}`.replace("-", "−"));
  const inside = element("svg", {
    x: left, y: top, width: inner[0], height: inner[1], viewBox: `${left} ${top} ${inner.join(" ")}`,
  });
  const style = "flex:1 1 19em;min-width:0;max-width:32em;width:100%;display:block";
  const svg = element("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, style },
    element("path", { d: `M${left} ${top}v${inner[1]}h${inner[0]}`, fill: "none", stroke: "currentColor" }),
    ...x.ticks.map((v) => text(write(x, v), [X(v), H - bottom + 15])),
    ...y.ticks.map((v) => text(write(y, v), [left - 6, Y(v) + 4], "end")),
    text(x.name, [left + inner[0] / 2, H - 5]),
    text(y.name, `12 ${top + inner[1] / 2}) rotate(-90`),
    inside,
  );
  const draw = (...marks) => inside.replaceChildren(...marks);
  const line = (points, attributes) => element("path", {
    d: `M${points.map(([a, b]) => `${X(a).toFixed(2)} ${Y(b).toFixed(2)}`).join("L")}`, fill: "none", ...attributes,
  });
  return { svg, X, Y, draw, line };
}

// What is seen, from how far the curve is from the sine (`off`), and how far it would be without noise (`bias`).
function reading(training, { off, bias, noise, order, points }) {
  const through = training < 1e-6 && noise > 0;
  if (!through && off <= Math.max(0.12, 0.9 * noise)) return `The curve of order ${order} stays close to the sine.`;
  if (bias > off / Math.SQRT2) return "The curve is too stiff for the sine: it underfits.";
  const how = through ? `passes through all ${points} points` : "follows the noise of its points";
  return `The curve ${how} and misses the sine between them: it overfits.`;
}

function render({ model, el }) {
  const control = (...settings) => slider(model, ...settings);
  const again = element("button", { type: "button", style: BUTTON }, "Draw new points");
  again.addEventListener("click", () => {
    model.set("seed", model.get("seed") + 1);
    model.save_changes();
  });
  const controls = element("div", { style: CONTROLS },
    control("order", "order M", { min: 0, max: ORDERS - 1, step: 1 }, (v) => `${v}`),
    control("ridge", "penalty λ", { values: RIDGE }, (v) => (v ? v.toExponential(0).replace("-", "−") : "0")),
    control("noise", "noise", { min: 0, max: 1, step: 0.05 }, (v) => v.toFixed(2)),
    control("points", "points", { min: 10, max: 100, step: 5 }, (v) => `${v}`),
    again,
  );
  const curves = plot(
    "The points, the sine they come from and the fitted polynomial",
    { from: -0.03, to: 1.03, ticks: [0, 0.5, 1], name: "x" },
    { from: -2, to: 2, ticks: [-2, -1, 0, 1, 2], name: "t" },
  );
  const bars = plot(
    "The size of each coefficient on a logarithmic axis",
    { from: -0.6, to: ORDERS - 0.4, ticks: [...Array(ORDERS).keys()], name: "coefficient j" },
    { from: -2, to: 7, ticks: [-2, 0, 2, 4, 6], name: "|w|", text: (v) => ["0.01", "1", "100", "10⁴", "10⁶"][v / 2 + 1] },
  );
  const words = element("p", { "aria-live": "polite", style: WORDS });
  const colors = legend([POINT, "training points"], [SINE, "sine"], [CURVE, "fit; coefficient > 0"],
    [NEGATIVE, "coefficient < 0"]);
  el.replaceChildren(controls, element("div", { style: PANELS }, curves.svg, bars.svg), colors, words);

  function show() {
    const [order, noise, points] = ["order", "noise", "points"].map((name) => model.get(name));
    const { train, test } = data(model.get("seed"), points, noise);
    const w = fit(train, order, model.get("ridge"));
    const f = (x) => value(w, x);
    const grid = Array.from({ length: 301 }, (_, i) => i / 300);
    const line = (g, stroke) => curves.line(grid.map((x) => [x, g(x)]), { stroke, "stroke-width": 2 });
    curves.draw(
      line(sine, SINE),
      ...train.map(({ x, t }) => element("circle", { cx: curves.X(x), cy: curves.Y(t), r: 3.5, fill: POINT })),
      line(f, CURVE),
    );
    bars.draw(...w.map((coefficient, j) => {
      const top = bars.Y(Math.max(-2, Math.log10(Math.abs(coefficient))));
      return element("rect", {
        x: bars.X(j - 0.35), width: bars.X(0.7) - bars.X(0), y: top, height: bars.Y(-2) - top,
        fill: coefficient > 0 ? CURVE : NEGATIVE,
      });
    }));
    const errors = [rmse(train, f), rmse(test, f)];
    const exact = grid.map((x) => ({ x, t: sine(x) }));
    const clean = fit(train.map(({ x }) => ({ x, t: sine(x) })), order, model.get("ridge"));
    const [off, bias] = [w, clean].map((v) => rmse(exact, (x) => value(v, x)));
    const largest = Math.max(...w.map(Math.abs));
    const size = largest < 100 ? largest.toFixed(2) : Math.round(largest).toLocaleString("en");
    words.textContent =
      `Root mean squared error: training ${errors[0].toFixed(3)}, test ${errors[1].toFixed(3)}` +
      ` (the noise alone makes ${noise.toFixed(2)}). Largest coefficient: ${size}. ` +
      reading(errors[0], { off, bias, noise, order, points });
  }

  for (const name of ["order", "ridge", "noise", "points", "seed"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
