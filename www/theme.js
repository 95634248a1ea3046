// Light, dark, or as the system has it; remembered.

const KEY = "sanmon.theme";
const ORDER = ["system", "light", "dark"];
const LOOK = { system: ["◐", "as the system has it"], light: ["☀", "light"], dark: ["☾", "dark"] };

export function theme(button) {
  let chosen = ORDER.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "system";
  const show = () => {
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    const [sign, words] = LOOK[chosen];
    button.textContent = sign;
    button.setAttribute("aria-label", `Theme: ${words}`);
  };
  button.addEventListener("click", () => {
    chosen = ORDER[(ORDER.indexOf(chosen) + 1) % ORDER.length];
    localStorage.setItem(KEY, chosen);
    show();
  });
  show();
}
