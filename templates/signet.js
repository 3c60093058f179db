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

// Without this file there is nothing that copies, so the buttons come hidden; also those that come later.
function reveal(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
  }
}

reveal(document);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) {
    return;
  }
  try {
    await copy(document.getElementById(button.dataset.copy));
    say(button.dataset.done);
  } catch {
    // What is selected can still be copied by hand.
  }
});

for (const input of document.querySelectorAll("[data-into]")) {
  const target = document.getElementById(input.dataset.into);
  input.closest("[hidden]").hidden = false;
  input.addEventListener("change", async () => {
    if (input.files.length === 1) {
      target.value = await input.files[0].text();
    }
  });
}

// What went wrong is read first.
document.querySelector("[data-focus]")?.focus();

// A form is sent once, however often it is pressed. Back in history it can be sent again.
for (const form of document.querySelectorAll("form.wizard")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
    }
    sent = true;
  });
  window.addEventListener("pageshow", () => { sent = false; });
}

// The page of a deployment follows it.
const follow = document.getElementById("follow");
const lines = document.getElementById("lines");

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}

// Texts of machines are never markup.
function addLine(event) {
  if (document.getElementById(`line-${event.lastEventId}`)) {
    return;
  }
  const { at, source, text } = JSON.parse(event.data);
  const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  const line = document.createElement("p");
  line.id = `line-${event.lastEventId}`;
  line.append(span("at", at), " ", span("who", source), " ", text);
  lines.append(line);
  if (atEnd) {
    lines.scrollTop = lines.scrollHeight;
  }
}

async function refresh() {
  const answer = await fetch(location.pathname, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) {
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  reveal(fresh);
  const heading = document.getElementById("state").textContent;
  for (const element of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(element.id);
    if (other && other.innerHTML !== element.innerHTML) {
      element.className = other.className;
      element.replaceChildren(...other.childNodes);
    }
  }
  document.title = fresh.title;
  const now = document.getElementById("state").textContent;
  if (now !== heading) {
    say(now);
  }
}

if (lines) {
  lines.scrollTop = lines.scrollHeight;
}

if (follow && follow.dataset.events) {
  setInterval(() => {
    for (const element of document.querySelectorAll("[data-ticking]")) {
      const seconds = Number(element.dataset.ticking) + 1;
      element.dataset.ticking = seconds;
      element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }
  }, 1000);
  const events = new EventSource(follow.dataset.events);
  events.addEventListener("line", addLine);
  events.addEventListener("version", refresh);
  events.addEventListener("end", () => {
    events.close();
    refresh();
  });
  // A browser that is refused asks no more by itself: then the whole page is asked for, now and again.
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => location.reload(), 5000);
    }
  });
}
