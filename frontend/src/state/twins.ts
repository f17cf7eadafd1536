/** The same sample in every run that is shown. */

import type {Sample} from "../types";
import {castAt} from "../views/samples";
import {type Group, groups, step} from "./store";

export interface Twin {
  group: Group;
  index: number;
}

/** Where each run of the same series has this sample: the same picture under the same id. */
export function twinsOf(tag: string, sample: Sample, own: Twin): Twin[] {
  return groups.value
    .filter((group) => group.tag === tag)
    .flatMap((group) => {
      if (group.run === own.group.run) return [own];
      const others = castAt(group, step.value)?.cohort.samples ?? [];
      const index = others.findIndex(({image, id}) => image === sample.image && id === sample.id);
      return index < 0 ? [] : [{group, index}];
    });
}
