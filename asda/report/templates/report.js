"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

/* Players. Each sound is stored once; whoever shows its clip takes it from there. */

function player(number) {
  const audio = document.createElement("audio");
  audio.controls = true;
  audio.preload = "metadata";
  audio.src = data.players[number];
  audio.setAttribute("aria-label", data.clips[number].name);
  return audio;
}

for (const audio of document.querySelectorAll("audio[data-clip]")) {
  audio.src = data.players[audio.dataset.clip];
}

// One sound at a time.
document.addEventListener("play", (event) => {
  for (const audio of document.querySelectorAll("audio")) {
    if (audio !== event.target) audio.pause();
  }
}, true);

function line(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

/* The lists of clips that cells open. */

const dialog = document.getElementById("clips");

function clipItem(number) {
  const clip = data.clips[number];
  const item = line("li", "");
  item.append(line("strong", clip.name));
  item.append(line("div", `true: ${clip.true}; predicted: ${clip.predicted}; score of ${clip.scored}: ${clip.score}`));
  if (number in data.players) item.append(player(number));
  if (clip.file) item.append(line("div", clip.file + (clip.times ? `, ${clip.times}` : ""), "file"));
  return item;
}

function openList(button) {
  const set = button.closest("[data-set]").dataset.set;
  const numbers = data.lists[set][button.dataset.list];
  const count = Number(button.textContent);
  document.getElementById("clips-title").textContent = button.getAttribute("aria-label");
  document.getElementById("clips-note").textContent =
    count > numbers.length ? `The first ${numbers.length} of ${count}, the most confident errors or the least certain decisions first.` : "";
  document.getElementById("clips-list").replaceChildren(...numbers.map(clipItem));
  dialog.showModal();
  dialog.scrollTop = 0;
}

for (const button of document.querySelectorAll("button[data-list]")) {
  button.addEventListener("click", () => openList(button));
}

dialog?.addEventListener("close", () => document.getElementById("clips-list").replaceChildren());

/* Tables that sort: by numbers where cells have a value, else by text; undefined values last. */

function compareBy(column, falling) {
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  return (first, second) => {
    const [a, b] = [key(first), key(second)];
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = column ? a - b : a.localeCompare(b);
    return falling ? -order : order;
  };
}

function sortBy(header) {
  const falling = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const body = header.closest("table").tBodies[0];
  body.append(...[...body.rows].sort(compareBy(header.cellIndex, falling)));
}

for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.parentElement));
}

/* Groups of many elements are one stop of the Tab key; arrow keys move within them. */

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

function centre(element) {
  const box = element.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}

// The nearest element in the direction; one that lies to the side counts as farther away.
function neighbour(items, from, [dx, dy]) {
  const [x, y] = centre(from);
  let best = null;
  let least = Infinity;
  for (const item of items) {
    const [u, v] = centre(item);
    const ahead = (u - x) * dx + (v - y) * dy;
    const aside = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
    if (ahead > 0.5 && ahead + 3 * aside < least) {
      least = ahead + 3 * aside;
      best = item;
    }
  }
  return best;
}

for (const group of document.querySelectorAll(".roving")) {
  const items = [...group.querySelectorAll("button, [role=option]")];
  items.forEach((item, index) => item.setAttribute("tabindex", index ? -1 : 0));
  group.addEventListener("focusin", (event) => {
    if (!items.includes(event.target)) return;
    items.forEach((item) => item.setAttribute("tabindex", item === event.target ? 0 : -1));
  });
  group.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS) || !items.includes(event.target)) return;
    event.preventDefault();
    neighbour(items, event.target, ARROWS[event.key])?.focus();
  });
}

/* The map of embeddings. */

for (const map of document.querySelectorAll("[data-map]")) {
  const points = [...map.querySelectorAll("[role=option]")];
  const now = map.querySelector(".now");

  const choose = (point) => {
    const clip = data.clips[point.dataset.clip];
    points.forEach((other) => other.setAttribute("aria-selected", other === point));
    now.replaceChildren(line("p", `${clip.name}: ${clip.true}; predicted: ${clip.predicted} (score of ${clip.scored}: ${clip.score})`));
    if (point.dataset.clip in data.players) {
      const audio = player(point.dataset.clip);
      now.append(audio);
      audio.play().catch(() => {}); // without a sound device, the player stays silent
    } else {
      now.append(line("p", "No player in this page.", "note"));
    }
  };

  for (const point of points) {
    point.addEventListener("click", () => choose(point));
    point.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(point);
    });
  }

  for (const button of map.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const alone = button.getAttribute("aria-pressed") !== "true";
      for (const other of map.querySelectorAll(".legend button")) other.setAttribute("aria-pressed", alone && other === button);
      for (const point of points) point.classList.toggle("faint", alone && point.dataset.label !== button.dataset.label);
    });
  }
}
