// The run in progress: its place in the queue, its steps, and the preview that sharpens with them.

import { fromBase64 } from "./api.js";

const element = (id) => document.getElementById(id);
const mostBlurPixels = 14;
const title = document.title;

export class RunView {
  /** The settings that the server accepted. */
  settings = null;

  #stepsDone = 0;
  #firstStepAt = 0;
  #previewUrl = "";
  #previewOf = -1;
  #made = new Set();

  begin({ width, height }) {
    this.#stepsDone = 0;
    this.#made.clear();
    element("canvas").style.aspectRatio = `${width} / ${height}`;
    element("canvas").style.maxWidth = `${width * 62 / height}vh`;
    this.#setStage("Sending", 0);
    this.#dropPreview();
    element("run").hidden = false;
    element("run").scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  /** Shows one event of the server. */
  show({ accepted, queued, encoded, step, image, replicaChanged }) {
    if (accepted) {
      this.settings = accepted.settings;
      this.#setStage("Accepted", 0);
    }
    if (queued) this.#setStage(queued.ahead === 0 ? "Next in the queue" : `Waiting, ${queued.ahead} ahead`);
    if (encoded) this.#setStage("Prompt encoded", 0);
    if (replicaChanged) this.#setStage("Going on at another denoiser");
    if (step) this.#showStep(step);
    if (!image) return;
    this.#made.add(image.imageIndex);
    if (image.imageIndex === this.#previewOf) this.#dropPreview(); // The next one's may be there already.
  }

  end() {
    element("run").hidden = true;
    this.#dropPreview();
    document.title = title;
  }

  #showStep({ imageIndex, stepIndex, steps, preview }) {
    const { count } = this.settings;
    if (this.#stepsDone++ === 0) this.#firstStepAt = performance.now();
    const ofImages = count > 1 ? `Image ${imageIndex + 1} of ${count}, step` : "Step";
    this.#setStage(`${ofImages} ${stepIndex + 1} of ${steps}`, this.#stepsDone / (count * steps));
    this.#showTimeLeft(count * steps - this.#stepsDone);
    if (!preview || this.#isBehind(imageIndex)) return;
    this.#previewOf = imageIndex;
    this.#showPreview(preview, (stepIndex + 1) / steps);
  }

  /** Whether an image is still ahead of this one: of images that are made side by side the first one is shown. */
  #isBehind(imageIndex) {
    for (let ahead = 0; ahead < imageIndex; ahead++) if (!this.#made.has(ahead)) return true;
    return false;
  }

  #showTimeLeft(stepsLeft) {
    if (this.#stepsDone < 2) return; // The first one's time is not known.
    const secondsPerStep = (performance.now() - this.#firstStepAt) / (this.#stepsDone - 1) / 1000;
    element("left").textContent = `about ${Math.ceil(stepsLeft * secondsPerStep)} s left`;
  }

  #showPreview(base64, progress) {
    const preview = element("preview");
    URL.revokeObjectURL(this.#previewUrl);
    preview.src = this.#previewUrl = URL.createObjectURL(fromBase64(base64, "image/png"));
    preview.style.filter = `blur(${(1 - progress) * mostBlurPixels}px)`;
    preview.hidden = false;
  }

  #dropPreview() {
    element("preview").hidden = true;
    element("preview").removeAttribute("src");
    URL.revokeObjectURL(this.#previewUrl);
  }

  #setStage(text, progress) {
    element("stage").textContent = text;
    element("left").textContent = "";
    if (progress === undefined) return;
    element("bar").value = progress;
    document.title = progress > 0 ? `${Math.round(100 * progress)} % · ${title}` : title;
  }
}
