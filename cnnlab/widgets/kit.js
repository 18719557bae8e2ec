// What the figures share: elements, controls, a plot, seeded random numbers. Python puts it in front of each module.

const COLUMNS = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19em),1fr))";
const CONTROLS = `${COLUMNS};gap:.3em 2em;margin:.4em 0;max-width:52em`;
const ROW = "display:grid;grid-template-columns:8em minmax(0,1fr) 4.5em;gap:.6em;align-items:center";
const BUTTON = "font:inherit;padding:.15em .7em;cursor:pointer;justify-self:start";
const WORDS = "margin:.4em 0;min-height:4.5em";

const PANELS = "display:flex;flex-wrap:wrap;gap:.6em 1em;align-items:flex-start";

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
  const line = (points, attributes) => {
    const places = points.map(([a, b]) => `${X(a).toFixed(2)} ${Y(b).toFixed(2)}`);
    return element("path", { d: places.length ? `M${places.join("L")}` : "", fill: "none", ...attributes });
  };
  return { svg, X, Y, draw, line };
}

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

// Seeded uniform numbers (mulberry32), so that a reload shows the same ones.
function generator(seed) {
  let a = (seed + 0x9e3779b9) | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
