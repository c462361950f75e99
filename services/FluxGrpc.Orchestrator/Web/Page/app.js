// The page: the form, the run in progress, and the gallery that takes what comes out of it.

import { fromBase64, generate, getInfo, ServerError, toBase64 } from "./api.js";
import { Gallery } from "./gallery.js";
import { OrderForm } from "./form.js";
import { RunView } from "./run.js";
import { openStore } from "./store.js";

const infoRetryMilliseconds = 2000;
const element = (id) => document.getElementById(id);

const form = new OrderForm();
const view = new RunView();
let running = null;

const store = await openStore();
const gallery = new Gallery(store, (image) => {
  form.fill({ ...form.defaults, ...image.request, start: image.start, seed: image.seed, count: 1 });
  announce("The image's settings and seed are in the form.");
  element("prompt").focus();
});
await gallery.showOlder();
if (!store.isLasting) element("empty").textContent = "This browser keeps no gallery here: images are gone when you leave the page.";
const info = await waitForInfo();

element("order").onsubmit = (event) => {
  event.preventDefault();
  if (!running && form.check()) run(form.request(), form.start);
};
element("cancel").onclick = () => running?.abort();
element("reset").onclick = () => form.fill(form.defaults);
document.onkeydown = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !element("viewer").open) element("order").requestSubmit();
  if (event.key === "Escape" && !element("viewer").open) running?.abort();
};
element("generate").disabled = false;

/** The models may still be loading: the page waits for them. */
async function waitForInfo() {
  while (true) {
    try {
      const info = await getInfo();
      form.accept(info);
      element("model").textContent = info.denoiser.component.randomWeights
        ? `${info.modelName} (random weights: the images mean nothing)`
        : info.modelName;
      return info;
    } catch (error) {
      element("model").textContent = `${error.message} Trying again …`;
      await new Promise((resolve) => setTimeout(resolve, infoRetryMilliseconds));
    }
  }
}

async function run(request, start) {
  running = new AbortController();
  swap("generate", "cancel");
  view.begin(request);
  announce("Started.");
  try {
    const previews = { preview_interval: info.vae.latentColors ? 1 : 0 };
    const picture = start ? { init_image: await toBase64(start) } : {};
    for await (const event of generate({ ...request, ...previews, ...picture }, running.signal)) {
      view.show(event);
      if (event.image) await keep(event.image, request, start, view.settings);
    }
    announce("All images are done.");
  } catch (error) {
    if (running.signal.aborted) announce("Cancelled.");
    else if (error instanceof ServerError) form.showProblems(error);
    else form.showProblems({ message: `The server cannot be reached: ${error.message}` });
  } finally {
    running = null;
    view.end();
    swap("cancel", "generate");
  }
}

/** Puts a button in another one's place, and the focus on it where the other one had it. */
function swap(from, to) {
  const hadFocus = document.activeElement === element(from);
  element(from).hidden = true;
  element(to).hidden = false;
  if (hadFocus) element(to).focus();
}

/** Puts an image into the gallery with everything that it takes to make it again. */
async function keep({ data, mediaType, seed }, request, start, settings) {
  const image = { blob: fromBase64(data, mediaType), request, start, seed, settings, model: info.modelName, made: Date.now() };
  if (!await gallery.add(image))
    form.showProblems({ message: "This browser has no room for more images: download this one before you leave." });
}

function announce(text) {
  element("announcement").textContent = text;
}
