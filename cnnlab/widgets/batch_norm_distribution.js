// A batch of one channel's activations before and after batch normalization. No imports; all computation is here.

const MOMENTUM = 0.1;
const EDGE = 12; // the axes run from −12 to 12, in bins of one half
const BINS = 48;
const EPSILON = [0];
for (let power = -8; power < 1; power++) EPSILON.push(Number(`1e${power}`));
const BEFORE = "#E69F00"; // Okabe and Ito's colours, as in the book's other figures
const AFTER = "#0072B2";
const MARK = "#D55E00";
const TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.4em 0";
const CELL = "padding:.1em 1em .1em 0;text-align:left;font-weight:inherit";

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

// The batch of that number: its pattern depends on the seed and the number only, so sliders move it smoothly.
export function batch(seed, number, size, shift, scale) {
  const draw = normals(seed * 100003 + number);
  return Array.from({ length: size }, () => shift + scale * draw());
}

// Mean, variance over m (biased) and over m − 1 (unbiased).
export function statistics(values) {
  const m = values.length;
  const mean = values.reduce((sum, v) => sum + v, 0) / m;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, biased: squares / m, unbiased: squares / (m - 1) };
}

// Batch mean and unbiased variance enter the running statistics, as in PyTorch.
export function update(running, { mean, unbiased }) {
  const mix = (old, now) => (1 - MOMENTUM) * old + MOMENTUM * now;
  return { mean: mix(running.mean, mean), variance: mix(running.variance, unbiased) };
}

export function normalise(values, mean, variance, { gamma, beta, epsilon }) {
  return values.map((v) => (gamma * (v - mean)) / Math.sqrt(variance + epsilon) + beta);
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

// A labelled on-off switch for one of the model's values.
function toggle(model, name, label) {
  const input = element("input", { type: "checkbox" });
  const update = () => (input.checked = model.get(name));
  input.addEventListener("change", () => {
    model.set(name, input.checked);
    model.save_changes();
  });
  model.on(`change:${name}`, update);
  update();
  return element("label", { style: "display:flex;gap:.6em;align-items:center" }, input, label);
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

const number = (v) => (Math.abs(v) >= 1e5 ? v.toExponential(2) : v.toFixed(3)).replace("-", "−");

function render({ model, el }) {
  let running, drawn; // running statistics; number of the batch that is shown
  const restart = () => { running = { mean: 0, variance: 1 }; drawn = 0; };
  const setting = (name) => model.get(name);
  const current = () => batch(setting("seed"), drawn, setting("batch_size"), setting("shift"), setting("scale"));

  const control = (...settings) => slider(model, ...settings);
  const button = (text, action) => {
    const node = element("button", { type: "button", style: BUTTON }, text);
    node.addEventListener("click", () => { action(); show(); });
    return node;
  };
  const next = (times) => {
    for (let i = 0; i < times; i++) {
      drawn++;
      if (setting("training")) running = update(running, statistics(current()));
    }
  };
  const two = (v) => number(v).slice(0, -1);
  const controls = element("div", { style: CONTROLS },
    control("shift", "shift of the input", { min: -5, max: 5, step: 0.1 }, two),
    control("scale", "scale of the input", { min: 0.1, max: 3, step: 0.1 }, two),
    control("batch_size", "batch size m", { min: 2, max: 256, step: 1 }, (v) => `${v}`),
    control("gamma", "γ", { min: 0, max: 3, step: 0.1 }, two),
    control("beta", "β", { min: -3, max: 3, step: 0.1 }, two),
    control("epsilon", "ε", { values: EPSILON }, (v) => (v ? v.toExponential(0).replace("-", "−") : "0")),
    toggle(model, "training", "training (off: evaluation)"),
    element("div", { style: "display:flex;gap:.6em;flex-wrap:wrap" },
      button("Next batch", () => next(1)), button("Next 50", () => next(50)), button("Reset", restart)),
  );
  const panels = element("div", { style: PANELS });
  const table = element("table", { style: TABLE });
  const words = element("p", { "aria-live": "polite", style: WORDS });
  const colors = legend([BEFORE, "before"], [AFTER, "after"], [MARK, "mean, one standard deviation to each side"]);
  el.replaceChildren(controls, panels, colors, table, words);

  // The share of the values in each bin; what lies beyond the axis is counted at its edge.
  function shares(values) {
    const counts = Array(BINS).fill(0);
    const bin = (v) => Math.floor(((v + EDGE) / (2 * EDGE)) * BINS);
    for (const v of values) counts[Math.min(Math.max(bin(v), 0), BINS - 1)] += 1 / values.length;
    return counts;
  }

  function histogram(name, values, top, { mean, biased }, color) {
    const { svg, X, Y, draw } = plot(`Histogram of the batch ${name} normalization, its mean and standard deviation`,
      { from: -EDGE, to: EDGE, ticks: [-10, -5, 0, 5, 10], name: `activation ${name} normalization` },
      { from: 0, to: top, ticks: [0, top / 2, top], name: "share of the batch" });
    const spread = Math.sqrt(biased);
    draw(
      ...shares(values).map((part, i) => element("rect", {
        x: X(i / 2 - EDGE), width: X(0.5) - X(0), y: Y(part), height: Y(0) - Y(part), fill: color,
      })),
      element("path", {
        d: `M${X(mean)} ${Y(0)}V${Y(0.95 * top)}M${X(mean - spread)} ${Y(0.92 * top)}v-8v4H${X(mean + spread)}v-4v8`,
        fill: "none", stroke: MARK, "stroke-width": 2,
      }),
    );
    return svg;
  }

  function show() {
    const training = setting("training");
    const values = current();
    const input = statistics(values);
    const [mean, variance] = training ? [input.mean, input.biased] : [running.mean, running.variance];
    const settings = { gamma: setting("gamma"), beta: setting("beta"), epsilon: setting("epsilon") };
    const output = normalise(values, mean, variance, settings);
    const after = statistics(output);
    const highest = Math.max(...shares(values), ...shares(output));
    const top = [0.2, 0.4, 0.6].find((v) => 1.15 * highest < v) || 1.2;
    panels.replaceChildren(
      histogram("before", values, top, input, BEFORE), histogram("after", output, top, after, AFTER));
    const cell = (tag, text) => element(tag, { style: CELL }, text);
    const row = (tag, name, ...cells) =>
      element("tr", {}, cell("th", name), ...cells.map((text) => cell(tag, text)));
    const all = ({ mean: m, biased, unbiased }) => [m, biased, unbiased].map(number);
    table.replaceChildren(
      row("th", "", "mean", "variance, 1/m", "1/(m − 1)"),
      row("td", "batch", ...all(input)),
      row("td", "running", number(running.mean), "", number(running.variance)),
      row("td", "output", ...all(after)),
    );
    const outside = output.filter((v) => Math.abs(v) > EDGE).length;
    words.textContent =
      (training
        ? "Training: the batch's own statistics normalise it; the output has mean "
          + `${number(after.mean)}, which is β, and standard deviation ${number(Math.sqrt(after.biased))}, at most γ.`
        : `Evaluation: the running statistics normalise it; the output has mean ${number(after.mean)} `
          + `and standard deviation ${number(Math.sqrt(after.biased))}.`)
      + ` Batch number ${drawn + 1}; the running statistics move only with “Next”, in training.`
      + (outside ? ` ${outside} of ${values.length} outputs lie beyond the axis, drawn at its edge.` : "");
  }

  restart();
  const names = ["shift", "scale", "batch_size", "gamma", "beta", "epsilon", "training", "seed"];
  for (const name of names) model.on(`change:${name}`, show);
  show();
}

export default { render };
