/** Regions of a picture as they stand in links and questions. */

import type {Region} from "../api/findings";

const DIGITS = 4;

/** A region as it stands in a link: its edges, and those of its hole. */
export function regionText({x0, y0, x1, y1, hole}: Region): string {
  return [x0, y0, x1, y1, ...(hole ?? [])].map((edge) => String(Number(edge.toFixed(DIGITS)))).join(",");
}

/** The region that a link has; null where it has none, or nothing that is one. */
export function regionFrom(text: string | null): Region | null {
  const edges = (text ?? "").split(",").map(Number);
  if (![4, 8].includes(edges.length) || !edges.every((edge) => edge >= 0 && edge <= 1)) return null;
  const [x0, y0, x1, y1, ...hole] = edges as [number, number, number, number, ...number[]];
  if (!(x1 > x0 && y1 > y0)) return null;
  return {x0, y0, x1, y1, hole: hole.length ? (hole as [number, number, number, number]) : null};
}
