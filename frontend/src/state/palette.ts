/** TensorBoard's default run colours (its settings store, palette "default"), light and dark. */
const PALETTE: readonly (readonly [string, string])[] = [
  ["#425066", "#8e98a3"],
  ["#12b5cb", "#12b5cb"],
  ["#e52592", "#e52592"],
  ["#f9ab00", "#f9ab00"],
  ["#9334e6", "#9334e6"],
  ["#7cb342", "#7cb342"],
  ["#e8710a", "#e8710a"],
];

/** Colour of the run at `index` of TensorBoard's own list of runs. */
export function runColor(index: number, dark: boolean): string {
  const [light, night] = PALETTE[((index % PALETTE.length) + PALETTE.length) % PALETTE.length]!;
  return dark ? night : light;
}

/**
 * A run's place in TensorBoard's own list, which decides its colour; one that TensorBoard has not heard of yet comes
 * behind those, so that it does not take another's.
 */
export function placeOf(run: string, host: readonly string[], all: readonly string[]): number {
  const known = host.indexOf(run);
  if (known >= 0) return known;
  const others = new Set(host);
  return host.length + all.filter((one) => !others.has(one)).indexOf(run);
}
