/** What TensorBoard imports. Small, so that data are asked for, and the rest of the tab fetched, before it is read. */

/** A link to something else than what a log opens with, which `opening` would not answer. */
const ELSEWHERE = /p\.gradcam\.(view|step|runs|runFilter|tags|tagFilter|method|layer|rows|columns)=/;

const catalog = fetch("./series");
const opening = ELSEWHERE.test(window.parent.location.hash) ? undefined : fetch("./opening");
catalog.catch(() => {}); // told by whoever reads it
opening?.catch(() => {});
const tab = import("./tab");

/** TensorBoard calls this in the tab's frame. */
export async function render(): Promise<void> {
  (await tab).open(catalog, opening);
}
