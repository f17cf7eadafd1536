/** What TensorBoard imports. Small, so that the rest of the tab is on its way before TensorBoard has read this. */

const tab = import("./tab");

/** TensorBoard calls this in the tab's frame. */
export async function render(): Promise<void> {
  (await tab).open();
}
