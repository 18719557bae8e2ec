// When training stops on a noisy validation curve, and what that costs. No imports; all computation is here.

const EPOCHS = 200;
const OTHERS = 200; // further draws of the noise, for the average
const NOISY = "#56B4E9"; // Okabe and Ito's colours, as in the book's other figures
const SMOOTHED = "#0072B2";
const TRUE = "#009E73";
const STOP = "#D55E00";

// The validation loss without noise: a fall, then the slow rise of overfitting; smallest near epoch 70.
export const truth = (epoch) => 0.45 + 0.9 * Math.exp(-epoch / 18) + 0.3 * (epoch / EPOCHS) ** 2;

export function curve(seed, noise) {
  const draw = normals(seed);
  return Array.from({ length: EPOCHS }, (_, i) => truth(i + 1) + noise * draw());
}

// Exponential moving average that starts at the first value; `smoothing` is the weight of the past.
export function smooth(values, smoothing) {
  let mean = values[0];
  return values.map((v) => (mean = smoothing * mean + (1 - smoothing) * v));
}

// Stops after `patience` epochs in a row that are not better than the best by more than min_delta; the first is 1.
export function stop(values, patience, minDelta) {
  let best = 1;
  for (let epoch = 2; epoch <= values.length; epoch++) {
    if (values[epoch - 1] < values[best - 1] - minDelta) best = epoch;
    else if (epoch - best >= patience) return { best, stopped: epoch, early: true };
  }
  return { best, stopped: values.length, early: false };
}

const ALL = Array.from({ length: EPOCHS }, (_, i) => i + 1);
const LOWEST = ALL.reduce((best, epoch) => (truth(epoch) < truth(best) ? epoch : best));
export const lost = (epoch) => truth(epoch) - truth(LOWEST);

function render({ model, el }) {
  const control = (...settings) => slider(model, ...settings);
  const again = element("button", { type: "button", style: BUTTON }, "Draw new noise");
  again.addEventListener("click", () => {
    model.set("seed", model.get("seed") + 1);
    model.save_changes();
  });
  const controls = element("div", { style: CONTROLS },
    control("noise", "noise", { min: 0, max: 0.2, step: 0.01 }, (v) => v.toFixed(2)),
    control("patience", "patience", { min: 1, max: 50, step: 1 }, (v) => `${v}`),
    control("smoothing", "smoothing", { min: 0, max: 0.95, step: 0.05 }, (v) => v.toFixed(2)),
    control("min_delta", "min_delta", { min: 0, max: 0.05, step: 0.005 }, (v) => v.toFixed(3)),
    again,
  );
  const panel = plot("Validation loss by epoch, where training stops and which epoch is kept",
    { from: 0, to: EPOCHS + 2, ticks: [0, 50, 100, 150, 200], name: "epoch" },
    { from: 0.2, to: 1.4, ticks: [0.2, 0.6, 1, 1.4], name: "validation loss" }, [400, 250]);
  panel.svg.style.maxWidth = "38em";
  const colors = legend([NOISY, "validation loss"], [SMOOTHED, "smoothed"],
    [TRUE, "without noise, its minimum (|)"], [STOP, "kept (●), stopped (dashed)"]);
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, element("div", { style: PANELS }, panel.svg), colors, words);

  function show() {
    const [noise, patience, smoothing, minDelta] =
      ["noise", "patience", "smoothing", "min_delta"].map((name) => model.get(name));
    const seed = model.get("seed");
    const raw = curve(seed, noise);
    const smoothed = smooth(raw, smoothing);
    const { best, stopped, early } = stop(smoothed, patience, minDelta);
    const { X, Y, draw } = panel;
    const line = (values, attributes) => panel.line(values.map((v, i) => [i + 1, v]), attributes);
    draw(
      line(raw, { stroke: NOISY, "stroke-width": 1, "stroke-opacity": 0.9 }),
      line(ALL.map(truth), { stroke: TRUE, "stroke-width": 2 }),
      ...(smoothing ? [line(smoothed, { stroke: SMOOTHED, "stroke-width": 2 })] : []),
      element("path", { d: `M${X(LOWEST)} ${Y(truth(LOWEST)) - 10}v20`, stroke: TRUE, "stroke-width": 3 }),
      panel.line([[stopped, 0], [stopped, 2]], { stroke: STOP, "stroke-width": 2, "stroke-dasharray": "5 4" }),
      element("circle", { cx: X(best), cy: Y(smoothed[best - 1]), r: 5.5, fill: STOP }),
    );
    const draws = Array.from({ length: OTHERS }, (_, i) =>
      stop(smooth(curve(seed + 1 + i, noise), smoothing), patience, minDelta));
    const average = (f) => draws.reduce((sum, d) => sum + f(d), 0) / OTHERS;
    words.textContent =
      (early ? `Training stops after epoch ${stopped}` : `Training runs to its end, epoch ${EPOCHS},`)
      + ` and keeps epoch ${best}. Without noise the minimum is at epoch ${LOWEST};`
      + ` the kept epoch is worse by ${lost(best).toFixed(3)}.`
      + ` Over ${OTHERS} other draws of the noise: stops at epoch ${average((d) => d.stopped).toFixed(0)},`
      + ` loses ${average((d) => lost(d.best)).toFixed(3)} on average.`;
  }

  for (const name of ["noise", "patience", "smoothing", "min_delta", "seed"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
