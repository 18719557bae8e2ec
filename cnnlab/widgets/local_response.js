// Local response normalization across the channels of one position. No imports; all computation is here.

const TOP = 5; // the largest activation that the slider offers
const ALPHA = [0];
for (let power = -4; power < 1; power++) for (const digit of [1, 2, 5]) ALPHA.push(Number(`${digit}e${power}`));
ALPHA.push(10);
const EXAMPLE = { activations: [4, 3, 2, 1, 2, 0, 5], channel: 4, n: 2, k: 0, alpha: 1, beta: 1, pytorch: false };
const ALEXNET = { n: 5, k: 2, alpha: 1e-4, beta: 0.75 };
const INPUT = "#E69F00"; // Okabe and Ito's colours, as in the book's other figures
const OUTPUT = "#0072B2";
const WINDOW = "#56B4E9";

// The channels whose squares are summed for channel i. PyTorch takes n values, so one fewer above for an even n.
export function neighbours(i, channels, { n, pytorch }) {
  const half = Math.floor(n / 2);
  const above = pytorch ? Math.floor((n - 1) / 2) : half;
  const [first, last] = [Math.max(0, i - half), Math.min(channels - 1, i + above)];
  return Array.from({ length: last - first + 1 }, (_, j) => first + j);
}

// b = a / (k + α Σ a_j²)^β; PyTorch divides α by n. NaN where it is 0 / 0.
export function normalise(activations, settings) {
  const { n, k, alpha, beta, pytorch } = settings;
  return activations.map((a, i) => {
    const energy = neighbours(i, activations.length, settings).reduce((sum, j) => sum + activations[j] ** 2, 0);
    return a / (k + (pytorch ? alpha / n : alpha) * energy) ** beta;
  });
}

const number = (v) => `${Number(v.toPrecision(4))}`.replace("-", "−");
const subscript = (i) => [...`${i}`].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");

function render({ model, el }) {
  const names = ["n", "k", "alpha", "beta", "pytorch"];
  const settings = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const channels = () => model.get("activations").length;
  const selected = () => Math.min(model.get("channel"), channels()) - 1; // counted from 0

  function put(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  }
  const button = (text, values) => {
    const node = element("button", { type: "button", style: BUTTON }, text);
    node.addEventListener("click", () => put(values));
    return node;
  };
  // The height of the selected bar is no trait of its own: it reads and writes one entry of the list.
  const height = {
    get: () => model.get("activations")[selected()],
    set: (_, value) => {
      model.set("activations", model.get("activations").map((a, i) => (i === selected() ? value : a)));
    },
    save_changes: () => model.save_changes(),
    on: (_, call) => ["channel", "activations"].forEach((name) => model.on(`change:${name}`, call)),
  };
  const control = (...rest) => slider(model, ...rest);
  const controls = element("div", { style: CONTROLS },
    control("channel", "channel", { min: 1, max: channels(), step: 1 }, (v) => `${Math.min(v, channels())}`),
    slider(height, "height", "its activation", { min: 0, max: TOP, step: 0.1 }, number),
    control("n", "window n", { min: 1, max: 9, step: 1 }, (v) => `${v}`),
    control("k", "k", { min: 0, max: 4, step: 0.1 }, number),
    control("alpha", "α", { values: ALPHA }, number),
    control("beta", "β", { min: 0, max: 2, step: 0.05 }, number),
    toggle(model, "pytorch", "α divided by n (PyTorch)"),
    element("div", { style: "display:flex;gap:.6em;flex-wrap:wrap" },
      button("Worked example", EXAMPLE), button("AlexNet's constants", ALEXNET)),
  );
  const panels = element("div", { style: PANELS });
  const colors = legend([INPUT, "activation"], [WINDOW, "window of the channel"], [OUTPUT, "output"]);
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, panels, colors, words);

  // A plot of one bar per channel; the chosen one is opaque, and a click on a bar chooses it.
  function bars(label, name, values, color, window) {
    const largest = Math.max(...values.filter(Number.isFinite), 0) || 1;
    const ticks = [0, largest / 2, largest];
    const { svg, X, Y, draw } = plot(label,
      { from: 0.4, to: values.length + 0.6, ticks: values.map((_, i) => i + 1), name: "channel" },
      { from: 0, to: largest * 1.05, ticks, name, text: (v) => (v ? v.toPrecision(2) : "0") }, [360, 200]);
    const bar = (first, last, value, attributes) => element("rect", {
      x: X(first - 0.35), width: X(last + 0.35) - X(first - 0.35), y: Y(value), height: Y(0) - Y(value), ...attributes,
    });
    const marks = [];
    if (window.length) {
      marks.push(bar(window[0] + 0.9, window.at(-1) + 1.1, 2 * largest, { fill: WINDOW, "fill-opacity": 0.4 }));
    }
    values.forEach((value, i) => {
      const opacity = i === selected() ? 1 : 0.5;
      if (Number.isFinite(value)) marks.push(bar(i + 1, i + 1, value, { fill: color, "fill-opacity": opacity }));
      else marks.push(element("text", { x: X(i + 1) - 8, y: Y(0) - 6, fill: "currentColor", "font-size": 12.5 }, "÷0"));
      const target = bar(i + 1, i + 1, 2 * largest, { fill: "transparent", style: "cursor:pointer" });
      target.addEventListener("click", () => put({ channel: i + 1 }));
      marks.push(target);
    });
    draw(...marks);
    return svg;
  }

  function show() {
    const a = model.get("activations");
    const now = settings();
    const i = selected();
    controls.querySelector("input").max = a.length;
    const b = normalise(a, now);
    const window = neighbours(i, a.length, now);
    panels.replaceChildren(
      bars("Activations by channel; the window of the selected channel is shaded", "activation", a, INPUT, window),
      bars("Outputs by channel", "output", b, OUTPUT, []),
    );
    const strength = now.pytorch ? `${number(now.alpha)}/${now.n}` : number(now.alpha);
    const result = Number.isFinite(b[i]) ? number(b[i]) : "undefined: it divides by zero";
    const half = Math.floor(now.n / 2);
    const above = now.pytorch ? Math.floor((now.n - 1) / 2) : half;
    const cut = window.length < half + above + 1 ? "; the border cuts it off" : "";
    const squares = window.map((j) => `${number(a[j])}²`).join(" + ");
    const root = `(${number(now.k)} + ${strength} · (${squares}))`;
    words.textContent =
      `b${subscript(i + 1)} = ${number(a[i])} / ${root}^${number(now.beta)} = ${result}. `
      + `n = ${now.n} spans ${half + above + 1} ${half ? "values" : "value"}: ${half} below, ${above} above${cut}.`;
  }

  for (const name of ["activations", "channel", ...names]) model.on(`change:${name}`, show);
  show();
}

export default { render };
