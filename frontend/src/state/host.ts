/** What TensorBoard around the frame tells: theme, type, hash, reloads, runs. Nothing here is needed to work without it. */

/** Whether the page is a file of its own, made by `export`: nothing is around it, and its address is its own. */
export const isFile = document.documentElement.dataset.gradcam === "file";

const host: Window = isFile ? window : window.parent;
/** The hash where the page may not write its own address, as within a notebook. */
let keptHash: string | null = null;

/** Follow TensorBoard's theme: it has no message for it, but marks its own body. A file follows the system's. */
export function followTheme(listener: (dark: boolean) => void): void {
  if (isFile) {
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", () => listener(system.matches));
    listener(system.matches);
    return;
  }
  const tell = () => listener(host.document.body.classList.contains("dark-mode"));
  new MutationObserver(tell).observe(host.document.body, {attributes: true, attributeFilter: ["class"]});
  tell();
}

/** TensorBoard's own Roboto: its font rules are repeated in the frame, which does not inherit them. */
export function borrowFonts(): void {
  if (host === window) return;
  const rules = [...host.document.styleSheets].flatMap((sheet) => {
    try {
      return [...sheet.cssRules].filter((rule) => rule.cssText.startsWith("@font-face"));
    } catch {
      return []; // a sheet of another origin
    }
  });
  const roboto = rules.filter((rule) => /Roboto["']?;/.test(rule.cssText));
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(roboto.map((rule) => rule.cssText).join("\n"));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

export function readHash(): string {
  return keptHash ?? host.location.hash;
}

/**
 * Into the host's address, where `isPlace` as a place that "back" returns to; else replacing, so that dragging a slider
 * leaves no trail. Never into the frame's own history: its entries would stay after a change of the tab.
 */
export function writeHash(hash: string, isPlace: boolean): void {
  if (hash === readHash()) return;
  try {
    if (isPlace) host.history.pushState(host.history.state, "", hash);
    else host.history.replaceState(host.history.state, "", hash);
  } catch (error) {
    if (!isFile) throw error;
    keptHash = hash;
  }
}

export function onHashChange(listener: () => void): void {
  host.addEventListener("hashchange", listener);
}

/** The address of exactly this view. */
export function currentLink(): string {
  return host.location.href;
}

/** Put `text` onto the clipboard; false where the browser lets this page do so in neither way. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // there is none where the page is no secure origin
    return true;
  } catch {
    return copyByCommand(text);
  }
}

/** As pages did before: by selecting the text. */
function copyByCommand(text: string): boolean {
  const before = document.activeElement;
  const box = Object.assign(document.createElement("textarea"), {value: text, className: "hidden"});
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}

/** TensorBoard hides a tab's frame by giving it no height; `visibilityState` stays "visible". */
export function isHidden(): boolean {
  return window.innerHeight === 0 || document.visibilityState === "hidden";
}

interface Message {
  type: string;
  id: number;
  payload: unknown;
  error: string | null;
  isReply: boolean;
}

/** Call `onReload` when TensorBoard has read the log again, and `onRuns` with its runs, in its own order. */
export function listenToHost(onReload: () => void, onRuns: (runs: string[]) => void): void {
  if (host === window) return;
  const {port1: port, port2} = new MessageChannel();
  const send = (message: Message) => port.postMessage(JSON.stringify(message));
  const askRuns = () => send({type: "experimental.GetRuns", id: 0, payload: null, error: null, isReply: false});
  port.onmessage = ({data}) => {
    const message = JSON.parse(data as string) as Message;
    if (message.isReply) {
      if (Array.isArray(message.payload)) onRuns(message.payload as string[]);
      return;
    }
    if (message.type === "experimental.DataReloaded") onReload();
    if (message.type === "experimental.RunsChanged") askRuns();
    send({...message, payload: null, error: null, isReply: true}); // the host waits for an answer
  };
  host.postMessage("experimental.bootstrap", "*", [port2]);
  askRuns();
}
