// A family of real loss curves, one for each learning rate. No imports; the runs come with the model.

const TRAIN = "#0072B2"; // Okabe and Ito's colours, as in the book's other figures
const VALIDATION = "#D55E00";
const OTHERS = "#999999";

const text = (v) => `${+v.toPrecision(2)}`;

// What the curve of a run says about its rate: coarser than `read_curves`, which knows accuracies as well.
export function reading({ train, end }, guess) {
  if (end) return "far too high: it diverged";
  const falls = train.slice(1).reduce((sum, v, i) => sum + Math.max(0, train[i] - v), 0);
  const rises = train.slice(1).reduce((sum, v, i) => sum + Math.max(0, v - train[i]), 0);
  if (train.at(-1) > 0.9 * guess) return "too low, or so high that nothing is learned: the loss stays where guessing is";
  if (rises > 0.2 * falls && train.at(-1) > 0.05 * guess) return "too high: the loss goes up and down";
  const last = Math.floor((2 * train.length) / 3);
  const pace = (train[last - 1] - train.at(-1)) / (train.length - last);
  const whole = (train[0] - train.at(-1)) / (train.length - 1);
  if (train.at(-1) > 0.1 * guess && pace > 0.3 * whole) return "low: the loss is still falling at the end";
  return "in the good range: the loss has fallen and stays down";
}

function render({ model, el }) {
  const runs = model.get("runs");
  const guess = model.get("guess");
  const controls = element("div", { style: CONTROLS },
    slider(model, "chosen", "learning rate", { min: 0, max: runs.length - 1, step: 1 }, (i) => text(runs[i].rate)));
  const epochs = Math.max(...runs.map(({ train }) => train.length));
  const top = 2 * guess;
  const curves = plot("Loss by epoch, of the chosen rate and of the others",
    { from: 0, to: epochs, ticks: [0, Math.round(epochs / 2), epochs], name: "epoch" },
    { from: 0, to: top, ticks: [0, guess, top], text: (v) => v.toFixed(1), name: "loss" });
  const log = ({ rate }) => Math.log10(rate);
  const ends = plot("Loss after the last epoch, by learning rate",
    { from: log(runs[0]) - 0.2, to: log(runs.at(-1)) + 0.2, name: "learning rate",
      ticks: [runs[0], runs[Math.floor(runs.length / 2)], runs.at(-1)].map(log), text: (v) => text(10 ** v) },
    { from: 0, to: top, ticks: [0, guess, top], text: (v) => v.toFixed(1), name: "last loss" });
  const colors = legend([TRAIN, "training"], [VALIDATION, "validation"], [OTHERS, "training, other rates"]);
  const words = element("p", { "aria-live": "polite", style: WORDS });
  el.replaceChildren(controls, element("div", { style: PANELS }, curves.svg, ends.svg), colors, words);

  const line = (values, attributes) =>
    curves.line(values.map((v, i) => [i + 1, Math.min(v, 1.1 * top)]), attributes);
  const last = (values) => Math.min(values.at(-1) ?? top, top);

  function show() {
    const chosen = Math.min(model.get("chosen"), runs.length - 1);
    const run = runs[chosen];
    curves.draw(...runs.filter((_, i) => i !== chosen).map(({ train }) => line(train, { stroke: OTHERS, opacity: 0.5 })),
      line(run.train, { stroke: TRAIN, "stroke-width": 2.5 }),
      line(run.validation, { stroke: VALIDATION, "stroke-width": 2.5, "stroke-dasharray": "6 3" }));
    const dot = (values, { rate }, color, r) => element("circle", {
      cx: ends.X(Math.log10(rate)), cy: ends.Y(last(values)), r, fill: color });
    ends.draw(...runs.map((one) => dot(one.train, one, OTHERS, 3)),
      dot(run.train, run, TRAIN, 6), dot(run.validation, run, VALIDATION, 5));
    const numbers = run.end || !run.train.length ? run.end
      : `After ${run.train.length} epochs the training loss is ${run.train.at(-1).toFixed(3)},`
        + ` the validation loss ${run.validation.at(-1).toFixed(3)}; guessing gives ${guess.toFixed(3)}.`;
    words.textContent = `Rate ${text(run.rate)}, ${reading(run, guess)}. ${numbers}`;
  }

  model.on("change:chosen", show);
  show();
}

export default { render };
