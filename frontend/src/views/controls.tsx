import type {ComponentChildren} from "preact";

interface SliderProps {
  label: string;
  value: number;
  low: number;
  high: number;
  onInput: (value: number) => void;
}

/** A number that can be dragged or typed. */
export function Slider({label, value, low, high, onInput}: SliderProps) {
  const read = (event: {currentTarget: HTMLInputElement}) => {
    const typed = event.currentTarget.valueAsNumber;
    if (Number.isFinite(typed)) onInput(Math.min(Math.max(typed, low), high));
  };
  return (
    <div class="slider">
      <span>{label}</span>
      <input type="range" aria-label={label} min={low} max={high} step={0.01} value={value} onInput={read} />
      <input
        class="number"
        type="number"
        aria-label={`${label}, as a number`}
        min={low}
        max={high}
        step={0.05}
        value={Number(value.toFixed(2))}
        onChange={read}
      />
    </div>
  );
}

interface ChipProps {
  pressed: boolean;
  onClick: () => void;
  children: ComponentChildren;
}

/** One of several things to choose from. */
export function Chip({pressed, onClick, children}: ChipProps) {
  return (
    <button type="button" class="chip" aria-pressed={pressed} onClick={onClick}>
      {children}
    </button>
  );
}

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  color?: string;
  children: ComponentChildren;
}

/** Something that is shown or not; with a run's colour where it has one. */
export function Check({checked, onChange, color, children}: CheckProps) {
  return (
    <label class="choice">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      {color && <span class="dot" style={{background: color}} />}
      <span class="name">{children}</span>
    </label>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

/** One of a list, with its label in front. */
export function Select<T extends string>({label, value, options, onChange}: SelectProps<T>) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A number as people read it: thousands apart, few digits behind the point. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(3);
}
