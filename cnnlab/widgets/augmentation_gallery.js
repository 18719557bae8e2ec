// Random augmentations of a colour photograph. No imports; the pixels come with the model, the rest is computed here.
// An image is { W, H, data }: W·H·3 numbers in [0, 1], row by row.

const DRAWS = 6;
const PICTURES = "display:grid;grid-template-columns:repeat(auto-fill,minmax(9em,1fr));gap:.6em 1em";
const clamp = (v) => Math.min(1, Math.max(0, v));
const gray = (r, g, b) => 0.2989 * r + 0.587 * g + 0.114 * b; // torchvision's weights

export function decode(text, W) {
  const bytes = atob(text);
  const data = new Float64Array(bytes.length);
  for (let i = 0; i < data.length; i++) data[i] = bytes.charCodeAt(i) / 255;
  return { W, H: data.length / 3 / W, data };
}

// Each pixel mixed with a gray that may depend on it, or moved away from that for a share above 1.
function blended({ W, H, data }, share, other) {
  const result = new Float64Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const rest = (1 - share) * other(data[i], data[i + 1], data[i + 2]);
    for (let c = i; c < i + 3; c++) result[c] = clamp(share * data[c] + rest);
  }
  return { W, H, data: result };
}

export const brightness = (image, factor) => blended(image, factor, () => 0);

export function contrast(image, factor) {
  let mean = 0;
  for (let i = 0; i < image.data.length; i += 3) mean += gray(image.data[i], image.data[i + 1], image.data[i + 2]);
  mean /= image.W * image.H;
  return blended(image, factor, () => mean);
}

export const saturation = (image, factor) => blended(image, factor, gray);

export function hue({ W, H, data }, shift) {
  const result = Float64Array.from(data);
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
    const [top, low] = [Math.max(r, g, b), Math.min(r, g, b)];
    if (top === low) continue;
    const range = top - low;
    const h = top === r ? (g - b) / range : top === g ? 2 + (b - r) / range : 4 + (r - g) / range;
    const turned = (((h / 6 + shift) % 1) + 1) % 1;
    const part = (n) => { // how far each colour is from the top, for a hue in sixths of the circle
      const k = (n + turned * 6) % 6;
      return top - range * Math.max(0, Math.min(k, 4 - k, 1));
    };
    for (let c = 0; c < 3; c++) result[i + c] = part(5 - 2 * c);
  }
  return { W, H, data: result };
}

// Each pixel of the result from where `source` says it comes from, between the four around it; gray outside.
function moved({ W, H, data }, source) {
  const result = new Float64Array(data.length);
  const at = (x, y, c) => (x < 0 || y < 0 || x >= W || y >= H ? 0.5 : data[3 * (y * W + x) + c]);
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      const place = source(x, y); // by number, as [u, v] = … costs much where it is done for every pixel
      const left = Math.floor(place[0]);
      const top = Math.floor(place[1]);
      const s = place[0] - left;
      const t = place[1] - top;
      for (let c = 0; c < 3; c++) {
        const upper = (1 - s) * at(left, top, c) + s * at(left + 1, top, c);
        const lower = (1 - s) * at(left, top + 1, c) + s * at(left + 1, top + 1, c);
        result[3 * (y * W + x) + c] = (1 - t) * upper + t * lower;
      }
    }
  }
  return { W, H, data: result };
}

export const flip = (image, upright) =>
  moved(image, (x, y) => (upright ? [image.W - 1 - x, y] : [x, image.H - 1 - y]));

export function rotate(image, degrees) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [X, Y] = [(image.W - 1) / 2, (image.H - 1) / 2];
  return moved(image, (x, y) => [X + cos * (x - X) - sin * (y - Y), Y + sin * (x - X) + cos * (y - Y)]);
}

// A part of the image, stretched to the whole: a share of its area at a place in [0, 1]², of its shape.
export function crop(image, share, [left, top]) {
  const side = Math.sqrt(share);
  const place = (i, size, from) => from * (1 - side) * size + side * (i + 0.5) - 0.5;
  const within = (v, size) => Math.min(size - 1, Math.max(0, v));
  return moved(image, (x, y) =>
    [within(place(x, image.W, left), image.W), within(place(y, image.H, top), image.H)]);
}

function erased(image, share, ratio, [left, top]) {
  const height = Math.min(image.H - 1, Math.round(Math.sqrt(share * image.W * image.H * ratio)));
  const width = Math.min(image.W - 1, Math.round(Math.sqrt((share * image.W * image.H) / ratio)));
  const [x0, y0] = [Math.floor(left * (image.W - width + 1)), Math.floor(top * (image.H - height + 1))];
  const data = Float64Array.from(image.data);
  for (let y = y0; y < y0 + height; y++) data.fill(0, 3 * (y * image.W + x0), 3 * (y * image.W + x0 + width));
  return { ...image, data };
}

