// A small plot of the last minute.

const POINTS = 60;
const [WIDTH, HEIGHT] = [120, 32];

export class Plot {
  #values = [];
  #svg;
  #name;
  #unit;
  #path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  #area = document.createElementNS("http://www.w3.org/2000/svg", "path");

  constructor(svg, name, unit) {
    this.#svg = svg;
    this.#name = name;
    this.#unit = unit;
    this.#area.classList.add("area");
    this.#path.classList.add("line");
    svg.append(this.#area, this.#path);
  }

  /** Adds the next value; `undefined` is a gap. */
  add(value) {
    this.#values = [...this.#values, value].slice(-POINTS);
    this.#draw();
  }

  #draw() {
    const known = this.#values.filter((value) => value !== undefined);
    const most = Math.max(1, ...known);
    const x = (index) => ((POINTS - this.#values.length + index) * WIDTH) / (POINTS - 1);
    const y = (value) => HEIGHT - 1 - (value / most) * (HEIGHT - 4);
    const points = this.#values.map((value, index) => value !== undefined && `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
    const runs = points.reduce((runs, point) => {
      if (point) runs.at(-1).push(point);
      else if (runs.at(-1).length) runs.push([]);
      return runs;
    }, [[]]).filter((run) => run.length);
    this.#path.setAttribute("d", runs.map((run) => `M${run.join("L")}`).join(""));
    this.#area.setAttribute("d", runs.map((run) =>
      `M${run[0].split(",")[0]},${HEIGHT}L${run.join("L")}L${run.at(-1).split(",")[0]},${HEIGHT}Z`).join(""));
    const now = this.#values.at(-1);
    this.#svg.setAttribute("aria-label", known.length
      ? `${this.#name} in the last minute: now ${now ?? "unknown"}, at most ${Math.max(...known)} ${this.#unit}`
      : this.#name);
  }
}
