/** What TensorBoard imports. Small, so that data are asked for, and the rest of the tab fetched, before it is read. */

const catalog = fetch("./series");
catalog.catch(() => {}); // told by whoever reads it
const tab = import("./tab");

/** TensorBoard calls this in the tab's frame. */
export async function render(): Promise<void> {
  (await tab).open(catalog);
}
