// JSON text with its parts told apart by colour.
import { make } from "./dom.js";

const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The text as a fragment of spans. */
export function highlight(text) {
  const fragment = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    fragment.append(text.slice(end, match.index));
    const [whole, string, colon, word] = match;
    if (colon) fragment.append(make("span", { className: "key" }, string), colon);
    else fragment.append(make("span", { className: string ? "text" : word ? "word" : "number" }, whole));
    end = match.index + whole.length;
  }
  fragment.append(text.slice(end));
  return fragment;
}
