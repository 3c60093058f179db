// Comfort only: every page does its work without this file.
"use strict";

const said = document.getElementById("said");

function say(text) {
  said.textContent = "";
  // A change in a later task is read aloud also when the text is the same as before.
  setTimeout(() => { said.textContent = text; }, 50);
}

// Addresses without https have no clipboard interface: then the selected text is copied the old way.
async function copy(element) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(element.textContent);
    return;
  }
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  if (!document.execCommand("copy")) {
    throw new Error("the browser does not copy");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const element = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(element);
      say(button.dataset.done);
    } catch {
      // What is selected can still be copied by hand.
    }
  });
}

for (const input of document.querySelectorAll("[data-into]")) {
  const target = document.getElementById(input.dataset.into);
  input.closest("[hidden]").hidden = false;
  input.addEventListener("change", async () => {
    if (input.files.length === 1) {
      target.value = await input.files[0].text();
    }
  });
}
