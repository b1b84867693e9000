"use strict";
// Sorts and filters the class table. Without it the page says the same, in the order of names.
(function () {
  const table = document.querySelector(".class");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row, index) => ({
    row,
    index,
    text: row.textContent.toLowerCase(),
    result: row.dataset.r,
    cluster: row.dataset.c || "",
    late: row.dataset.l === "1",
  }));
  const tools = document.querySelector(".tools");
  const search = document.getElementById("search");
  const result = document.getElementById("result");
  const trouble = document.getElementById("trouble");
  const late = document.getElementById("late-only");
  const shown = document.getElementById("shown");
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of rows) {
      const fits =
        (!result.value || entry.result === result.value) &&
        (!trouble.value || entry.cluster === trouble.value) &&
        (!late.checked || entry.late) &&
        words.every((word) => entry.text.includes(word));
      if (entry.row.hidden === fits) entry.row.hidden = !fits;
      count += fits;
    }
    shown.value = count === rows.length ? `All ${count} students` : `${count} of ${rows.length} students`;
  }

  // An empty cell has no place in an order of numbers: it stays at the end, whichever way.
  function compare(column, direction) {
    return (a, b) => {
      const x = a.row.cells[column];
      const y = b.row.cells[column];
      const p = x.dataset.v === undefined ? x.textContent.trim() : x.dataset.v;
      const q = y.dataset.v === undefined ? y.textContent.trim() : y.dataset.v;
      if (!p !== !q) return p ? -1 : 1;
      return direction * collator.compare(p, q) || a.index - b.index;
    };
  }

  function sort(header, column) {
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    rows.sort(compare(column, direction));
    body.append(...rows.map((entry) => entry.row));
  }

  Array.from(table.tHead.rows[0].cells, (header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(header, column));
  });
  search.addEventListener("input", filter);
  for (const control of [result, trouble, late]) control.addEventListener("change", filter);
  document.getElementById("clear").addEventListener("click", () => {
    search.value = result.value = trouble.value = "";
    late.checked = false;
    filter();
    search.focus();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link) return;
    const [control, value] = link.dataset.filter.split(":");
    search.value = result.value = trouble.value = "";
    late.checked = control === "late";
    if (control === "result") result.value = value;
    if (control === "trouble") trouble.value = value;
    filter();
  });
  tools.hidden = false;
  filter();
})();
