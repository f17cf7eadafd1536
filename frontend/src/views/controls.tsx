import type {ComponentChildren} from "preact";
import {useId, useState} from "preact/hooks";

interface SliderProps {
  label: string;
  value: number;
  low: number;
  high: number;
  by?: number; // of the buttons and the number box
  percent?: boolean; // shown as a hundred times the value
  disabled?: boolean;
  onInput: (value: number) => void;
}

/** A number that can be dragged, typed, or pressed up and down. */
export function Slider({label, value, low, high, by = 0.05, percent = false, disabled = false, onInput}: SliderProps) {
  const times = percent ? 100 : 1;
  const give = (wanted: number) => {
    if (Number.isFinite(wanted)) onInput(Math.min(Math.max(rounded(wanted), low), high));
  };
  return (
    <div class={disabled ? "slider off" : "slider"} style={{"--fill": `${(100 * (value - low)) / (high - low)}%`}}>
      <span>{label}</span>
      <span class="stepper">
        <button
          type="button"
          disabled={disabled}
          aria-label={`Less ${label.toLowerCase()}`}
          onClick={() => give(value - by)}
        >
          −
        </button>
        <NumberBox
          aria-label={`${label}, ${percent ? "in percent" : "as a number"}`}
          min={low * times}
          max={high * times}
          step={by * times}
          disabled={disabled}
          value={rounded(value * times)}
          onNumber={(typed) => give(typed / times)}
        />
        <button
          type="button"
          disabled={disabled}
          aria-label={`More ${label.toLowerCase()}`}
          onClick={() => give(value + by)}
        >
          +
        </button>
      </span>
      <input
        type="range"
        aria-label={label}
        min={low}
        max={high}
        step={0.01}
        disabled={disabled}
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
  disabled?: boolean;
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

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  color?: string;
  disabled?: boolean;
  children: ComponentChildren;
}

/** Something that is shown or not; with a run's colour where it has one. */
export function Check({checked, onChange, color, disabled, children}: CheckProps) {
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {color && <span class="dot" style={{background: color}} />}
      <span class="name">{children}</span>
    </label>
  );
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  disabled?: boolean;
  onChange: (value: T) => void;
}

/** One of a list, with its label in front. */
export function Select<T extends string>({label, value, options, disabled, onChange}: SelectProps<T>) {
  return (
    <label class="field">
      <span>{label}</span>
      <select
        aria-label={label}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
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
  disabled?: boolean;
  onChange: (value: T) => void;
}

/** One of two or three, side by side. */
export function Segments<T extends string>({label, value, options, disabled, onChange}: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset class="segments" aria-label={label} disabled={disabled}>
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
  tabIndex?: number;
  onClick: () => void;
}

/** A button that is a sign; its words are for people who listen, and for the tip. */
export function IconButton({label, path, pressed, class: name = "", tabIndex, onClick}: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon ${name}`}
      tabIndex={tabIndex}
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
