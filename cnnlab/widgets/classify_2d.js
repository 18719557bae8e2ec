// A small network trained in the page on points in the plane. No imports; all computation is here.

const SIZES = [2, 16, 16, 2];
const TRAIN = 80;
const TEST = 400; // their labels are never flipped
const BATCH = 16;
const MOMENTUM = 0.9;
const PER_FRAME = 5; // epochs
const LAST = 3000; // training pauses here
const GRID = 48;
const EDGE = 2.2; // the plot runs from −2.2 to 2.2
const DECAY = [0];
for (let power = -5; power < 0; power++) DECAY.push(Number(`1e${power}`), Number(`3e${power}`));
DECAY.push(1);
const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];
const COLORS = ["#E69F00", "#0072B2"]; // Okabe and Ito's colours, as in the book's other figures

const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

// One shape of each class k; u in [0, 1] runs along it.
const SHAPES = {
  moons: (u, k) => [
    (k ? 1 - Math.cos(Math.PI * u) : Math.cos(Math.PI * u)) - 0.5,
    (k ? 0.5 - Math.sin(Math.PI * u) : Math.sin(Math.PI * u)) - 0.25,
  ],
  circles: (u, k) => [(k ? 0.45 : 1.15) * Math.cos(2 * Math.PI * u), (k ? 0.45 : 1.15) * Math.sin(2 * Math.PI * u)],
  spiral: (u, k) => {
    const angle = 4.2 * u + Math.PI * k;
    return [(0.15 + 1.3 * u) * Math.cos(angle), (0.15 + 1.3 * u) * Math.sin(angle)];
  },
};

// Training and test points. Each training point flips its label below its own threshold, so more noise adds flips.
export function data(seed, shape, labelNoise) {
  const random = generator(seed);
  const draw = (i) => {
    const truth = i % 2;
    const x = SHAPES[shape](random(), truth).map((v) => 1.2 * (v + 0.12 * normal(random)));
    return { x, truth, y: truth };
  };
  const train = Array.from({ length: TRAIN }, (_, i) => draw(i));
  for (const point of train) if (random() < labelNoise) point.y = 1 - point.truth;
  return { train, test: Array.from({ length: TEST }, (_, i) => draw(i)) };
}

// All weights and biases in one vector: per layer the matrix row by row, then the bias.
const LAYERS = [];
let PARAMETERS = 0;
for (let l = 1; l < SIZES.length; l++) {
  const [inputs, outputs] = [SIZES[l - 1], SIZES[l]];
  LAYERS.push({ inputs, outputs, weights: PARAMETERS, bias: PARAMETERS + inputs * outputs });
  PARAMETERS += (inputs + 1) * outputs;
}

export function start(seed) {
  const random = generator(seed + 1);
  const theta = new Float64Array(PARAMETERS); // biases start at 0
  for (const { inputs, weights, bias } of LAYERS) {
    for (let i = weights; i < bias; i++) theta[i] = Math.sqrt(2 / inputs) * normal(random); // Kaiming
  }
  return { theta, velocity: new Float64Array(PARAMETERS), random, epoch: 0 };
}

// The layers' values, logits last, and each value's slope against what went into its ReLU, in arrays that the next
// call fills anew: thousands of calls make one picture. In training, `drop` gives each hidden unit's factor: 0 or
// 1/(1 − p).
const VALUES = SIZES.map((size) => new Float64Array(size));
const SLOPES = LAYERS.map(({ outputs }) => new Float64Array(outputs).fill(1));

function forward(theta, x, drop) {
  VALUES[0].set(x);
  for (let l = 0; l < LAYERS.length; l++) {
    const { inputs, outputs, weights, bias } = LAYERS[l];
    const [before, after, slope] = [VALUES[l], VALUES[l + 1], SLOPES[l]];
    for (let o = 0, w = weights; o < outputs; o++) {
      let sum = theta[bias + o];
      for (let i = 0; i < inputs; i++, w++) sum += theta[w] * before[i];
      if (l < LAYERS.length - 1) {
        slope[o] = (sum > 0) * (drop ? drop() : 1);
        sum *= slope[o];
      }
      after[o] = sum;
    }
  }
  return { values: VALUES, slopes: SLOPES, logits: VALUES.at(-1) };
}

