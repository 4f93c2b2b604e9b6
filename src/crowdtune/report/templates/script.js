"use strict";
// Sorting and filtering of the table of annotators. Without it the table is whole and in order of reliability.
for (const form of document.querySelectorAll("form[data-for]")) {
  const table = document.getElementById(form.dataset.for);
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row, place) => ({ row, place, text: row.textContent.toLowerCase() }));
  const flagOf = (row) => Array.from(row.querySelectorAll(".tag"), (tag) => tag.textContent);
  const value = (row, column, numeric) => {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.toLowerCase();
    const text = cell.firstChild ? cell.firstChild.textContent : "";
    const plain = cell.dataset.v ?? text.replace(/,/g, "").replace(/^[<>]/, "").replace("−", "-");
    const number = parseFloat(plain);
    if (Number.isNaN(number)) return null;
    return text.startsWith("<") ? number - 0.5 : text.startsWith(">") ? number + 0.5 : number;
  };
  const order = (head, direction) => {
    const column = head.cellIndex;
    const numeric = head.dataset.sort === "number";
    const keyed = rows.map((entry) => ({ ...entry, key: value(entry.row, column, numeric) }));
    const unknown = (key) => key === null || key === "";
    keyed.sort((a, b) => {
      if (unknown(a.key) !== unknown(b.key)) return unknown(a.key) ? 1 : -1; // what is not known comes last
      if (a.key === b.key) return a.place - b.place;
      return (a.key < b.key ? -1 : 1) * direction;
    });
    body.append(...keyed.map((entry) => entry.row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
  };
  for (const head of table.tHead.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.sort === "number" ? -1 : 1;
      const now = head.getAttribute("aria-sort");
      order(head, now === null ? first : now === "ascending" ? -1 : 1);
    });
  }
  const wanted = form.querySelector("input");
  const flag = form.querySelector("select");
  const said = form.querySelector("output");
  const filter = () => {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = flag ? flag.value : "";
    let shown = 0;
    for (const { row, text } of rows) {
      const flags = chosen ? flagOf(row) : [];
      const fits = !chosen || (chosen === "*" ? flags.length > 0 : chosen === "-" ? !flags.length : flags.some((name) => name === chosen || name.startsWith(chosen + ":")));
      row.hidden = !(fits && words.every((word) => text.includes(word)));
      if (!row.hidden) shown += 1;
    }
    said.textContent = shown.toLocaleString("en") + (shown === rows.length ? " shown" : " of " + rows.length.toLocaleString("en") + " shown");
  };
  wanted.addEventListener("input", filter);
  if (flag) flag.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
}