// One draw: the image, and what was done to it. Every number is drawn, used or not, so that a control changes
// nothing but its own effect.
export function draw(image, settings, seed) {
  const uniform = generator(seed);
  const done = [];
  const [area, left, top, mirrored, turned, angle] = Array.from({ length: 6 }, uniform);
  const share = settings.smallest + (1 - settings.smallest) * area;
  if (settings.smallest < 1) {
    image = crop(image, share, [left, top]);
    done.push(`crop of ${(100 * share).toFixed(0)} % of the area`);
  }
  if (settings.mirror && mirrored < 0.5) [image] = [flip(image, true), done.push("mirrored")];
  if (settings.upside_down && turned < 0.5) [image] = [flip(image, false), done.push("upside down")];
  const degrees = settings.angle * (2 * angle - 1);
  if (settings.angle) [image] = [rotate(image, degrees), done.push(`turned by ${degrees.toFixed(0)}°`)];
  for (const [name, change] of Object.entries({ brightness, contrast, saturation })) {
    const factor = 1 + settings[name] * (2 * uniform() - 1);
    if (settings[name]) [image] = [change(image, factor), done.push(`${name} × ${factor.toFixed(2)}`)];
  }
  const shift = settings.hue * (2 * uniform() - 1);
  if (settings.hue) [image] = [hue(image, shift), done.push(`hue moved by ${shift.toFixed(2)} of the circle`)];
  const [chosen, size, ratio, x, y] = Array.from({ length: 5 }, uniform);
  if (settings.noise) {
    const normal = normals(seed);
    image = { ...image, data: image.data.map((v) => clamp(v + settings.noise * normal())) };
    done.push("noise");
  }
  if (chosen < settings.erase) {
    image = erased(image, 0.02 + 0.31 * size, Math.exp(Math.log(3.3) * (2 * ratio - 1)), [x, y]);
    done.push("a rectangle erased");
  }
  return { image, words: done.join(", ").replaceAll("-", "−") || "nothing" };
}

function picture(label, caption) {
  const canvas = element("canvas", { role: "img", "aria-label": label, style: "width:100%;display:block" });
  const text = element("figcaption", { style: "font-size:.8em" }, caption);
  return {
    node: element("figure", { style: "margin:0" }, canvas, text),
    show({ W, H, data }, words) {
      [canvas.width, canvas.height] = [W, H];
      const bytes = new Uint8ClampedArray(4 * W * H);
      for (let i = 0; i < W * H; i++) {
        for (let c = 0; c < 3; c++) bytes[4 * i + c] = Math.round(255 * data[3 * i + c]);
        bytes[4 * i + 3] = 255;
      }
      canvas.getContext("2d").putImageData(new ImageData(bytes, W, H), 0, 0);
      canvas.setAttribute("aria-label", `${label}: ${words}`);
      text.textContent = words;
    },
  };
}

function render({ model, el }) {
  const names = ["smallest", "mirror", "upside_down", "angle", "brightness", "contrast", "saturation", "hue", "noise", "erase"];
  const photos = Object.fromEntries(Object.entries(model.get("pixels")).map(([name, text]) =>
    [name, decode(text, model.get("width"))]));
  const choice = element("select", { style: "font:inherit" },
    ...Object.keys(photos).map((name) => element("option", { value: name }, name)));
  const update = () => (choice.value = model.get("photo"));
  choice.addEventListener("change", () => { model.set("photo", choice.value); model.save_changes(); });
  const fixed = (v) => v.toFixed(2);
  const strength = (name) => slider(model, name, name, { min: 0, max: name === "hue" ? 0.5 : 1, step: 0.05 }, fixed);
  const again = element("button", { type: "button", style: BUTTON }, "Draw again");
  again.addEventListener("click", () => { model.set("seed", model.get("seed") + DRAWS); model.save_changes(); });
  const controls = element("div", { style: CONTROLS },
    element("label", { style: ROW }, "photograph", choice),
    slider(model, "smallest", "smallest crop", { min: 0.1, max: 1, step: 0.05 }, (v) => `${(100 * v).toFixed(0)} %`),
    toggle(model, "mirror", "mirror left and right"),
    toggle(model, "upside_down", "turn upside down"),
    slider(model, "angle", "largest angle", { min: 0, max: 180, step: 5 }, (v) => `${v}°`),
    ...["brightness", "contrast", "saturation", "hue"].map(strength),
    slider(model, "noise", "noise", { min: 0, max: 0.3, step: 0.02 }, fixed),
    slider(model, "erase", "erase", { min: 0, max: 1, step: 0.1 }, fixed),
    again,
  );
  const original = picture("The photograph as it is", "");
  const drawn = Array.from({ length: DRAWS }, (_, i) => picture(`Draw ${i + 1}`, ""));
  const words = element("p", { "aria-live": "polite", style: "margin:.4em 0" });
  el.replaceChildren(controls, element("div", { style: PICTURES }, ...[original, ...drawn].map(({ node }) => node)), words);

  function show() {
    update();
    const settings = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const photo = photos[model.get("photo")];
    original.show(photo, "as it is");
    const results = drawn.map((_, i) => draw(photo, settings, model.get("seed") + i));
    results.forEach(({ image, words: done }, i) => drawn[i].show(image, done));
    const count = new Set(results.map(({ words: done }) => done)).size;
    words.textContent = `${count} different ${count === 1 ? "draw" : "draws"} of ${DRAWS}; the first: ${results[0].words}.`;
  }

  for (const name of [...names, "photo", "seed"]) model.on(`change:${name}`, show);
  show();
}

export default { render };
