// What pages can do besides, where scripts run: nothing here is needed to work with them.
"use strict";

// light or dark as the person chose, before anything is drawn
const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;

document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-switch]");
  if (theme) {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  }
});

// "all of these" ticks what it stands for
document.addEventListener("change", (event) => {
  const ticker = event.target.closest("[data-ticks]");
  if (ticker) {
    for (const box of document.querySelectorAll(`[data-group="${CSS.escape(ticker.dataset.ticks)}"]`)) box.checked = ticker.checked;
  }
});

// a command takes a moment: say so, and do not send it twice
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-command]");
  if (!form) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (button) button.setAttribute("aria-busy", "true");
  document.documentElement.classList.add("working");
});
addEventListener("pageshow", () => {
  document.documentElement.classList.remove("working");
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
