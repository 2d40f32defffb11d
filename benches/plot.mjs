// Plots as SVG that reads on a light and on a dark page.

const WIDTH = 880;
const HEIGHT = 420;
const MARGIN = { left: 70, right: 330, top: 40, bottom: 56 };
const COLOURS = ["#d9480f", "#1971c2", "#2f9e44", "#9c36b5", "#0c8599", "#f08c00", "#868e96", "#c2255c", "#5c940d"];
const MARKS = ["circle", "square", "diamond"];

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; font-size: 15px; }
    .axis { stroke: #6e7781; fill: none; }
    .grid { stroke: #6e778140; }
    @media (prefers-color-scheme: dark) { text { fill: #d0d7de; } }`;

/**
 * A plot of lines through points. An axis is `{ label, log, from, to, ticks, show }`, a series
 * `{ name, points: [[x, y, label]], bold, dashed }`.
 */
export function plot({ title, x, y, series }) {
  const [left, right, top, bottom] = [MARGIN.left, WIDTH - MARGIN.right, MARGIN.top, HEIGHT - MARGIN.bottom];
  const across = scale(x, left, right);
  const up = scale(y, bottom, top);
  const parts = [];
  const text = (at, content, attributes = "") => parts.push(`<text x="${round(at[0])}" y="${round(at[1])}" ${attributes}>${escaped(content)}</text>`);

  text([left, 22], title, 'class="title"');
  for (const tick of x.ticks) {
    parts.push(`<path class="grid" d="M${round(across(tick))} ${top}V${bottom}"/>`);
    text([across(tick), bottom + 18], (x.show ?? String)(tick), 'text-anchor="middle"');
  }
  for (const tick of y.ticks) {
    parts.push(`<path class="grid" d="M${left} ${round(up(tick))}H${right}"/>`);
    text([left - 8, up(tick) + 4], (y.show ?? String)(tick), 'text-anchor="end"');
  }
  parts.push(`<path class="axis" d="M${left} ${top}V${bottom}H${right}"/>`);
  text([(left + right) / 2, HEIGHT - 14], x.label, 'text-anchor="middle"');
  text([0, 0], y.label, `text-anchor="middle" transform="translate(18 ${(top + bottom) / 2}) rotate(-90)"`);

  series.forEach(({ name, points, bold, dashed }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const mark = MARKS[index % MARKS.length];
    const placed = points.map(([a, b, label]) => [across(a), up(b), label]);
    const line = placed.map(([a, b]) => `${round(a)} ${round(b)}`).join("L");
    parts.push(`<path d="M${line}" fill="none" stroke="${colour}" stroke-width="${bold ? 3 : 1.5}"${dashed ? ' stroke-dasharray="5 4"' : ""}/>`);
    for (const [a, b, label] of placed) {
      parts.push(marked(mark, a, b, colour));
      if (label) text([a + 7, b - 7], label);
    }
    const level = top + 10 + 20 * index;
    parts.push(marked(mark, right + 20, level - 4, colour));
    text([right + 32, level], name, bold ? 'font-weight="600"' : "");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">
  <style>${STYLE}
  </style>
  ${parts.join("\n  ")}
</svg>
`;
}

function scale({ log, from, to }, start, end) {
  const position = log ? Math.log : (value) => value;
  return (value) => start + ((position(value) - position(from)) / (position(to) - position(from))) * (end - start);
}

function marked(mark, x, y, colour) {
  if (mark === "circle") return `<circle cx="${round(x)}" cy="${round(y)}" r="4.5" fill="${colour}"/>`;
  const turn = mark === "diamond" ? ` transform="rotate(45 ${round(x)} ${round(y)})"` : "";
  return `<rect x="${round(x - 4)}" y="${round(y - 4)}" width="8" height="8" fill="${colour}"${turn}/>`;
}

const round = (number) => Number(number.toFixed(1));
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
