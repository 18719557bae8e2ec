// Grid against random search where one of two hyperparameters hardly matters. No imports; computed here.

const OTHERS = 200; // further draws, for the average
const WIDTH = 0.08; // of the peak, as a share of the range
const GRID = "#0072B2"; // Okabe and Ito's colours, as in the book's other figures
const RANDOM = "#D55E00";
const TRUTH = "#009E73";

// From 0 to 1: a peak along the important axis, and a wide one along the other, mixed by its weight.
export function score([x, y], peak, weight) {
  const narrow = Math.exp(-0.5 * ((x - peak) / WIDTH) ** 2);
  const wide = Math.exp(-0.5 * ((y - 0.5) / 0.5) ** 2);
  return (narrow + weight * wide) / (1 + weight);
}

// The points in random order, so that a part of a grid is a fair sample of it.
export function points(kind, side, seed) {
  const draw = generator(seed);
  if (kind === "random") return Array.from({ length: side * side }, () => [draw(), draw()]);
  const all = Array.from({ length: side * side }, (_, i) => [i % side, Math.floor(i / side)].map((k) => k / (side - 1)));
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

export function bestSoFar(tried, peak, weight) {
  let best = 0;
  return tried.map((point) => (best = Math.max(best, score(point, peak, weight))));
}

export const different = (tried) => new Set(tried.map(([x]) => x.toFixed(9))).size;

function render({ model, el }) {
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const control = (...settings) => slider(model, ...settings);
  const button = (text, call) => {
    const node = element("button", { type: "button", style: BUTTON }, text);
    node.addEventListener("click", call);
    return node;
  };
  const count = () => model.get("side") ** 2;
  const shown = () => Math.min(model.get("tried"), count());
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
  };
  const play = () => {
    if (timer) return stop();
    if (shown() >= count()) set("tried", 0);
    timer = setInterval(() => (shown() < count() ? set("tried", shown() + 1) : stop()), 250);
  };
  const controls = element("div", { style: CONTROLS },
    control("side", "values per axis", { min: 2, max: 7, step: 1 }, (v) => `${v}`),
    control("tried", "points tried", { min: 0, max: 49, step: 1 }, () => `${shown()} of ${count()}`),
    control("unimportant", "weight of axis 2", { min: 0, max: 1, step: 0.05 }, (v) => v.toFixed(2)),
    control("peak", "best value of 1", { min: 0, max: 1, step: 0.01 }, (v) => v.toFixed(2)),
    element("div", { style: "display:flex;gap:.6em" },
      button("One by one", play), button("Draw again", () => set("seed", model.get("seed") + 1))),
  );
  const share = (name) => ({ from: -0.03, to: 1.03, ticks: [0, 0.5, 1], name });
  const maps = Object.fromEntries([["grid", GRID], ["random", RANDOM]].map(([kind]) => [kind,
    plot(`Points of the ${kind} search, with their places on the important axis below`,
      share(`hyperparameter 1 (${kind})`), { ...share("hyperparameter 2"), from: -0.45 }, [300, 260])]));
  const curve = plot("Best result so far, by points tried, of both searches",
    { from: 0, to: 49, ticks: [0, 16, 32, 48], name: "points tried" },
    { from: 0, to: 1.05, ticks: [0, 0.5, 1], name: "best so far" }, [340, 260]);
  const colors = legend([GRID, "grid"], [RANDOM, "random"], [TRUTH, "the true curve along hyperparameter 1"]);
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, element("div", { style: PANELS }, maps.grid.svg, maps.random.svg, curve.svg), colors, words);

  function show() {
    const [side, weight, peak, seed] = ["side", "unimportant", "peak", "seed"].map((name) => model.get(name));
    const found = {};
    for (const [kind, color] of [["grid", GRID], ["random", RANDOM]]) {
      const tried = points(kind, side, seed).slice(0, shown());
      const { X, Y, draw, line } = maps[kind];
      const along = Array.from({ length: 101 }, (_, i) => [i / 100, -0.4 + 0.3 * score([i / 100, 0.5], peak, weight)]);
      draw(line(along, { stroke: TRUTH, "stroke-width": 2 }),
        ...tried.map(([x]) => line([[x, -0.43], [x, -0.38]], { stroke: color, "stroke-width": 2 })),
        ...tried.map(([x, y]) => element("circle", { cx: X(x), cy: Y(y), r: 4, fill: color })));
      found[kind] = { color, best: bestSoFar(tried, peak, weight), values: different(tried) };
    }
    curve.draw(...Object.values(found).filter(({ best }) => best.length).map(({ best, color }) =>
      curve.line([[0, 0], ...best.map((v, i) => [i + 1, v])], { stroke: color, "stroke-width": 2 })));
    const last = (kind) => (found[kind].best.at(-1) ?? 0).toFixed(2);
    const mean = (kind) => (Array.from({ length: OTHERS }, (_, i) =>
      bestSoFar(points(kind, side, seed + 1 + i).slice(0, shown()), peak, weight).at(-1) ?? 0)
      .reduce((a, b) => a + b, 0) / OTHERS).toFixed(2);
    words.textContent = `After ${shown()} points the grid has tried ${found.grid.values} different values of`
      + ` hyperparameter 1 and found ${last("grid")}; random search has tried ${found.random.values} and found`
      + ` ${last("random")}. Over ${OTHERS} other draws: ${mean("grid")} on average for the grid,`
      + ` ${mean("random")} for random search.`;
  }

  for (const name of ["side", "tried", "unimportant", "peak", "seed"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
