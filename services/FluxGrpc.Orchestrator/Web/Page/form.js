// The form of an order: defaults and limits from the server, settings that survive a reload, problems beside their fields.
// Its fields are called as those of GenerateRequest.

const element = (id) => document.getElementById(id);
const texts = ["prompt", "negative_prompt"];
const numbers = ["width", "height", "steps", "guidance", "count", "true_cfg_scale", "strength"];
const fields = [...texts, ...numbers, "seed", "sampler", "format"];
const onlyWith = { true_cfg_scale: "negative_prompt", strength: "init_image" };
const storageKey = "fluxgrpc.order";
const patch = 16;

export class OrderForm {
  /** The server's settings where nothing is entered. */
  defaults = {};

  #pixels = 0;
  #start = null;

  constructor() {
    element("shape").oninput = () => this.#reshape(element("shape").value);
    element("width").oninput = element("height").oninput = () => this.#nameShape();
    element("init_image").oninput = ({ target }) => this.#startFrom(target.files[0]);
    element("start-remove").onclick = () => this.#setStart(null);
    element("order").addEventListener("input", ({ target }) => {
      this.#setProblem(target.name, "");
      remember(this.#values());
    });
  }

  /** Takes the server's defaults and limits. */
  accept({ defaults, limits }) {
    const { width, height, steps, guidance, count } = defaults;
    this.defaults = {
      width, height, steps, guidance: guidance ?? "", count, seed: "", negative_prompt: "", true_cfg_scale: "", strength: "",
      sampler: element("sampler").options[0].value, format: element("format").options[0].value, start: null,
    };
    this.#pixels = width * height;
    for (const text of texts) element(text).maxLength = limits.maxPromptLength;
    for (const side of ["width", "height"]) Object.assign(element(side), { min: limits.minSide, max: limits.maxSide });
    element("steps").max = limits.maxSteps;
    element("guidance").max = limits.maxGuidance;
    element("count").max = limits.maxCount;
    element("guidance-field").hidden = element("guidance").disabled = guidance == null;
    this.fill({ ...this.defaults, ...remembered() });
  }

  /** Puts values into the fields; those that are left out stay. `start` is the picture to start from. */
  fill(values) {
    for (const name of fields) if (name in values) element(name).value = values[name];
    if ("start" in values) this.#setStart(values.start);
    this.#nameShape();
    this.#clearProblems();
    element("more-settings").open ||= ["negative_prompt", "start"].some((name) => values[name]);
    remember(this.#values());
  }

  /** True where every field can be sent; otherwise says beside each what is wrong. */
  check() {
    this.#clearProblems();
    const wrong = fields.map(element).filter((field) => !field.checkValidity());
    for (const field of wrong) this.#setProblem(field.name, field.validationMessage);
    this.#focus(wrong[0]?.name);
    return wrong.length === 0;
  }

  /** The GenerateRequest, but for the picture to start from. What is empty is left to the server. */
  request() {
    const given = Object.entries(this.#values()).filter(([name, value]) =>
      value !== "" && !element(name).disabled && this.#has(onlyWith[name]));
    return Object.fromEntries(given.map(([name, value]) => [name, numbers.includes(name) ? Number(value) : value]));
  }

  /** The picture to start from, or null. */
  get start() {
    return this.#start;
  }

  /** Shows what the server refused, each violation at its field where there is one. */
  showProblems({ message, violations = [] }) {
    const known = violations.filter(({ field }) => element(`${field}-problem`));
    for (const { field, description } of known) this.#setProblem(field, sentence(description));
    if (known.length === 0) element("problem").textContent = message;
    this.#focus(known[0]?.field);
  }

  /** True where a field that another one needs is filled in; also where none is needed. */
  #has(name) {
    if (name === "init_image") return this.#start !== null;
    return name === undefined || element(name).value !== "";
  }

  #values() {
    return Object.fromEntries(fields.map((name) => [name, element(name).value]));
  }

  #focus(name) {
    if (!name) return;
    element("more-settings").open ||= element("more-settings").contains(element(name));
    element(name).focus();
  }

  #setProblem(name, text) {
    if (!name || !element(`${name}-problem`)) return;
    element(`${name}-problem`).textContent = text;
    element(name).setAttribute("aria-invalid", text !== "");
  }

  #clearProblems() {
    for (const name of [...fields, "init_image"]) this.#setProblem(name, "");
    element("problem").textContent = "";
  }

  /** Starts from a file that was chosen, in a size of its shape that the model likes. */
  async #startFrom(file) {
    if (!file) return;
    try {
      const { width, height } = await createImageBitmap(file);
      this.#setStart(file);
      this.#reshape(`${width}:${height}`);
      this.#nameShape();
    } catch {
      this.#setStart(null);
      this.#setProblem("init_image", "This is no picture that the browser can read.");
    }
  }

  #setStart(picture) {
    this.#start = picture;
    element("init_image").value = "";
    element("init_image").hidden = picture !== null;
    element("start-name").parentElement.hidden = picture === null;
    element("start-name").textContent = picture?.name ?? "";
  }

  /** Sets width and height to a ratio with about as many pixels as the model likes. */
  #reshape(ratio) {
    if (!ratio) return;
    const [across, down] = ratio.split(":").map(Number);
    const unit = Math.sqrt(this.#pixels / (across * down));
    for (const [side, parts] of [["width", across], ["height", down]])
      element(side).value = Math.max(element(side).min, Math.round(unit * parts / patch) * patch);
  }

  /** Names the shape that width and height have. */
  #nameShape() {
    const [width, height] = [Number(element("width").value), Number(element("height").value)];
    const ratios = [...element("shape").options].map((option) => option.value);
    element("shape").value = ratios.find((ratio) => ratio && fits(ratio, width, height)) ?? "";
  }
}

/** True where the sides have a ratio as closely as sides of whole patches can. */
function fits(ratio, width, height) {
  const [across, down] = ratio.split(":").map(Number);
  return Math.abs(width - height * across / down) < patch / 2 + 1 || Math.abs(height - width * down / across) < patch / 2 + 1;
}

function remember(values) {
  try {
    localStorage.setItem(storageKey, JSON.stringify(values));
  } catch {
    // The browser keeps nothing: the form then begins with the defaults.
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(storageKey)) ?? {};
  } catch {
    return {};
  }
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
