// The loss of an untrained network: cross-entropy of normal logits, by sampling, and a penalty. No imports.

const DATA = "#0072B2"; // Okabe and Ito's colours, as in the book's other figures
const TOTAL = "#D55E00";
const GUESS = "#009E73";
const CLASSES = [2, 3, 5, 10, 20, 50, 100, 200, 500, 1000];
const STRENGTHS = [0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1e3, 1e4];
const SIZES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1];
const NUMBERS = 40000; // logits in all that are drawn for a mean

// Standard normal numbers for the logits of as many examples as NUMBERS allows.
export const draws = (classes, seed) =>
  Float64Array.from({ length: Math.ceil(NUMBERS / classes) * classes }, normals(seed));

// The losses of these examples; the true class is the first, as no class is special.
export function losses(drawn, classes, spread) {
  const found = new Float64Array(drawn.length / classes);
  for (let example = 0; example < found.length; example++) {
    const [from, to] = [example * classes, (example + 1) * classes];
    let top = drawn[from];
    for (let i = from; i < to; i++) if (drawn[i] > top) top = drawn[i];
    let sum = 0;
    for (let i = from; i < to; i++) sum += Math.exp(spread * (drawn[i] - top));
    found[example] = spread * (top - drawn[from]) + Math.log(sum);
  }
  return found;
}

export const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

// Up to the second order in the spread.
export const rule = (classes, spread) => Math.log(classes) + (spread ** 2 / 2) * (1 - 1 / classes);

export const penalty = (strength, weights, size) => (strength / 2) * weights * size ** 2;

function render({ model, el }) {
  const control = (...settings) => slider(model, ...settings);
  const short = (v) => (v === 0 ? "0" : v >= 1e-2 && v < 1e4 ? `${v}` : v.toExponential(0).replace("-", "−").replace("+", ""));
  const controls = element("div", { style: CONTROLS },
    control("classes", "classes K", { values: CLASSES }, (v) => `${v}`),
    control("spread", "spread of logits", { min: 0, max: 10, step: 0.1 }, (v) => v.toFixed(1)),
    control("strength", "strength λ", { values: STRENGTHS }, short),
    control("weight", "size of weights", { values: SIZES }, short),
  );
  const axis = (top, name) => ({
    from: 0, to: top, name,
    ticks: [0, 0.25, 0.5, 0.75, 1].map((share) => share * top), text: (v) => `${Math.round(v * 10) / 10}`,
  });
  const box = element("div", { style: PANELS });
  const colors = legend([GUESS, "ln K"], [DATA, "cross-entropy"], [TOTAL, "with the penalty"]);
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, box, colors, words);

  let drawn, along; // the second is most of the work, and follows from the first
  function draw() {
    const K = model.get("classes");
    drawn = draws(K, model.get("seed"));
    along = Array.from({ length: 21 }, (_, i) => [i / 2, mean(losses(drawn, K, i / 2))]);
    show();
  }

  function show() {
    const [K, s, strength, size, count] =
      ["classes", "spread", "strength", "weight", "weights"].map((name) => model.get(name));
    const each = losses(drawn, K, s);
    const plain = mean(each);
    const price = penalty(strength, count, size);
    const total = plain + price;
    const guess = Math.log(K);
    const top = Math.max(4, Math.ceil(1.15 * Math.max(along.at(-1)[1], price < 100 ? total : 0)));
    const left = plot("Expected loss against the spread of the logits", { from: 0, to: 10, ticks: [0, 2, 4, 6, 8, 10],
      name: "standard deviation of the logits" }, axis(top, "expected loss (nats)"), [380, 260]);
    const dot = (value, color) => element("circle", { cx: left.X(s), cy: left.Y(value), r: 5, fill: color });
    left.draw(
      left.line([[0, guess], [10, guess]], { stroke: GUESS, "stroke-width": 2, "stroke-dasharray": "6 4" }),
      left.line(along, { stroke: DATA, "stroke-width": 2 }),
      ...(price > 0 ? [left.line([[s, plain], [s, total]], { stroke: TOTAL, "stroke-width": 2 }), dot(total, TOTAL)] : []),
      dot(plain, DATA));
    const bins = new Array(20).fill(0);
    for (const v of each) bins[Math.min(19, Math.floor(20 * Math.exp(-v)))] += 1 / each.length;
    const right = plot("Probabilities that the network gives to the true class", { from: 0, to: 1, ticks: [0, 0.5, 1],
      name: "probability of the true class" }, { from: 0, to: 1, ticks: [0, 0.5, 1], name: "share of examples" }, [300, 260]);
    right.draw(...bins.map((share, i) => element("rect", {
      x: right.X(i / 20) + 1, y: right.Y(share), width: right.X(0.05) - right.X(0) - 2,
      height: right.Y(0) - right.Y(share), fill: DATA,
    })), right.line([[1 / K, 0], [1 / K, 1]], { stroke: GUESS, "stroke-width": 2, "stroke-dasharray": "6 4" }));
    box.replaceChildren(left.svg, right.svg);
    const near = Math.abs(plain - guess) <= 0.15 * guess;
    words.textContent = `Guessing costs ln ${K} = ${guess.toFixed(4)}. With logits of standard deviation ${s.toFixed(1)} the`
      + ` expected loss is ${plain.toFixed(4)}; the second-order rule says ${rule(K, s).toFixed(4)}. `
      + (near ? "This would pass as the loss of guessing." : "This is far from guessing: the last layer is too large, or its inputs are.")
      + (price > 0 ? ` The penalty on ${count.toLocaleString("en")} weights adds ${price.toFixed(4)}: ${total.toFixed(4)} in all.` : "");
  }

  for (const name of ["classes", "seed"]) model.on(`change:${name}`, draw);
  for (const name of ["spread", "strength", "weight", "weights"]) model.on(`change:${name}`, show);
  draw();
}

export default { render };
