// Numbers, amounts, times and addresses as people read them.

const LOCALE = "en-GB";
const integer = new Intl.NumberFormat(LOCALE);
const clock = new Intl.DateTimeFormat(LOCALE, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "always", style: "long" });
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];

export const count = (value) => integer.format(value);

export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Base units as tokens, rounded to two decimals, or all of them with `exact`. */
export function tokens(units, decimals, exact = false) {
  const value = BigInt(units);
  const sign = value < 0n ? "−" : "";
  let size = value < 0n ? -value : value;
  let kept = decimals;
  if (!exact && decimals > 2) {
    const step = 10n ** BigInt(decimals - 2);
    const rounded = (size + step / 2n) / step;
    if (size > 0n && rounded === 0n) return `${sign}<0.01`;
    [size, kept] = [rounded, 2];
  }
  const digits = size.toString().padStart(kept + 1, "0");
  const whole = integer.format(BigInt(digits.slice(0, digits.length - kept)));
  const rest = digits.slice(digits.length - kept);
  const shown = exact ? rest.replace(/0+$/, "") : rest.replace(/^0+$/, "");
  return `${sign}${whole}${shown ? `.${shown}` : ""}`;
}

/** Wei as ether, four digits that count. */
export function ether(wei) {
  const value = Number(BigInt(wei)) / 1e18;
  if (value === 0) return "0";
  return value < 0.000001 ? "<0.000001" : String(Number(value.toPrecision(4)));
}

export const isZero = (units) => BigInt(units) === 0n;

/** A score or signal with its sign. */
export function signed(value, digits = 3) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

export function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1000 || size < 0.0001 ? value.toExponential(2) : value.toPrecision(4);
  return text.replace("-", "−");
}

export const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)} %`;

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  return size < 1048576 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 1048576).toFixed(1)} MiB`;
}

export const shortHash = (text) => `${text.slice(0, 5)}…${text.slice(-6)}`;

export const absolute = (seconds) => clock.format(new Date(seconds * 1000));

/** "in 3 minutes", "2 hours ago". */
export function ago(seconds, now) {
  const distance = seconds - now;
  for (const [unit, size] of UNITS) {
    if (Math.abs(distance) >= size) return relative.format(Math.trunc(distance / size), unit);
  }
  return relative.format(Math.trunc(distance), "second");
}

/** Time left as 1:02:03 or 2:05. */
export function remaining(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60)];
  const tail = String(left % 60).padStart(2, "0");
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

export const left = (seconds, before = "") => (seconds > 0 ? `${before}${remaining(seconds)}` : "waits for a block");

export function duration(seconds) {
  if (seconds < 120) return plural(seconds, "second");
  if (seconds < 7200) return plural(Math.round(seconds / 60), "minute");
  return seconds < 172_800 ? plural(Math.round(seconds / 3600), "hour") : plural(Math.round(seconds / 86_400), "day");
}

export const phaseName = (phase) => phase.replace("-", " ");
