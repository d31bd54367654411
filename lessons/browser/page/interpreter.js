// A Python of the page's: a worker, what it is at, and its end. `heard` gets every message, and {type: "loading" | "ready" | …}.
const SITE = new URL("..", import.meta.url);

export class Interpreter {
  constructor(lesson, heard, more = {}) {
    this.state = "loading";
    this.at = null; // the last line that was told: {cell, line, seconds}
    this.worker = new Worker(new URL("page/python.js", SITE), { type: "module" });
    this.ready = new Promise((resolve, reject) => {
      this.worker.addEventListener("message", ({ data }) => {
        if (data.type === "at") this.at = data;
        if (data.type === "ready") resolve((this.state = "ready"));
        if (data.type === "failed") reject(this.#failed(data.reason));
        heard(data);
      });
      this.worker.addEventListener("error", (event) => {
        event.preventDefault();
        if (this.state !== "loading") return;
        const reason = "Python could not be loaded.";
        reject(this.#failed(reason));
        heard({ type: "failed", reason });
      });
    });
    this.ready.catch(() => {}); // it has been heard
    this.post({ type: "start", lesson, ...more });
  }

  #failed(reason) {
    this.state = "failed";
    return new Error(reason);
  }

  post(message) {
    this.at = null;
    this.worker.postMessage(message);
  }

  // The end, whatever it is at. It can do nothing more.
  end() {
    this.state = "ended";
    this.worker.terminate();
  }
}
