// When training stops on a noisy validation curve, and what that costs. No imports; all computation is here.

const EPOCHS = 200;
const OTHERS = 200; // further draws of the noise, for the average
const NOISY = "#56B4E9"; // Okabe and Ito's colours, as in the book's other figures
const SMOOTHED = "#0072B2";
const TRUE = "#009E73";
const STOP = "#D55E00";

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
