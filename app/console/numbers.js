// Numbers as people read them.

const whole = new Intl.NumberFormat("en");

export const count = (value) => whole.format(value);

/** Four significant places, and a true minus. */
export function score(value) {
  const shown = Math.abs(value) >= 100 ? value.toFixed(1) : Math.abs(value) >= 10 ? value.toFixed(2) : value.toFixed(4);
  return shown.replace(/^-(?=0\.?0*$)/, "").replace("-", "−");
}

export function milliseconds(value) {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`;
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  let size = value;
  while (size >= 1000 && place < units.length - 1) {
    size /= 1024;
    place += 1;
  }
  return `${place === 0 ? size : size.toFixed(1)} ${units[place]}`;
}

export const percent = (value) => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;

/** How long ago a moment is. */
export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];
  const [, unit, name] = steps.find(([limit]) => seconds < limit);
  return `${Math.max(0, Math.round(seconds / unit))} ${name} ago`;
}
