// The line at the bottom of the window: what Python is doing.

export class Bar {
  constructor() {
    this.element = document.createElement("aside");
    this.element.className = "bar";
    this.element.setAttribute("aria-label", "Python");
    this.words = document.createElement("span");
    this.words.setAttribute("role", "status");
    this.more = document.createElement("span"); // changes too often to be read aloud
    this.more.className = "detail";
    this.loaded = Object.assign(document.createElement("progress"), { hidden: true });
    this.loaded.setAttribute("aria-label", "Python is loading");
    this.element.append(this.words, this.loaded, this.more);
    document.body.append(this.element);
  }

  buttons(...buttons) {
    this.element.append(...buttons);
  }

  say(words) {
    this.more.textContent = "";
    if (words) this.words.textContent = words;
  }

  detail(words) {
    this.more.textContent = words;
  }

  loading(bytes, total) {
    this.words.textContent = "Python is loading.";
    this.loaded.hidden = false;
    if (!total) return;
    if (bytes >= total) return this.starting();
    this.loaded.max = total;
    this.loaded.value = bytes;
    this.more.textContent = `${megabytes(bytes)} of ${megabytes(total)} MB`;
  }

  // Everything is there, and begins to run.
  starting() {
    this.loaded.hidden = true;
    this.say("Python is starting …");
  }

  ready() {
    this.loaded.hidden = true;
    this.say("Python is ready.");
  }

  failed(reason) {
    this.loaded.hidden = true;
    this.say(reason);
    for (const button of this.element.querySelectorAll("button")) button.remove();
  }
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
