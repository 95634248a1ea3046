// Small helpers around the document.

export const byId = (id) => document.getElementById(id);

/** Makes an element: attributes and properties by name, then children; text is always text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** Runs `work` when the form is sent, its button off meanwhile; what goes wrong is shown in `error`. */
export function onSubmit(form, error, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    error.textContent = "";
    error.classList.remove("bad");
    try {
      await work(Object.fromEntries(new FormData(form)), form);
    } catch (problem) {
      error.textContent = problem.message;
      error.classList.add("bad");
    } finally {
      button.disabled = false;
    }
  });
}

/** Copies text and says so on the button. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    say(button, "Copied");
  } catch {
    say(button, "Not allowed");
  }
}

function say(button, word) {
  const before = button.dataset.word ?? button.textContent;
  button.dataset.word = before;
  button.textContent = word;
  setTimeout(() => { button.textContent = before; }, 1500);
}

let hide;
/** Says something in passing, to screen readers as well. */
export function toast(text) {
  const toast = byId("toast");
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(hide);
  hide = setTimeout(() => toast.classList.remove("shown"), 5000);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export const timeOf = (date) => clock.format(date);

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
