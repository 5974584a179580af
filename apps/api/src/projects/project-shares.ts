import type { DatasetShare, Project } from '@influencerai/shared';
import { derivedId } from '../http/derived-id.js';

/**
 * How much of the whole mix each dataset makes up: its part of its trait's part. Traits without percentages of their own
 * are alike.
 */
export const sharesOf = ({ traits }: Pick<Project, 'traits'>): DatasetShare[] =>
  traits.flatMap(({ percentage, datasets }) =>
    datasets.map((share) => ({
      datasetId: share.datasetId,
      percentage: ((percentage ?? 100 / traits.length) * share.percentage) / 100,
    })),
  );

/** The id that the mix of a project has, or is to have: a start that died has left it there. */
export const mixIdOf = (projectId: string): string => derivedId(projectId, 'mix');