// Mean cross-entropy + λ/2 Σ W² (weights, not biases) and its gradient by backpropagation.
export function lossGradient(theta, points, { decay, drop }) {
  const gradient = new Float64Array(PARAMETERS);
  let loss = 0;
  for (const { x, y } of points) {
    const { values, slopes, logits } = forward(theta, x, drop);
    const top = Math.max(...logits);
    const logSum = top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
    loss += (logSum - logits[y]) / points.length;
    let delta = logits.map((z, k) => (Math.exp(z - logSum) - (k === y)) / points.length);
    for (let l = LAYERS.length - 1; l >= 0; l--) {
      const { inputs, outputs, weights, bias } = LAYERS[l];
      const below = new Float64Array(inputs);
      for (let o = 0; o < outputs; o++) {
        gradient[bias + o] += delta[o];
        for (let i = 0; i < inputs; i++) {
          gradient[weights + o * inputs + i] += delta[o] * values[l][i];
          below[i] += delta[o] * theta[weights + o * inputs + i];
        }
      }
      delta = l ? below.map((value, i) => value * slopes[l - 1][i]) : below;
    }
  }
  for (const { weights, bias } of LAYERS) {
    for (let i = weights; i < bias; i++) {
      loss += (decay / 2) * theta[i] ** 2;
      gradient[i] += decay * theta[i];
    }
  }
  return { loss, gradient };
}

// Epochs of SGD with momentum over shuffled mini-batches; changes `state`.
export function train(state, points, { decay, p, rate }, epochs) {
  const { theta, velocity, random } = state;
  const drop = p > 0 ? () => (random() < p ? 0 : 1 / (1 - p)) : null;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = points.map((point) => [random(), point]).sort((a, b) => a[0] - b[0]).map(([, point]) => point);
    for (let i = 0; i < order.length; i += BATCH) {
      const { gradient } = lossGradient(theta, order.slice(i, i + BATCH), { decay, drop });
      for (let j = 0; j < PARAMETERS; j++) {
        velocity[j] = MOMENTUM * velocity[j] + gradient[j];
        theta[j] -= rate * velocity[j];
      }
    }
  }
  state.epoch += epochs;
}

// Probability of class 1, without dropout.
export function predict(theta, x) {
  const [a, b] = forward(theta, x).logits;
  return 1 / (1 + Math.exp(a - b));
}

const right = (theta, points) => points.filter(({ x, y }) => predict(theta, x) > 0.5 === (y === 1)).length;
export const accuracy = (theta, points) => right(theta, points) / points.length;

// A labelled choice between the options for one of the model's values.
function choice(model, name, label, options) {
  const input = element("select", { style: "font:inherit" });
  input.append(...options.map((option) => element("option", {}, option)));
  const update = () => (input.value = model.get(name));
  input.addEventListener("change", () => {
    model.set(name, input.value);
    model.save_changes();
  });
  model.on(`change:${name}`, update);
  update();
  return element("label", { style: "display:flex;gap:.6em;align-items:center" }, label, input);
}

const SIZE = 384; // of the picture's own coordinates
const at = ([x, y]) => [((x + EDGE) / (2 * EDGE)) * SIZE, ((EDGE - y) / (2 * EDGE)) * SIZE];

// One path for each of ten bands of the probability, stronger the surer the network is.
function regions(values) {
  const paths = Array(10).fill("");
  const band = (i) => Math.min(9, Math.floor(10 * values[i]));
  const cell = SIZE / GRID;
  for (let i = 0, first = 0; i < values.length; i++) {
    if ((i + 1) % GRID && band(i + 1) === band(i)) continue;
    const [r, c] = [Math.floor(first / GRID), first % GRID];
    paths[band(i)] += `M${c * cell} ${r * cell}h${(i + 1 - first) * cell}v${cell}h${(first - i - 1) * cell}z`;
    first = i + 1;
  }
  return paths.map((d, b) => element("path", {
    d, fill: COLORS[Number(b > 4)], "fill-opacity": 0.12 * Math.abs(b - 4.5), "shape-rendering": "crispEdges",
  }));
}

