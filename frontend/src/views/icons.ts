/** Signs of buttons that stand in several places, as paths in a box of 24 x 24. */

export const CLOSE = "M18.3 5.7 12 12l6.3 6.3-1.4 1.4-6.3-6.3-6.3 6.3-1.4-1.4L9.2 12 2.9 5.7l1.4-1.4 6.3 6.3 6.3-6.3z";
export const FLAG = "M6 3h13l-3 4.5 3 4.5H8v9H6z";
export const KEYS =
  "M3 6h18v12H3z M5 8v8h14V8z M6.5 9.5H8V11H6.5z M10 9.5h1.5V11H10z M13 9.5h1.5V11H13z M16 9.5h1.5V11H16z M7.5 13h9v1.5h-9z";
