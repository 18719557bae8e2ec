// Learning-rate schedules, and what each does to descent on a noisy quadratic. No imports; computed here.

const EPOCHS = 30;
const STEPS = 10; // per epoch
const RUNS = 40; // averaged
const CURVATURES = [1, 0.05];
const NOISE = 0.5; // standard deviation of each component of a gradient
const RATES = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 1.9, 2.2, 3];
const CHOSEN = "#0072B2"; // Okabe and Ito's colours, as in the book's other figures
const CONSTANT = "#D55E00";

// The share of the initial rate at time t, in epochs; the same formulas as in cnnlab/training/schedules.py.
const FORMULAS = {
  constant: () => 1,
  step: (t, { period, decay }) => decay ** Math.floor(t / period),
  exponential: (t, { decay }) => Math.exp(-decay * t),
  inverse: (t, { decay }) => 1 / (1 + decay * t),
  root: (t, { total }) => Math.sqrt(Math.max(0, 1 - t / total)),
  cosine: (t, { total }) => 0.5 * (1 + Math.cos(Math.PI * Math.min(1, t / total))),
  cyclic: (t, { period }) => 0.1 + 0.9 * (1 - Math.abs(2 * ((t % period) / period) - 1)),
  restarts: (t, { period }) => 0.5 * (1 + Math.cos((Math.PI * (t % period)) / period)),
};

export function share(name, t, { warmup, ...settings }) {
  if (t < warmup) return Math.min(1, 0.1 + (0.9 * t) / warmup);
  return FORMULAS[name](t - warmup, { ...settings, total: settings.total - warmup });
}

// The rate of every step, moved on after each one.
export const rates = (name, rate, settings) =>
  Array.from({ length: EPOCHS * STEPS }, (_, k) => rate * share(name, k / STEPS, settings));

// The mean loss over several runs after every step, from the point (3, 3).
export function descend(steps, seed) {
  const losses = steps.map(() => 0);
  for (let run = 0; run < RUNS; run++) {
    const normal = normals(seed + run);
    const point = [3, 3];
    steps.forEach((rate, k) => {
      CURVATURES.forEach((curvature, i) => (point[i] -= rate * (curvature * point[i] + NOISE * normal())));
      const loss = CURVATURES.reduce((sum, curvature, i) => sum + 0.5 * curvature * point[i] ** 2, 0);
      losses[k] += Math.min(loss, 1e6) / RUNS;
    });
  }
  return losses;
}

function render({ model, el }) {
  const names = ["schedule", "rate", "total", "warmup", "period", "decay", "seed"];
  const choice = element("select", { style: "font:inherit" },
    ...Object.keys(FORMULAS).map((name) => element("option", {}, name)));
  choice.addEventListener("change", () => { model.set("schedule", choice.value); model.save_changes(); });
  const again = element("button", { type: "button", style: BUTTON }, "Other noise");
  again.addEventListener("click", () => { model.set("seed", model.get("seed") + RUNS); model.save_changes(); });
  const controls = element("div", { style: CONTROLS },
    element("label", { style: ROW }, "schedule", choice),
    slider(model, "rate", "initial rate", { values: RATES }, (v) => `${v}`),
    slider(model, "total", "total length", { min: 11, max: 60, step: 1 }, (v) => `${v} epochs`),
    slider(model, "warmup", "warm-up", { min: 0, max: 10, step: 1 }, (v) => `${v} epochs`),
    slider(model, "period", "period", { min: 2, max: 30, step: 1 }, (v) => `${v} epochs`),
    slider(model, "decay", "decay, or factor", { min: 0, max: 1, step: 0.05 }, (v) => v.toFixed(2)),
    again,
  );
  const time = { from: 0, to: EPOCHS, ticks: [0, 10, 20, 30], name: "epoch" };
  const panel = element("div", { style: PANELS });
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, panel, legend([CHOSEN, "the schedule"], [CONSTANT, "the same rate throughout"]), words);

  function show() {
    const [name, rate, total, warmup, period, decay, seed] = names.map((key) => model.get(key));
    choice.value = name;
    const steps = rates(name, rate, { total, warmup, period, decay });
    const fixed = steps.map(() => rate);
    const losses = { own: descend(steps, seed), constant: descend(fixed, seed) };
    const curve = plot("The learning rate by epoch", time,
      { from: 0, to: 1.05 * rate, ticks: [0, rate / 2, rate], text: (v) => `${+v.toPrecision(2)}`, name: "learning rate" });
    const at = (k) => (k + 1) / STEPS;
    curve.draw(curve.line([[0, rate], [EPOCHS, rate]], { stroke: CONSTANT, "stroke-dasharray": "5 4" }),
      curve.line(steps.map((v, k) => [k / STEPS, v]), { stroke: CHOSEN, "stroke-width": 2 }));
    const log = (v) => Math.log10(Math.max(v, 1e-4));
    const loss = plot(`Mean loss of ${RUNS} runs by epoch, on a logarithmic scale`, time,
      { from: -4, to: 2, ticks: [-4, -2, 0, 2], text: (v) => `${10 ** v}`, name: "loss" });
    const draw = (values, color) => loss.line(values.map((v, k) => [at(k), Math.min(log(v), 2.1)]), { stroke: color, "stroke-width": 2 });
    loss.draw(draw(losses.constant, CONSTANT), draw(losses.own, CHOSEN));
    panel.replaceChildren(curve.svg, loss.svg);
    const end = (values) => {
      const mean = values.slice(-STEPS).reduce((a, b) => a + b, 0) / STEPS;
      return mean > 100 ? "diverged" : `${+mean.toPrecision(2)}`;
    };
    words.textContent = `${name}: the rate ends at ${+steps.at(-1).toPrecision(2)}. Mean loss in the last epoch: `
      + `${end(losses.own)}; with the rate ${rate} throughout: ${end(losses.constant)}.`
      + (rate > 2 ? " The initial rate is above 2, where descent on this quadratic diverges." : "");
  }

  for (const name of names) model.on(`change:${name}`, show);
  show();
}

export default { render };
