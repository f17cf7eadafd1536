/** Handing out the address of exactly this view. */

import {signal} from "@preact/signals";
import {copyText} from "./host";
import {announce, settings, step, viewLink} from "./store";

const SIGN_MS = 2500; // how long the sign stays

/** What became of the last link: "copied", the link itself where the page may not copy, null when neither is to be said. */
export const handed = signal<"copied" | {link: string} | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

/** The link holds the step that is shown, also where the page follows the run. */
export async function copyLink(): Promise<void> {
  const link = viewLink({...settings.peek(), step: step.peek()});
  clearTimeout(timer);
  if (await copyText(link)) {
    handed.value = "copied";
    announce("The link was copied");
    timer = setTimeout(() => {
      handed.value = null;
    }, SIGN_MS);
  } else {
    handed.value = {link};
    announce("The browser blocked copying. The link is selected: copy it from there");
  }
}
