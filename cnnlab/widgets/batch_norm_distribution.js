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
