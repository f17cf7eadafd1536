/** Where everything comes from: TensorBoard's routes, unless the page is a file of its own. */

import {Client} from "../api/client";

let source: Client = new Client("./");

/** Read from another source. Before the store is made, which takes it once. */
export function readFrom(other: Client): void {
  source = other;
}

export function chosenSource(): Client {
  return source;
}
