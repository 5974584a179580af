import type { Figure, Row } from '../row.ts';
import { compare, GET, jobsAmongOthers, PATCH } from './hot-routes.ts';

/** It is on by default while it costs no more than a tenth. */
const TARGET = 0.9;

export const rowSecurity: Row = {
  name: 'row-security',
  about: 'the hot routes with row security against the same without',
  measure: async (system, options) => {
    const database = await system.database('row_security');
    const ours = await system.api(database, { ROW_SECURITY: 'on' });
    const baseline = await system.api(database, { ROW_SECURITY: 'off' });
    const ids = await jobsAmongOthers(ours, database);
    const figures: Figure[] = [];
    for (const one of [GET, PATCH]) {
      const what = `${one.what}, row security on over off`;
      figures.push(await compare({ ...one, what, target: TARGET }, { ours, baseline, ids }, options));
    }
    return figures;
  },
};