// The line where both classes have probability ½, cell by cell of the grid (marching squares).
function boundary(values) {
  const place = (c) => ((c + 0.5) / GRID) * SIZE;
  let d = "";
  for (let r = 0; r < GRID - 1; r++) {
    for (let c = 0; c < GRID - 1; c++) {
      const corners = [[r, c], [r, c + 1], [r + 1, c + 1], [r + 1, c]];
      const crossings = [];
      corners.forEach(([r0, c0], i) => {
        const [r1, c1] = corners[(i + 1) % 4];
        const [v0, v1] = [values[r0 * GRID + c0] - 0.5, values[r1 * GRID + c1] - 0.5];
        if (v0 > 0 === v1 > 0) return;
        const t = v0 / (v0 - v1);
        crossings.push(`${place(c0 + t * (c1 - c0)).toFixed(1)} ${place(r0 + t * (r1 - r0)).toFixed(1)}`);
      });
      for (let i = 0; i + 1 < crossings.length; i += 2) d += `M${crossings[i]}L${crossings[i + 1]}`;
    }
  }
  return d;
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let state, points, frame;

  const settings = () => ({ decay: get("decay"), p: get("p"), rate: get("rate") });
  const broken = () => !state.theta.every(Number.isFinite);
  const load = () => (points = data(get("seed"), get("shape"), get("label_noise")));
  function restart() {
    pause();
    load();
    state = start(get("seed"));
    show();
  }
  function advance(epochs) {
    train(state, points.train, settings(), Math.min(epochs, LAST - state.epoch));
    if (broken() || state.epoch >= LAST) pause();
  }
  function animate() {
    advance(PER_FRAME);
    if (!el.isConnected) pause();
    if (frame) frame = requestAnimationFrame(animate);
    show();
  }
  function pause() {
    cancelAnimationFrame(frame);
    frame = 0;
  }
  function toggle() {
    if (still) advance(100);
    else if (frame) pause();
    else frame = requestAnimationFrame(animate);
    show();
  }

  const button = (text, action) => {
    const node = element("button", { type: "button", style: BUTTON }, text);
    node.addEventListener("click", action);
    return node;
  };
  const run = button("", toggle);
  const small = (v) => (v && v < 0.01 ? v.toExponential(0).replace("-", "−") : `${v}`);
  const control = (...rest) => slider(model, ...rest);
  const controls = element("div", { style: CONTROLS },
    control("decay", "weight decay λ", { values: DECAY }, small),
    control("p", "dropout p", { min: 0, max: 0.9, step: 0.05 }, (v) => v.toFixed(2)),
    control("label_noise", "label noise", { min: 0, max: 0.4, step: 0.05 }, (v) => v.toFixed(2)),
    control("rate", "learning rate", { values: RATES }, small),
    choice(model, "shape", "data", Object.keys(SHAPES)),
    element("div", { style: "display:flex;gap:.6em;flex-wrap:wrap" },
      run, button("Step", () => { advance(1); show(); }), button("Reset", restart)),
  );
  const picture = element("svg", {
    viewBox: `0 0 ${SIZE} ${SIZE}`,
    style: "width:100%;max-width:28em;display:block;border:1px solid currentColor;box-sizing:border-box",
    role: "img",
    "aria-label": "Training points of two classes over the network's decision regions and their boundary",
  });
  const numbers = element("p", { style: "margin:.2em 0;font-variant-numeric:tabular-nums" });
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(
    controls,
    picture,
    legend([COLORS[0], "class 0"], [COLORS[1], "class 1"], ["", "ring: flipped label"]),
    numbers, words,
  );

  function message(spread) {
    if (broken()) return "The weights have overflowed: the learning rate is too large. Reset and take a smaller one.";
    if (frame) return "Training runs.";
    if (state.epoch === 0) return "Not trained yet.";
    const flipped = points.train.filter(({ y, truth }) => y !== truth);
    const ended = `${state.epoch >= LAST ? "Training has ended" : "Paused"} after ${state.epoch} epochs.`;
    if (spread < 0.1) return `${ended} The network's output is almost the same everywhere.`;
    if (flipped.length === 0) return `${ended} No label is flipped.`;
    return `${ended} It has learned ${right(state.theta, flipped)} of the ${flipped.length} flipped labels.`;
  }

  function show() {
    const values = Float64Array.from({ length: GRID * GRID }, (_, i) => {
      const [r, c] = [Math.floor(i / GRID), i % GRID];
      return predict(state.theta, [((c + 0.5) / GRID) * 2 * EDGE - EDGE, EDGE - ((r + 0.5) / GRID) * 2 * EDGE]);
    });
    picture.replaceChildren(
      ...regions(values),
      element("path", { d: boundary(values), stroke: "currentColor", "stroke-width": 2.5, fill: "none" }),
      ...points.train.map(({ x, y, truth }) => {
        const [cx, cy] = at(x);
        const edge = y === truth ? ["black", 1] : ["currentColor", 3];
        return element("circle", { cx, cy, r: 5, fill: COLORS[y], stroke: edge[0], "stroke-width": edge[1] });
      }),
    );
    const [inTraining, inTest] = [points.train, points.test].map((set) => accuracy(state.theta, set));
    const percent = (v) => `${(100 * v).toFixed(1)} %`;
    numbers.textContent = `Epoch ${state.epoch}: accuracy ${percent(inTraining)} on the training points`
      + ` (their labels as given), ${percent(inTest)} on ${TEST} test points (labels not flipped).`;
    const spread = Math.max(...values) - Math.min(...values);
    const text = message(spread);
    if (words.textContent !== text) words.textContent = text; // unchanged while training runs: nothing is announced
    run.textContent = still ? "Train 100 epochs" : frame ? "Pause" : "Start";
  }

  for (const name of ["shape", "seed"]) model.on(`change:${name}`, restart);
  model.on("change:label_noise", () => { load(); show(); });
  restart();
  return pause; // called when the figure leaves a notebook
}

export default { render };
