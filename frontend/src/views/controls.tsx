import type {ComponentChildren} from "preact";
import {useId, useState} from "preact/hooks";

interface SliderProps {
  label: string;
  value: number;
  low: number;
  high: number;
  by?: number; // of the buttons and the number box
  percent?: boolean; // shown as a hundred times the value
  onInput: (value: number) => void;
}

/** A number that can be dragged, typed, or pressed up and down. */
export function Slider({label, value, low, high, by = 0.05, percent = false, onInput}: SliderProps) {
  const times = percent ? 100 : 1;
  const give = (wanted: number) => {
    if (Number.isFinite(wanted)) onInput(Math.min(Math.max(rounded(wanted), low), high));
  };
  return (
    <div class="slider" style={{"--fill": `${(100 * (value - low)) / (high - low)}%`}}>
      <span>{label}</span>
      <span class="stepper">
        <button type="button" aria-label={`Less ${label.toLowerCase()}`} onClick={() => give(value - by)}>
          −
        </button>
        <NumberBox
          aria-label={`${label}, ${percent ? "in per cent" : "as a number"}`}
          min={low * times}
          max={high * times}
          step={by * times}
          value={rounded(value * times)}
          onNumber={(typed) => give(typed / times)}
        />
        <button type="button" aria-label={`More ${label.toLowerCase()}`} onClick={() => give(value + by)}>
          +
        </button>
      </span>
      <input
        type="range"
        aria-label={label}
        min={low}
        max={high}
        step={0.01}
        value={value}
        onInput={(event) => give(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}

interface NumberBoxProps {
  value: number;
  "aria-label"?: string;
  id?: string;
  class?: string;
  "data-testid"?: string;
  min?: number;
  max?: number;
  step?: number;
  onNumber: (typed: number) => void;
}

/** A number to type. What is half typed stays when the page is drawn again, as when data arrive. */
export function NumberBox({value, onNumber, ...rest}: NumberBoxProps) {
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <input
      {...rest}
      type="number"
      value={draft ?? value}
      onInput={(event) => setDraft(event.currentTarget.value)}
      onChange={(event) => {
        const typed = event.currentTarget.valueAsNumber;
        if (Number.isFinite(typed)) onNumber(typed);
        setDraft(null);
      }}
      onBlur={() => setDraft(null)}
    />
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

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

/** One of two or three, side by side. */
export function Segments<T extends string>({label, value, options, onChange}: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset class="segments" aria-label={label}>
      {options.map(([option, text]) => (
        <label key={option}>
          <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface IconButtonProps {
  label: string;
  path: string; // of a 24 x 24 box
  pressed?: boolean;
  class?: string;
  onClick: () => void;
}

/** A button that is a sign; its words are for people who listen, and for the tip. */
export function IconButton({label, path, pressed, class: name = "", onClick}: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon ${name}`}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={onClick}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={path} />
      </svg>
    </button>
  );
}
