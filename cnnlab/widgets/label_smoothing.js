// A smoothed target, and the loss over the gap between the logits. No imports; all computation is here.

const GAPS = { from: -4, to: 14 };
const TARGET = "#0072B2"; // Okabe and Ito's colours, as in the book's other figures
const ONE_HOT = "#E69F00";
const BEST = "#D55E00";

// Target of the true class and of each other: ε/(K − 1) for each other (course) or ε/K for every class (PyTorch).
export function target(classes, epsilon, pytorch) {
  const other = pytorch ? epsilon / classes : epsilon / (classes - 1);
  return { truth: pytorch ? 1 - epsilon + other : 1 - epsilon, other };
}

// The ε with which the other convention has the same target.
export const equivalent = (classes, epsilon, pytorch) =>
  pytorch ? (epsilon * (classes - 1)) / classes : (epsilon * classes) / (classes - 1);

// How far the true class's logit lies above the others at the loss's minimum; for the course ln((1 − ε)(K − 1)/ε).
export function bestGap(classes, epsilon, pytorch) {
  const { truth, other } = target(classes, epsilon, pytorch);
  return Math.log(truth / other);
}

// Cross-entropy when the true class's logit lies `gap` above all others.
export function loss(classes, epsilon, pytorch, gap) {
  const { truth, other } = target(classes, epsilon, pytorch);
  const top = Math.max(gap, 0);
  const logSum = top + Math.log(Math.exp(gap - top) + (classes - 1) * Math.exp(-top));
  return truth * (logSum - gap) + (classes - 1) * other * logSum;
}

// No prediction has a smaller loss than the entropy of the target.
export function entropy(classes, epsilon, pytorch) {
  const { truth, other } = target(classes, epsilon, pytorch);
  const part = (q) => (q > 0 ? -q * Math.log(q) : 0);
  return part(truth) + (classes - 1) * part(other);
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

const number = (v, digits = 3) => v.toFixed(digits).replace("-", "−");

function render({ model, el }) {
  const controls = element("div", { style: CONTROLS },
    slider(model, "classes", "classes K", { min: 2, max: 20, step: 1 }, (v) => `${v}`),
    slider(model, "epsilon", "ε", { min: 0, max: 0.95, step: 0.01 }, (v) => v.toFixed(2)),
    toggle(model, "pytorch", "PyTorch's convention: ε/K for every class"),
  );
  const panels = element("div", { style: PANELS });
  const colors = legend([TARGET, "smoothed"], [ONE_HOT, "not smoothed"], [BEST, "minimum"]);
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, panels, colors, words);

  function bars(classes, { truth, other }) {
    const every = classes > 10 ? 5 : 1;
    const { svg, X, Y, draw } = plot("The target of each class; class 1 is the true one",
      { from: 0.4, to: classes + 0.6, name: "class (1 is the true one)",
        ticks: Array.from({ length: classes }, (_, i) => i + 1).filter((c) => c === 1 || c % every === 0) },
      { from: 0, to: 1.05, ticks: [0, 0.5, 1], name: "target" });
    const width = X(0.7) - X(0);
    const values = Array.from({ length: classes }, (_, i) => (i ? other : truth));
    draw(
      ...values.map((q, i) => element("rect", {
        x: X(i + 1) - width / 2, width, y: Y(q), height: Y(0) - Y(q), fill: TARGET,
      })),
      element("path", { d: `M${X(1) - width / 2} ${Y(1)}h${width}`, stroke: ONE_HOT, "stroke-width": 3 }),
    );
    return svg;
  }

  function curves(classes, epsilon, pytorch) {
    const { svg, X, Y, draw, line } = plot("The loss over the gap between the true class's logit and the others",
      { ...GAPS, ticks: [-4, 0, 4, 8, 12], name: "gap between the logits" },
      { from: 0, to: 5, ticks: [0, 1, 2, 3, 4, 5], name: "loss" });
    const gaps = Array.from({ length: 181 }, (_, i) => GAPS.from + ((GAPS.to - GAPS.from) * i) / 180);
    const curve = (e, stroke) =>
      line(gaps.map((gap) => [gap, loss(classes, e, pytorch, gap)]), { stroke, "stroke-width": 2.5 });
    const marks = [curve(0, ONE_HOT), curve(epsilon, TARGET)];
    if (epsilon > 0) {
      const [gap, least] = [bestGap(classes, epsilon, pytorch), entropy(classes, epsilon, pytorch)];
      marks.push(
        line([[GAPS.from, least], [GAPS.to, least]], { stroke: BEST, "stroke-dasharray": "4 4" }),
        element("circle", { cx: X(gap), cy: Y(least), r: 5, fill: BEST }),
      );
    }
    draw(...marks);
    return svg;
  }

  function show() {
    const [classes, epsilon, pytorch] = ["classes", "epsilon", "pytorch"].map((name) => model.get(name));
    const q = target(classes, epsilon, pytorch);
    panels.replaceChildren(bars(classes, q), curves(classes, epsilon, pytorch));
    const same = equivalent(classes, epsilon, pytorch);
    const gap = bestGap(classes, epsilon, pytorch);
    const least = entropy(classes, epsilon, pytorch);
    const below = gap < -1e-9 ? ": so much smoothing puts the true class below the others" : "";
    words.textContent =
      `Target ${number(q.truth)} for the true class and ${number(q.other)} for each other. `
      + `${pytorch ? "The course's" : "PyTorch's"} ε for the same target: ${number(same)}`
      + `${same > 1 ? ", which PyTorch refuses" : ""}. `
      + (epsilon === 0
        ? "Without smoothing the loss falls towards 0 as the gap between the logits grows without end."
        : `The loss is smallest, ${number(least)} (the target's entropy), where the gap between the logits is `
          + `${number(gap)}${below}.`);
  }

  for (const name of ["classes", "epsilon", "pytorch"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
