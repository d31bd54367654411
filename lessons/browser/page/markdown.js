// The little of Markdown that hints, solutions and checks use: paragraphs, lists, code, `code`, **bold** and *emphasis*.
import { classHighlighter, highlightCode } from "@lezer/highlight";
import { pythonLanguage } from "@codemirror/lang-python";

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\*(.+?)\*|\[([^\]]+)\]\([^)]*\)/gs;

export function markdown(source) {
  const element = document.createElement("div");
  const parts = source.split(/^```(\w*)\n([\s\S]*?)^```$/m); // prose, language, code, prose, …
  parts.forEach((part, at) => {
    if (at % 3 === 0) element.append(...part.split(/\n\s*\n/).filter((block) => block.trim()).map(block));
    if (at % 3 === 2) element.append(code(part.replace(/\n$/, ""), parts[at - 1]));
  });
  return element;
}

function block(text) {
  const items = text.trim().split(/^(?:[-*]|\d+\.) +/m);
  if (items.length === 1) return filled("p", text.trim());
  const list = document.createElement(/^\d/.test(text.trim()) ? "ol" : "ul");
  list.append(...items.filter((item) => item.trim()).map((item) => filled("li", item.trim())));
  return list;
}

// An element with this text in it.
export function filled(name, text) {
  const element = document.createElement(name);
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, bold, emphasis, link] = found;
    element.append(text.slice(from, found.index));
    const kind = code ? "code" : bold ? "strong" : emphasis ? "em" : "span";
    if (code) element.append(Object.assign(document.createElement("code"), { textContent: code }));
    else element.append(filled(kind, bold ?? emphasis ?? link));
    from = found.index + whole.length;
  }
  element.append(text.slice(from));
  return element;
}

function code(source, language) {
  const element = document.createElement("pre");
  element.className = "code";
  const put = (text, classes) => {
    const part = classes ? Object.assign(document.createElement("span"), { className: classes }) : null;
    part?.append(text);
    element.append(part ?? text);
  };
  if (language === "python") highlightCode(source, pythonLanguage.parser.parse(source), classHighlighter, put, () => put("\n"));
  else put(source);
  return element;
}
