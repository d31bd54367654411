// An editor for Python, in the place of a <pre>: it looks the same, and can be written in.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

// `run` is for Shift-Enter and Ctrl-Enter. Tab moves on to the next control, as everywhere on a page, unless `tabIndents`.
export function editor(pre, { label, text, changed, run, tabIndents = false, numbers = false }) {
  const keys = [
    { key: "Shift-Enter", run: () => (run(true), true) },
    { key: "Mod-Enter", run: () => (run(false), true) },
    ...(tabIndents ? [indentWithTab] : []),
  ];
  const view = new EditorView({
    state: EditorState.create({
      doc: text,
      extensions: [
        history(), indentOnInput(), bracketMatching(), indentUnit.of("    "), python(),
        syntaxHighlighting(classHighlighter), keymap.of([...keys, ...defaultKeymap, ...historyKeymap]),
        ...(numbers ? [lineNumbers()] : []),
        EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off", tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && changed(update.state.doc.toString())),
      ],
    }),
  });
  pre.replaceWith(view.dom);
  return {
    view,
    text: () => view.state.doc.toString(),
    line: (number) => (number >= 1 && number <= view.state.doc.lines ? view.state.doc.line(number).text.trim() : ""),
    put: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
  };
}
