// Reads a QR code with the camera or from a picture, writes the text into a form field and sends the form.
// The picture never leaves the device. Without this script, pasting and uploading still work.

const WASM = new URL("../vendor/zxing/zxing_reader.wasm", import.meta.url).href;
const PAUSE_MS = 120;
const MAX_SIDE = 1600;

async function loadReader() {
  if ("BarcodeDetector" in globalThis && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (source) => (await detector.detect(source))[0]?.rawValue;
  }
  const zxing = await import("../vendor/zxing/reader/index.js");
  zxing.prepareZXingModule({ overrides: { locateFile: () => WASM } });
  const options = { formats: ["QRCode"], maxNumberOfSymbols: 1, tryHarder: true };
  return async (source) => (await zxing.readBarcodes(pixelsOf(source), options))[0]?.text;
}

function pixelsOf(source) {
  const width = source.videoWidth || source.width;
  const height = source.videoHeight || source.height;
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class Scanner {
  constructor(root) {
    this.root = root;
    this.video = root.querySelector("video");
    this.startButton = root.querySelector("[data-scan-start]");
    this.stopButton = root.querySelector("[data-scan-stop]");
    this.picture = root.querySelector("[data-scan-picture]");
    this.status = root.querySelector("[data-scan-status]");
    this.startButton.addEventListener("click", () => this.run(() => this.watch()));
    this.stopButton.addEventListener("click", () => this.stop());
    this.picture.addEventListener("change", () => this.run(() => this.readPicture()));
    root.hidden = false;
  }

  say(name) {
    this.status.textContent = name ? this.root.dataset[name] : "";
  }

  async run(step) {
    try {
      const text = await step();
      if (text) this.finish(text);
    } catch (error) {
      this.stop();
      const isCamera = ["NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError"].includes(error.name);
      this.say(isCamera ? "noCamera" : "noReader");
    }
  }

  async watch() {
    this.say("starting");
    const constraints = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
    this.stream = await navigator.mediaDevices.getUserMedia(constraints);
    this.video.srcObject = this.stream;
    this.show(true);
    await this.video.play();
    const read = await loadReader();
    this.say("looking");
    while (this.stream) {
      const text = this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && (await read(this.video));
      if (text) return text;
      await pause(PAUSE_MS);
    }
    return "";
  }

  async readPicture() {
    this.stop();
    if (!this.picture.files.length) return "";
    this.say("looking");
    const text = await (await loadReader())(await createImageBitmap(this.picture.files[0]));
    if (!text) this.say("nothing");
    return text;
  }

  show(isOn) {
    this.video.hidden = !isOn;
    this.stopButton.hidden = !isOn;
    this.startButton.hidden = isOn;
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.show(false);
    this.say("");
  }

  finish(text) {
    this.stop();
    this.say("found");
    const field = document.getElementById(this.root.dataset.target);
    field.value = text;
    field.form.requestSubmit();
  }
}

for (const root of document.querySelectorAll("[data-scanner]")) new Scanner(root);
