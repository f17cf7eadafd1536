import {useEffect, useRef} from "preact/hooks";
import {change, dialog, settings} from "../state/store";
import {Check, IconButton} from "./controls";
import {CLOSE} from "./icons";
import {SHORTCUTS} from "./shortcuts";

/** The sheet of what can be pressed. */
export function Keys() {
  const sheet = useRef<HTMLDialogElement>(null);
  const open = dialog.value === "keys";
  useEffect(() => {
    if (open) sheet.current?.showModal();
    else sheet.current?.close();
  }, [open]);
  const close = () => {
    dialog.value = null;
  };
  return (
    <dialog ref={sheet} class="keys" aria-labelledby="keys" data-testid="keys" onClose={close}>
      <div class="title">
        <h2 id="keys" class="keys-name">
          Keyboard shortcuts
        </h2>
        <IconButton label="Close" path={CLOSE} onClick={close} />
      </div>
      <div class="columns">
        {SHORTCUTS.map(([title, shortcuts]) => (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <dl>
              {shortcuts.map(({shown, does}) => (
                <div key={shown}>
                  <dt>
                    <kbd>{shown}</kbd>
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="note">Tab moves through all controls; Enter opens a sample.</p>
      <Check checked={settings.value.shortcuts} onChange={(shortcuts) => change({shortcuts})}>
        Enable single-key shortcuts (if off, only Tab, Enter and each control's own keys work)
      </Check>
    </dialog>
  );
}
