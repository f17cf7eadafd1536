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
