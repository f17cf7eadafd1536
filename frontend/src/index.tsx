/** TensorBoard imports this module in the tab's frame and calls `render`. */
export async function render(): Promise<void> {
  document.body.textContent = "Grad-CAM";
}
