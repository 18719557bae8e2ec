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
