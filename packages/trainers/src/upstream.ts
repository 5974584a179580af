import type { BuiltInTrainer, TrainerId } from '@influencerai/shared';

/** Where the source of a trainer comes from: a commit that its planner and driver were written against. */
export interface GitUpstream {
  kind: 'git';
  url: string;
  commit: string;
  /** Date of the commit. */
  date: string;
  /** A file that the driver starts from; a checkout without it is of something else. */
  mainFile: string;
}

/** A trainer that is a release on PyPI; the lock of its environment holds the hashes. */
export interface ReleaseUpstream {
  kind: 'release';
  /** Name on PyPI. */
  distribution: string;
  version: string;
}

export type Upstream = GitUpstream | ReleaseUpstream;

/** The trainers that are not of this project; what is exactly tested is what is installed. */
export const UPSTREAMS = {
  kohya: {
    kind: 'git',
    url: 'https://github.com/kohya-ss/sd-scripts.git',
    commit: '48d368fa557731ad0488c07304dfeba8c07910eb',
    date: '2026-02-16',
    mainFile: 'train_network.py',
  },
  'ai-toolkit': {
    kind: 'git',
    url: 'https://github.com/ostris/ai-toolkit.git',
    commit: '27a03a91f23eb1b757d5ec2e80ee3e129cfcc350',
    date: '2026-08-21',
    mainFile: 'run.py',
  },
  trl: { kind: 'release', distribution: 'trl', version: '1.13.0' },
} as const satisfies Record<Exclude<TrainerId, BuiltInTrainer>, Upstream>;

export type UpstreamId = keyof typeof UPSTREAMS;
