// Starts the console, or says what its program lacks.
try {
  await import("./console.js");
  // Before that, nobody would hear a form being sent.
  for (const button of document.querySelectorAll("[data-waits]")) button.disabled = false;
} catch (error) {
  document.getElementById("state").dataset.kind = "bad";
  document.getElementById("state-text").textContent =
    "The client module is not part of this build: build the server with “cargo xtask run”.";
  throw error;
}
