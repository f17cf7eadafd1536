/** Who wants to hear of arrivals. */
export class Listeners {
  private readonly all = new Set<() => void>();
  private planned = false;

  add(listener: () => void): () => void {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }

  /** Call everyone soon: many arrivals of one task are one call. */
  notify(): void {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      for (const listener of this.all) listener();
    });
  }
}
