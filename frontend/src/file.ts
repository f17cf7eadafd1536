/** The entry of a page that is one file, opened from disk or shown in a notebook: the tab, fed by what the page holds. */

import {FileClient} from "./api/fileClient";
import {readFrom} from "./state/source";

readFrom(new FileClient(document));
void import("./tab").then(({open}) => open());
