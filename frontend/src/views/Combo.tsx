import {useId, useLayoutEffect, useRef, useState} from "preact/hooks";

export interface Option {
  value: string;
  text: string;
  note?: string; // said behind it, in a lower voice
}

interface Props {
  label: string;
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
}

const SEARCHED = 8; // options from which on they can be searched

/** One of a list that may be long: it opens with a place to type a part of the name. */
export function Combo({label, value, options, onChange}: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const current = options.find((option) => option.value === value);
  const choose = (option: Option) => {
    list.current?.hidePopover();
    button.current?.focus();
    onChange(option.value);
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="combo"
        role="combobox"
        aria-label={label}
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-controls={id}
        popovertarget={id}
      >
        <span>{current?.text ?? value}</span>
      </button>
      <div
        ref={list}
        id={id}
        class="options"
        popover="auto"
        onToggle={(event) => setOpen((event as unknown as {newState: string}).newState === "open")}
      >
        {open && <Options anchor={button} {...{id, label, value, options, choose}} />}
      </div>
    </>
  );
}

interface OptionsProps extends Omit<Props, "onChange"> {
  id: string;
  anchor: {current: HTMLElement | null};
  choose: (option: Option) => void;
}

function Options({id, anchor, label, value, options, choose}: OptionsProps) {
  const [text, setText] = useState("");
  const found = options.filter((option) => option.text.toLowerCase().includes(text.trim().toLowerCase()));
  const [at, setAt] = useState(
    Math.max(
      0,
      options.findIndex((option) => option.value === value),
    ),
  );
  const active = Math.min(at, found.length - 1);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const popover = box.current?.parentElement;
    const {left, bottom, width} = anchor.current?.getBoundingClientRect() ?? {left: 0, bottom: 0, width: 0};
    if (popover) Object.assign(popover.style, {left: `${left}px`, top: `${bottom + 2}px`, minWidth: `${width}px`});
    box.current?.querySelector("input")?.focus();
  }, []);
  useLayoutEffect(() => {
    box.current?.querySelector("[aria-selected=true]")?.scrollIntoView({block: "nearest"});
  }, [active, text]);
  const press = (event: KeyboardEvent) => {
    const by = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (by) setAt(Math.min(Math.max(active + by, 0), found.length - 1));
    else if (event.key === "Enter" && found[active]) choose(found[active]);
    else return;
    event.preventDefault();
  };
  return (
    <div ref={box}>
      <input
        class={options.length < SEARCHED ? "text hidden" : "text"}
        type="text"
        role="combobox"
        aria-label={`Search: ${label}`}
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found[active] ? `${id}-${active}` : undefined}
        placeholder="Search"
        value={text}
        onKeyDown={press}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
      />
      <div id={`${id}-list`} role="listbox" aria-label={label}>
        {found.map((option, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are those of the box above it, which has the focus
          // biome-ignore lint/a11y/useFocusableInteractive: aria-activedescendant points at it
          <div
            key={option.value}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === active}
            class={option.value === value ? "current" : undefined}
            onClick={() => choose(option)}
          >
            {option.text}
            {option.note && <span class="note">{option.note}</span>}
          </div>
        ))}
        {!found.length && <p class="note">No match</p>}
      </div>
    </div>
  );
}
