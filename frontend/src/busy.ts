/**
 * Whether the page is still at work on what it was told: answers on their way, things to be worked out or drawn.
 *
 * It says so on its root, as `data-busy`, for whoever drives it: a test or a script that takes pictures reads the page
 * when it is "false". Whatever starts something that changes the page later says so here, at once.
 */

const FRAMES = 2; // in which nothing begins: what a drawing brings about, such as its effects, comes within them

let works = 0;
let left = FRAMES;
let watching = false;
const waiting: (() => void)[] = [];

/** Something begins; call what is returned when it has ended. */
export function begin(): () => void {
  works++;
  left = FRAMES;
  tell(true);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    works--;
    watch();
  };
}

/** The page is busy until `work` is done. */
export async function during<T>(work: Promise<T>): Promise<T> {
  const end = begin();
  try {
    return await work;
  } finally {
    end();
  }
}

/** Call `next` when there is nothing else to do. */
export function afterwards(next: () => void): void {
  waiting.push(next);
  begin()();
}

function watch(): void {
  if (watching || works || !root) return;
  watching = true;
  afterFrame(() => {
    watching = false;
    if (works) return; // what ends last watches
    left--;
    if (!left) for (const next of waiting.splice(0)) next();
    if (left > 0) watch();
    else if (!works) tell(false);
  });
}

const root = globalThis.document?.documentElement; // none in tests of modules

/** Nothing is drawn in a frame that TensorBoard hides, and it has no height. */
function afterFrame(go: () => void): void {
  const soon = () => setTimeout(go);
  if (document.visibilityState === "hidden" || window.innerHeight === 0) soon();
  else requestAnimationFrame(soon);
}

function tell(busy: boolean): void {
  if (root && root.dataset.busy !== String(busy)) root.dataset.busy = String(busy);
}
