/** The same sample in every run that is shown. */

import type {Sample} from "../types";
import {castAt, indexIn} from "./samples";
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
      const cast = castAt(group, step.value);
      const index = cast ? indexIn(cast.cohort, sample, own.index) : -1;
      return index < 0 ? [] : [{group, index}];
    });
}
