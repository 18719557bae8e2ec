// A quadratic loss on raw and on standardised inputs, and gradient descent. No imports; all computation is here.

const BOWL = "#737373"; // Okabe and Ito's colours, as in the book's other figures
const PATH = "#D55E00";
const GOAL = "#0072B2";
const BEST = [1, 1];
const START = [-1.2, 0.4];
const MOST = 100000; // steps that are tried until the loss is small

// E[x xᵀ] of two inputs with standard deviations 1 and `spread`; standardised, their correlation matrix.
export function curvature(mean, spread, correlation, standardised) {
  if (standardised) return [[1, correlation], [correlation, 1]];
  const cross = correlation * spread + mean * mean;
  return [[1 + mean * mean, cross], [cross, spread * spread + mean * mean]];
}

// The eigenvalues of a symmetric matrix, largest first.
export function eigenvalues([[a, b], [, d]]) {
  const [middle, reach] = [(a + d) / 2, Math.hypot((a - d) / 2, b)];
  const large = middle + reach;
  return [large, (a * d - b * b) / large]; // the product, since the difference would lose digits
}

export function loss(H, w) {
  const [x, y] = [w[0] - BEST[0], w[1] - BEST[1]];
  return 0.5 * (H[0][0] * x * x + 2 * H[0][1] * x * y + H[1][1] * y * y);
}

export function descend(H, share, steps) {
  const rate = (share * 2) / eigenvalues(H)[0];
  const path = [START];
  for (let step = 0; step < steps; step++) {
    const [u, v] = path.at(-1);
    const [x, y] = [u - BEST[0], v - BEST[1]];
    path.push([u - rate * (H[0][0] * x + H[0][1] * y), v - rate * (H[1][0] * x + H[1][1] * y)]);
  }
  return path;
}

// How many steps until the loss is a hundredth of what it was; null if it never is.
export function needed(H, share) {
  const rate = (share * 2) / eigenvalues(H)[0];
  const aim = loss(H, START) / 100;
  let [u, v] = START;
  for (let step = 0; step <= MOST; step++) {
    const now = loss(H, [u, v]);
    if (now <= aim) return step;
    if (!(now < 1e12)) return null;
    const [x, y] = [u - BEST[0], v - BEST[1]];
    [u, v] = [u - rate * (H[0][0] * x + H[0][1] * y), v - rate * (H[1][0] * x + H[1][1] * y)];
  }
  return null;
}

const number = (v) => v.toFixed(2).replace("-", "−");
const NAMES = ["raw", "standardised"];

function render({ model, el }) {
  const control = (...settings) => slider(model, ...settings);
  const controls = element("div", { style: CONTROLS },
    control("mean", "mean", { min: 0, max: 5, step: 0.1 }, number),
    control("spread", "spread of x₂", { min: 0.2, max: 5, step: 0.1 }, number),
    control("correlation", "correlation", { min: -0.95, max: 0.95, step: 0.05 }, number),
    control("rate", "rate", { min: 0.05, max: 1.1, step: 0.05 }, (v) => `${Math.round(100 * v)} %`),
    control("steps", "steps drawn", { min: 1, max: 100, step: 1 }, (v) => `${v}`),
  );
  const panels = NAMES.map((name) => plot(
    `${name} inputs: contours of the loss over the two weights, and the path of gradient descent`,
    { from: -2, to: 4, ticks: [-1, 1, 3], name: "w₁" }, { from: -2, to: 4, ticks: [-1, 1, 3], name: "w₂" }, [334, 326]));
  const words = element("p", { "aria-live": "polite", style: WORDS });
  const colors = legend([BOWL, "equal loss"], [GOAL, "minimum (×)"], [PATH, "gradient descent"]);
  el.replaceChildren(controls, element("div", { style: PANELS }, ...panels.map((panel) => panel.svg)), colors, words);

  function show() {
    const [mean, spread, correlation, rate, steps] =
      ["mean", "spread", "correlation", "rate", "steps"].map((name) => model.get(name));
    words.textContent = panels.map(({ X, Y, draw, line }, i) => {
      const H = curvature(mean, spread, correlation, i === 1);
      const [large, small] = eigenvalues(H);
      const turn = 0.5 * Math.atan2(2 * H[0][1], H[0][0] - H[1][1]); // of the steepest direction
      const ellipse = (level) => line(Array.from({ length: 91 }, (_, k) => {
        const angle = (k * Math.PI) / 45;
        const [u, v] = [Math.sqrt((2 * level) / large) * Math.cos(angle), Math.sqrt((2 * level) / small) * Math.sin(angle)];
        return [BEST[0] + u * Math.cos(turn) - v * Math.sin(turn), BEST[1] + u * Math.sin(turn) + v * Math.cos(turn)];
      }), { stroke: BOWL, "stroke-width": 0.8 });
      const first = loss(H, START);
      const path = descend(H, rate, steps).filter((w) => Math.abs(w[0]) < 1e3 && Math.abs(w[1]) < 1e3);
      draw(
        ...[0.04, 0.16, 0.36, 0.64, 1].map((share) => ellipse(share * first)),
        line(path, { stroke: PATH, "stroke-width": 1.5 }),
        ...path.slice(0, 40).map((w) => element("circle", { cx: X(w[0]), cy: Y(w[1]), r: 2.5, fill: PATH })),
        element("text", { x: X(BEST[0]), y: Y(BEST[1]) + 6, fill: GOAL, "font-size": 18, "text-anchor": "middle" }, "×"),
        element("text", { x: X(-1.9), y: Y(3.5), fill: "currentColor", "font-size": 13 }, NAMES[i]),
      );
      const count = needed(H, rate);
      const reached = count === null ? "the loss never falls to a hundredth" : `${count} steps to a hundredth of the loss`;
      return `${NAMES[i]}: condition number ${number(large / small)}, ${reached}.`;
    }).join(" ");
  }

  for (const name of ["mean", "spread", "correlation", "rate", "steps"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
