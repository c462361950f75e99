// The gallery: cards of the finished images, newest first, and the viewer that shows one of them large.

const pageSize = 48;
const samplers = { SAMPLER_HEUN: "Heun", SAMPLER_DPMPP_2M: "DPM++ 2M" }; // Euler's method goes without saying.
const element = (id) => document.getElementById(id);

/** An image's settings in one line, which breaks only between them. */
function describe({ request, settings, seed }) {
  const { width, height, steps, guidance, strength } = settings;
  const parts = [`${width} × ${height}`, steps === 1 ? "1 step" : `${steps} steps`];
  if (settings.sampler in samplers) parts.push(samplers[settings.sampler]);
  if (guidance != null) parts.push(`guidance ${guidance}`);
  if (strength != null) parts.push(`from a picture, changed ${strength}`);
  parts.push(`seed ${seed}`);
  if (request.negative_prompt) parts.push(`not ${request.negative_prompt}`);
  return parts.map((part) => part.replaceAll(" ", "\u00a0")).join(" · ");
}

export class Gallery {
  #store;
  #again;
  #cards = []; // {id, image, url, card}, newest first.
  #shown = null;

  /** `again` takes an image whose settings are wanted once more. */
  constructor(store, again) {
    this.#store = store;
    this.#again = again;
    element("more").onclick = () => this.showOlder();
    element("clear").onclick = () => this.#clear();
    this.#wireViewer();
  }

  /** Shows the next older images of the store. */
  async showOlder() {
    const images = await this.#store.newest(pageSize, this.#cards.at(-1)?.id);
    for (const image of images) this.#insert(image, false);
    element("more").hidden = images.length < pageSize;
    this.#refresh();
  }

  /** Keeps a new image and shows it. Returns false where it could only be shown: the browser's disk is full. */
  async add(image) {
    const id = await this.#store.add(image).catch(() => null);
    this.#insert({ ...image, id }, true);
    this.#refresh();
    return id !== null;
  }

  #insert(image, isNew) {
    const card = element("card").content.firstElementChild.cloneNode(true);
    const url = URL.createObjectURL(image.blob);
    const entry = { id: image.id, image, url, card };
    const find = (selector) => card.querySelector(selector);

    find("img").src = url;
    find("img").alt = image.request.prompt;
    find(".prompt").textContent = image.request.prompt;
    find(".settings").textContent = describe(image);
    find(".thumb").onclick = () => this.#view(entry);
    find(".again").onclick = () => this.#again(image);
    find(".delete").onclick = () => this.#remove(entry);
    find(".download").href = url;
    find(".download").download = fileName(image);
    for (const action of card.querySelectorAll(".actions > *"))
      action.setAttribute("aria-label", `${action.textContent}: ${image.request.prompt}`); // Alike on every card but for this.

    card.classList.toggle("new", isNew);
    this.#cards[isNew ? "unshift" : "push"](entry);
    element("gallery")[isNew ? "prepend" : "append"](card);
  }

  async #remove(entry) {
    if (entry.id !== null) await this.#store.remove(entry.id);
    const next = this.#cards[this.#cards.indexOf(entry) + 1] ?? this.#cards[this.#cards.indexOf(entry) - 1];
    this.#drop(entry);
    (next?.card.querySelector(".delete") ?? element("prompt")).focus(); // The focused button is gone.
  }

  async #clear() {
    if (!confirm("Delete all images of the gallery from this browser?")) return;
    await this.#store.clear();
    for (const entry of [...this.#cards]) this.#drop(entry);
    element("more").hidden = true;
    element("prompt").focus();
  }

  #drop(entry) {
    this.#cards.splice(this.#cards.indexOf(entry), 1);
    entry.card.remove();
    URL.revokeObjectURL(entry.url);
    this.#refresh();
  }

  #refresh() {
    element("empty").hidden = this.#cards.length > 0;
    element("clear").hidden = this.#cards.length === 0;
  }

  #wireViewer() {
    const viewer = element("viewer");
    element("viewer-close").onclick = () => viewer.close();
    element("viewer-newer").onclick = () => this.#turn(-1);
    element("viewer-older").onclick = () => this.#turn(1);
    viewer.onclick = (event) => event.target === viewer && viewer.close(); // A click beside it.
    viewer.onkeydown = ({ key }) => {
      if (key === "ArrowLeft") this.#turn(-1);
      if (key === "ArrowRight") this.#turn(1);
    };
  }

  #view(entry) {
    this.#shown = entry;
    element("viewer-image").src = entry.url;
    element("viewer-image").alt = entry.image.request.prompt;
    element("viewer-title").textContent = entry.image.request.prompt;
    element("viewer-settings").textContent = describe(entry.image);
    const place = this.#cards.indexOf(entry);
    element("viewer-newer").disabled = place === 0;
    element("viewer-older").disabled = place === this.#cards.length - 1;
    if (!element("viewer").open) element("viewer").showModal();
  }

  #turn(by) {
    const next = this.#cards[this.#cards.indexOf(this.#shown) + by];
    if (next) this.#view(next);
  }
}

function fileName({ blob, request, seed }) {
  const words = request.prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["image"];
  return `${words.join("-").slice(0, 60)}-${seed}.${blob.type.slice("image/".length)}`;
}
