// Inverted dropout on a vector: one draw, and the mean of all draws so far. No imports; all computation is here.

const WIDTH = 640;
const HEIGHT = 250;
const PLOT = { left: 46, right: 12, top: 14, bottom: 34 };
const INPUT = "#E69F00"; // Okabe and Ito's colours, as in the book's other figures
const MEAN = "#0072B2";
const DRAW = "#56B4E9";

function render({ model, el }) {
  const x = model.get("values");
  let random, draws, sums, last;

  function reset() {
    random = generator(model.get("seed"));
    draws = 0;
    sums = x.map(() => 0);
    last = x.map(() => null);
  }

  function draw(times) {
    const p = model.get("p");
    for (let i = 0; i < times; i++) {
      last = x.map((value) => (random() < p ? 0 : value / (1 - p)));
      sums = sums.map((sum, unit) => sum + last[unit]);
    }
    draws += times;
  }

  // Controls
  const controls = element("div", { style: "display:flex;flex-wrap:wrap;gap:.6em;align-items:center;margin:.4em 0" });
  const label = element("label", { style: "display:flex;gap:.5em;align-items:center" });
  const quiet = { "data-lm-suppress-shortcuts": "true" }; // JupyterLab leaves the arrow keys alone
  const slider = element("input", { type: "range", min: 0, max: 0.9, step: 0.05, ...quiet });
  const shown = element("output", { style: "min-width:6.5em" });
  label.append("drop probability", slider, shown);
  const button = (text, action) => {
    const node = element("button", { type: "button", style: "font:inherit;padding:.15em .7em;cursor:pointer" }, text);
    node.addEventListener("click", () => { action(); show(); });
    controls.append(node);
  };
  controls.append(label);
  button("Draw one", () => draw(1));
  button("Draw 100", () => draw(100));
  button("Reset", reset);
  slider.addEventListener("input", () => {
    model.set("p", Number(slider.value));
    model.save_changes();
  });
  model.on("change:p", () => { reset(); show(); });

  const picture = element("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    style: "width:100%;max-width:44em;display:block",
    role: "img",
    "aria-label": "Bars for each unit: the latest draw and the mean of all draws; a line marks the input",
  });
  const words = element("p", { "aria-live": "polite", style: "margin:.4em 0;min-height:3em" });
  el.replaceChildren(controls, picture, words);

  function show() {
    const p = model.get("p");
    slider.value = p;
    shown.textContent = `p = ${p.toFixed(2)}`;
    const mean = sums.map((sum) => (draws ? sum / draws : 0));
    const top = Math.max(...x) / (1 - p) * 1.05;
    const step = (WIDTH - PLOT.left - PLOT.right) / x.length;
    const floor = HEIGHT - PLOT.bottom;
    const y = (value) => floor - (value / top) * (floor - PLOT.top);
    const ink = { fill: "currentColor", "font-size": 12 };
    const marks = [element("line", { x1: PLOT.left, x2: WIDTH - PLOT.right, y1: floor, y2: floor, stroke: "currentColor" })];
    for (const tick of [0, top / 2, top]) {
      marks.push(element("text", { ...ink, x: PLOT.left - 6, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(1)));
    }
    marks.push(element("text", { ...ink, x: 14, y: (PLOT.top + floor) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(PLOT.top + floor) / 2})` }, "activation"));
    x.forEach((value, unit) => {
      const left = PLOT.left + unit * step;
      const bar = (height, from, color) => element("rect", {
        x: left + from * step, width: 0.3 * step, y: y(height), height: floor - y(height), fill: color,
      });
      if (last[unit]) marks.push(bar(last[unit], 0.18, DRAW));
      if (last[unit] === 0) {
        marks.push(element("text", { ...ink, x: left + 0.33 * step, y: floor - 5, "text-anchor": "middle" }, "×"));
      }
      if (draws) marks.push(bar(mean[unit], 0.52, MEAN));
      marks.push(element("line", { x1: left + 0.1 * step, x2: left + 0.9 * step, y1: y(value), y2: y(value), stroke: INPUT, "stroke-width": 3 }));
      marks.push(element("text", { ...ink, x: left + 0.5 * step, y: floor + 15, "text-anchor": "middle" }, `${unit + 1}`));
    });
    marks.push(element("text", { ...ink, x: (PLOT.left + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "unit"));
    picture.replaceChildren(...marks);

    const key = (color, text) => {
      const node = element("span", { style: "margin-right:1em;white-space:nowrap" });
      node.append(element("span", { style: `display:inline-block;width:.8em;height:.8em;background:${color};margin-right:.35em` }), text);
      return node;
    };
    const off = Math.max(...x.map((value, unit) => Math.abs(mean[unit] - value)));
    const status = draws
      ? `After ${draws} ${draws === 1 ? "draw" : "draws"} the mean is at most ${off.toFixed(3)} away from the input.`
      : "Nothing drawn yet.";
    words.replaceChildren(
      key(INPUT, "input"), key(DRAW, "latest draw (× dropped)"), key(MEAN, "mean of all draws"),
      element("br"), status,
    );
  }

  reset();
  show();
}

export default { render };
