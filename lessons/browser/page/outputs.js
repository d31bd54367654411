// What a cell prints and shows, as it comes.
import { html, paragraph, pre } from "./elements.js";
import { markdown } from "./markdown.js";
import { question } from "./question.js";

const MOST = 100_000; // characters of one cell that are shown
const QUESTION = "application/x-minijobs-question+json";

export class Outputs {
  constructor(element, guessed) {
    this.element = element;
    this.guessed = guessed;
  }

  clear() {
    this.element.classList.add("own"); // no longer the stored ones
    this.element.replaceChildren();
    this.stream = null;
    this.left = MOST;
  }

  add(output) {
    if (output.kind === "stream") this.#print(output.text);
    else {
      this.stream = null;
      this.element.append(output.kind === "error" ? pre(output.text, "error") : this.#display(output.data));
    }
  }

  // A sentence of the page's own, with buttons perhaps.
  note(words, ...buttons) {
    const said = paragraph("said", words, ...buttons);
    this.element.append(said);
    this.stream = null;
    return said;
  }

  #print(text) {
    if (this.left <= 0) return;
    if (this.stream === null) this.element.append((this.stream = pre("")));
    this.stream.append(text.slice(0, this.left));
    this.left -= text.length;
    if (this.left <= 0) this.note("It printed more than fits here. The rest is left out.");
  }

  #display(data) {
    if (data[QUESTION]) return question(data[QUESTION], this.guessed);
    if (data["image/svg+xml"]) return html(data["image/svg+xml"], "picture");
    if (data["text/markdown"]) return markdown(data["text/markdown"]);
    return data["text/html"] ? html(data["text/html"]) : pre(data["text/plain"] ?? "");
  }
}
